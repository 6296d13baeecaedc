import { after, millis, pathKey, samePath, type Instant, type Path } from '../../base/index.ts';
import { findNotify, notify, type NotifyPayload, type Payload } from '../../codec/ike/index.ts';
import { mayBeAt } from '../address-policy.ts';
import { HOLD_TIME, RETRANSMIT_UNKNOWN } from '../constants.ts';
import type { Ctx } from '../context.ts';
import { Cookie2 } from '../cookie2.ts';
import { takeUpdate } from '../encapsulation.ts';
import type { Task } from '../exchange.ts';
import type { IkeSa } from '../ike-sa.ts';
import { isVerified, noteVerified, seldomer } from '../mobility.ts';
import { settle } from './mobike-addresses.ts';

/* The responder's side of RFC 4555: `../mobility.ts` has the story. */

/**
 * Takes an UPDATE_SA_ADDRESSES request that arrived on `path`. Returns notifies for the answer and what follows once
 * the answer has been sent.
 */
export function acceptUpdate(sa: IkeSa, messageId: number, payloads: readonly Payload[], path: Path, ctx: Ctx): { readonly payloads: NotifyPayload[]; readonly after: (() => void) | undefined } {
  const none = { payloads: [], after: undefined };
  if (!findNotify(payloads, 'UPDATE_SA_ADDRESSES')) return none;
  // M1.3-1: only the initiator of the chain moves it; from the other side the notify is ignored.
  if (sa.mobikeRole !== 'responder') {
    sa.log('info', 'UPDATE_SA_ADDRESSES from the responder ignored', ctx);
    return none;
  }
  if (messageId < sa.mobility.lastUpdateId) return none; // M3.5-10
  const from = sa.path;
  const refusal = !mayBeAt(sa.connection, path) ? 'its address is not allowed' : !samePath(from, path) && !hasMoveLeft(sa, ctx) ? 'it moves too often' : undefined;
  if (refusal !== undefined) {
    sa.log('info', `a move to ${path.remote.address} is refused: ${refusal}`, ctx);
    return { payloads: [notify('UNACCEPTABLE_ADDRESSES')], after: undefined }; // M3.5-12
  }
  sa.mobility.lastUpdateId = messageId;
  sa.path = path; // M3.5-13
  settle(sa); // the peer has found us by itself
  const before = sa.encapsulation;
  takeUpdate(sa, path, payloads, ctx); // M3.5-17
  return {
    payloads: [],
    after: () => {
      if (!samePath(from, path)) {
        sa.mobility.turning = { from: sa.mobility.turning?.from ?? from, since: sa.mobility.turning?.since ?? ctx.now, wait: RETRANSMIT_UNKNOWN, reasons: ['peer_update'], esp: sa.mobility.turning?.esp };
        sa.mobility.arrivedAt = ctx.now;
        sa.event({ type: 'path.moving', chain: sa.chain, connection: sa.name, from, to: path, reasons: ['peer_update'], took: millis(0) }, ctx);
        sa.exchanges.retarget(from, ctx);
      } else if (sa.encapsulation !== before && (!sa.mobility.turning || sa.mobility.turning.esp === pathKey(path)))
        ctx.emit({ type: 'bundle.path', bundle: sa.chain, path, encapsulation: sa.encapsulation, opensPinhole: false, ...(sa.mobility.turning ? { unverified: true } : {}) });
      proceedTurn(sa, ctx);
    },
  };
}

/** Whether the peer may move once more; takes one of its moves. */
export const hasMoveLeft = (sa: IkeSa, ctx: Ctx): boolean =>
  sa.connection?.moves === undefined || ctx.host.mayMove(`${sa.name}|${sa.peerId?.idType ?? 0}|${sa.peerId?.text ?? ''}`, sa.connection.moves.updateRate, ctx.now);

/**
 * Turns the Child SAs to where the peer moved (RFC 4555 §3.7): as soon as it has shown that it receives there, or, as the connection says,
 * at once, bounded until it has shown it (M3.5-15, M3.7-1, M3.7-2).
 */
export function proceedTurn(sa: IkeSa, ctx: Ctx): void {
  const { turning } = sa.mobility;
  if (!turning) return;
  const { routability = 'before', hold = 'continue' } = sa.connection?.moves ?? {};
  if (routability === 'off' || isVerified(sa.mobility, sa.path, ctx.now)) return turn(sa, ctx);
  const esp = routability === 'after' ? pathKey(sa.path) : hold === 'drop' ? HELD : turning.esp;
  if (esp !== turning.esp) {
    turning.esp = esp;
    if (esp === HELD) ctx.emit({ type: 'bundle.hold', bundle: sa.chain });
    else ctx.emit({ type: 'bundle.path', bundle: sa.chain, path: sa.path, encapsulation: sa.encapsulation, opensPinhole: false, unverified: true });
  }
  if (!sa.exchanges.has('routability')) sa.exchanges.enqueue(routabilityTask(), true);
}

const HELD = 'held';

/** ESP goes to where the peer is from now on. */
export function turn(sa: IkeSa, ctx: Ctx): void {
  const { turning } = sa.mobility;
  if (!turning) return;
  sa.mobility.turning = undefined;
  if (turning.esp !== pathKey(sa.path)) ctx.emit({ type: 'bundle.path', bundle: sa.chain, path: sa.path, encapsulation: sa.encapsulation, opensPinhole: false });
  if (turning.esp !== undefined && turning.esp !== HELD) ctx.emit({ type: 'bundle.verified', bundle: sa.chain });
  if (!samePath(turning.from, sa.path))
    sa.event({ type: 'path.moved', chain: sa.chain, connection: sa.name, from: turning.from, to: sa.path, reasons: turning.reasons, took: millis(ctx.now - turning.since) }, ctx);
}

/** When the peer shows again that it receives where it is; undefined: never, or that is under way (M3.7-9). */
export function recheckDue(sa: IkeSa): Instant | undefined {
  const interval = sa.connection?.moves?.recheck;
  if (interval === undefined || sa.mobikeRole !== 'responder' || !sa.isEstablished || !sa.mobility.supported || sa.mobility.turning || sa.exchanges.has('routability')) return undefined;
  return after(sa.mobility.checkedAt ?? sa.establishedAt ?? (0 as Instant), interval);
}

/** M3.7-4: the absence of COOKIE2 proves nothing either way; a peer that never returns it is asked ever more seldom. */
function askAgain(sa: IkeSa, ctx: Ctx): void {
  const { turning } = sa.mobility;
  if (!turning) return;
  sa.timers.set('routability', after(ctx.now, turning.wait));
  turning.wait = seldomer(turning.wait);
}

/**
 * INFORMATIONAL with COOKIE2 to the peer's address (RFC 4555 §3.7). It may wait through a rekeying: the SA is the one that asks. `again`: also
 * where the peer has not moved (M3.7-9).
 */
export function routabilityTask(again = false): Task {
  const cookie2 = new Cookie2();
  let target: Path | undefined;
  return {
    kind: 'routability', exchange: 'INFORMATIONAL', patience: HOLD_TIME,
    build(sa, ctx) {
      if (!sa.isEstablished || (!again && !sa.mobility.turning)) return undefined;
      target = sa.path;
      sa.mobility.checkedAt = ctx.now;
      return [cookie2.draw(ctx)];
    },
    onResponse(sa, payloads, answer, ctx) {
      const isReturned = cookie2.returned(sa, payloads, 'a return routability check', ctx);
      if (isReturned === undefined) return;
      // an SA that was rekeyed meanwhile has left this to its successor.
      if (!sa.isEstablished) return;
      // M3.7-6, M3.7-7: sent to several addresses, or moved on meanwhile: this proves nothing.
      if (!answer.onePath || !target || !samePath(target, sa.path)) return sa.exchanges.enqueue(routabilityTask(again), true);
      if (!isReturned) return askAgain(sa, ctx);
      noteVerified(sa.mobility, target, ctx.now);
      turn(sa, ctx);
    },
    onTimeout: (sa, ctx) => sa.close('peer_dead', 'no answer to the return routability check', ctx),
  };
}
