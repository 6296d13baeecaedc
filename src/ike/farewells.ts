import { keepNewest, sameBytes } from '../base/index.ts';
import type { IkeSa } from './ike-sa.ts';
import type { IkeDeps } from './types.ts';

/** IKE SAs whose last answer is kept. */
const KEPT_MOST = 64;

/**
 * The last answers of IKE SAs that ended by them: a Delete, a refused IKE_AUTH. Who did not hear such an answer repeats the request, and
 * gets it again (I2.1-2), though the SA and its keys are gone. The newest are kept; of the request only a hash.
 */
export class Farewells {
  readonly #deps: IkeDeps;
  readonly #kept = new Map<bigint, { readonly request: Uint8Array; readonly response: readonly Uint8Array[] }>();

  constructor(deps: IkeDeps) {
    this.#deps = deps;
  }

  keep(sa: IkeSa): void {
    const { answered } = sa.inbox;
    if (!answered) return;
    keepNewest(this.#kept, sa.localSpi, { request: this.#deps.suite.hash('sha256', answered.request), response: answered.response }, KEPT_MOST);
  }

  /** What exactly this request was answered when the SA ended. */
  answer(localSpi: bigint, request: Uint8Array): readonly Uint8Array[] | undefined {
    const kept = this.#kept.get(localSpi);
    return kept && sameBytes(kept.request, this.#deps.suite.hash('sha256', request)) ? kept.response : undefined;
  }
}
