import { sameBytes } from '../base/index.ts';
import { findNotify, notify, type NotifyPayload, type Payload } from '../codec/ike/index.ts';
import type { Ctx } from './context.ts';
import type { IkeSa } from './ike-sa.ts';

const OCTETS = 16;

/** COOKIE2 of a request (RFC 4555 §4.2.5), by whose return the peer shows that it receives where the request went. */
export class Cookie2 {
  #sent = new Uint8Array();

  /** M3.5-8, M3.7-5: fresh for each request, and the same in its repetitions. */
  draw(ctx: Ctx): NotifyPayload {
    this.#sent = new Uint8Array(ctx.deps.entropy.bytes(OCTETS, 'cookie2'));
    return notify('COOKIE2', this.#sent);
  }

  /**
   * Whether the answer returns it; its absence proves nothing. `undefined`: the answer has another one, and has ended the SA (M3.7-4). `what` the
   * peer answered.
   */
  returned(sa: IkeSa, payloads: readonly Payload[], what: string, ctx: Ctx): boolean | undefined {
    const echoed = findNotify(payloads, 'COOKIE2');
    if (!echoed) return false;
    if (sameBytes(echoed.data, this.#sent)) return true;
    sa.shutDown('cookie2_mismatch', ctx, `the peer answered ${what} with another COOKIE2`);
    return undefined;
  }
}
