import { after, type Instant } from '../base/index.ts';
import { REFUSAL_TIME, REFUSALS_MOST } from './constants.ts';

/** Sources remembered; of more, the one that has been known longest is forgotten. */
const SOURCES_MOST = 1024;

/**
 * Refused IKE_AUTHs, by the source of their IKE_SA_INIT: who answers from there has proven to be there, so nobody is counted for
 * another's (DOS-2). After REFUSALS_MOST of them within REFUSAL_TIME the source is not answered until that time is over.
 */
export class Refusals {
  readonly #sources = new Map<string, { count: number; readonly until: Instant }>();

  /** Counts one; true when it is the one after which the source is not answered. */
  note(source: string, now: Instant): boolean {
    const known = this.#sources.get(source);
    const entry = known && now < known.until ? known : { count: 0, until: after(now, REFUSAL_TIME) };
    if (entry !== known) this.#sources.delete(source);
    entry.count++;
    this.#sources.set(source, entry);
    const oldest = this.#sources.keys().next().value;
    if (this.#sources.size > SOURCES_MOST && oldest !== undefined) this.#sources.delete(oldest);
    return entry.count === REFUSALS_MOST;
  }

  blocks(source: string, now: Instant): boolean {
    const known = this.#sources.get(source);
    return known !== undefined && known.count >= REFUSALS_MOST && now < known.until;
  }
}
