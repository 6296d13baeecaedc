import { since, type Instant, type Millis } from '../base/index.ts';
import type { IkeEvent } from '../ike/index.ts';
import type { Decision, Explanation } from '../uplink/index.ts';

/** Decisions remembered of one connection; the oldest goes first. */
const DECISIONS_MOST = 10;

/** What became of a decision. */
export type Outcome =
  /** The peer has not confirmed it yet. */
  | { readonly state: 'pending' }
  /** RFC 4555: the peer confirmed the new pair; or a new IKE SA was set up. `took`: from what caused it. */
  | { readonly state: 'moved' | 'established'; readonly took: Millis }
  /** The peer answered UNACCEPTABLE_ADDRESSES or another error, and we went back. */
  | { readonly state: 'refused'; readonly took: Millis }
  /** Circumstances changed back before it was done. */
  | { readonly state: 'taken_back' }
  /** A later decision came before it was done. */
  | { readonly state: 'replaced' }
  /** There is no path to go to. */
  | { readonly state: 'impossible' }
  /** The IKE SA ended before it was done. */
  | { readonly state: 'failed'; readonly why: string };

/** What was known of an uplink when a decision was made. */
export interface Evidence {
  readonly uplink: string;
  readonly metric: number | undefined;
  readonly answeredAgo: Millis | undefined;
  readonly rttMs: Millis | undefined;
  readonly failures: number;
}

/** One decision, with everything that explains it afterwards (M2.1-3). */
export interface Remembered {
  readonly at: Instant;
  /** Undefined: there was no IKE SA. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly reasons: readonly string[];
  /** The policy's input that led to it, or `protocol`. */
  readonly trigger: string;
  /** Requests in a row that the path we left had not answered. */
  readonly unanswered: number | undefined;
  readonly left: Evidence | undefined;
  readonly taken: Evidence | undefined;
  readonly outcome: Outcome;
}

function evidence(uplink: string | undefined, explanation: Explanation | undefined): Evidence | undefined {
  if (uplink === undefined) return undefined;
  const known = explanation?.candidates.find((candidate) => candidate.uplink === uplink);
  return { uplink, metric: known?.metric, answeredAgo: known?.answeredAgo, rttMs: known?.rttMs, failures: known?.failures ?? 0 };
}

/** The last decisions of every connection whose uplink we choose, and what became of them. */
export class Decisions {
  readonly #rings = new Map<string, Remembered[]>();

  /** The policy decided. `from`: where the IKE SA is, if there is one; `possible`: there is a path to go to. */
  decided(connection: string, decision: Decision, from: string | undefined, possible: boolean, explanation: Explanation | undefined): void {
    const last = this.#ring(connection).at(-1);
    const staying = decision.reasons[0] === 'keep';
    if (last?.outcome.state === 'pending' && last.to === decision.to && last.from === from && !staying) return; // a reminder of the same
    if (last?.outcome.state === 'impossible' && !possible && last.to === decision.to && last.reasons[0] === decision.reasons[0]) return;
    this.#conclude(connection, { state: staying ? 'taken_back' : 'replaced' });
    if (staying) return;
    this.#push(connection, {
      at: decision.at, from, to: decision.to, reasons: decision.reasons, trigger: decision.trigger, unanswered: explanation?.doubtful,
      left: evidence(from, explanation), taken: evidence(decision.to, explanation), outcome: { state: possible ? 'pending' : 'impossible' },
    });
  }

  /** Follows the connection's own IKE SA. */
  onIke(event: IkeEvent, now: Instant): void {
    switch (event.type) {
      case 'path.moving': {
        if (event.reasons[0] === 'refused') return; // back to where the peer is: told by `path.refused`
        const last = this.#ring(event.connection).at(-1);
        if (last?.outcome.state === 'pending' && last.to === event.to.uplink) return;
        this.#conclude(event.connection, { state: 'replaced' });
        const [from, to] = [event.from.uplink, event.to.uplink];
        return this.#push(event.connection, {
          at: now, from, to, reasons: event.reasons, trigger: 'protocol', unanswered: undefined, left: evidence(from, undefined), taken: evidence(to, undefined), outcome: { state: 'pending' },
        });
      }
      case 'path.moved':
        if (event.reasons[0] !== 'refused') this.#conclude(event.connection, { state: 'moved', took: event.took });
        return;
      case 'path.refused': {
        const last = this.#ring(event.connection).at(-1);
        if (last?.to === event.path.uplink) this.#conclude(event.connection, { state: 'refused', took: since(last.at, now) });
        return;
      }
      case 'ike.established': {
        const last = this.#ring(event.connection).at(-1);
        // Several uplinks were tried side by side: it is the one that answered.
        if (last) this.#conclude(event.connection, { state: 'established', took: since(last.at, now) }, event.path.uplink);
        return;
      }
      case 'ike.closed':
        return this.#conclude(event.connection, { state: 'failed', why: event.detail || event.reason });
      default:
        return;
    }
  }

  /** Newest first. */
  of(connection: string): readonly Remembered[] {
    return [...(this.#rings.get(connection) ?? [])].reverse();
  }

  forget(connection: string): void {
    this.#rings.delete(connection);
  }

  #ring(connection: string): Remembered[] {
    return this.#rings.get(connection) ?? [];
  }

  #push(connection: string, entry: Remembered): void {
    this.#rings.set(connection, [...this.#ring(connection), entry].slice(-DECISIONS_MOST));
  }

  #conclude(connection: string, outcome: Outcome, to?: string): void {
    const ring = this.#ring(connection);
    const last = ring.at(-1);
    if (last?.outcome.state === 'pending') ring[ring.length - 1] = { ...last, to: to ?? last.to, outcome };
  }
}
