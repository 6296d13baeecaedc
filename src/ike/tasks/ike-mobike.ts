import { after, millis, pathKey, sameBytes, samePath, type Instant, type Path } from '../../base/index.ts';
import { isErrorNotify, notify, notifyName, type Payload } from '../../codec/ike/index.ts';
import { HOLD_TIME, NO_NATS_TRIES, REFRESH_PACE, REFUSED_TIME, RETRANSMIT_UNKNOWN } from '../constants.ts';
import type { Ctx } from '../context.ts';
import { Cookie2 } from '../cookie2.ts';
import type { Answer, Task } from '../exchange.ts';
import type { IkeSa } from '../ike-sa.ts';
import { expectOn, guard, isOutdated, takeUpdate } from '../encapsulation.ts';
import { isVerified, noteVerified, remember, seldomer, type PendingMove } from '../mobility.ts';
import { natVerdict } from '../nat.ts';
import { addressNotifies } from './mobike-addresses.ts';

/* The initiator's side of RFC 4555: `mobility.ts` has the story. */

/** RFC 4555 §3.5: this path from now on; it may be the present one, which was gone and is back. `since` is when what caused it happened; `verify`: ESP waits for return routability (M3.5-4). */
export function movePath(sa: IkeSa, to: Path, reasons: readonly string[], since: Instant, ctx: Ctx, verify = false): void {
  if ((sa.mobility.refused.get(pathKey(to)) ?? ctx.now) > ctx.now) return sa.event({ type: 'ike.unreachable', chain: sa.chain, connection: sa.name, hint: 'path_refused' }, ctx);
  const from = sa.mobility.pending?.from ?? sa.path;
  const before = sa.path;
  sa.path = to;
  expectOn(sa, to, ctx);
  sa.unansweredSince = undefined;
  // An address of the peer that was verified lately is not verified again (D59-3).
  const unverified = verify && !isVerified(sa.mobility, to, ctx.now);
  sa.mobility.pending = { from, reasons, since, due: true, unverified, resumed: samePath(before, to) };
  if (!unverified) ctx.emit({ type: 'bundle.path', bundle: sa.chain, path: to, encapsulation: sa.encapsulation, opensPinhole: true });
  sa.event({ type: 'path.moving', chain: sa.chain, connection: sa.name, from: before, to, reasons, took: millis(ctx.now - since) }, ctx);
  sa.exchanges.retarget(before, ctx);
  if (sa.race) sa.race.theirs.path = to;
  if (sa.predecessor && !sa.predecessor.isDead) moveOld(sa, sa.predecessor, sa.mobility.pending, to, ctx);
  sa.afterwards(ctx);
}

/**
 * takes along an IKE SA that was just rekeyed. When we only answered the rekeying, the peer may not have heard: it does not know
 * the successor then, and learns the new pair on the SA that it knows.
 */
function moveOld(sa: IkeSa, old: IkeSa, move: PendingMove, to: Path, ctx: Ctx): void {
  const before = old.path;
  old.path = to;
  if (old.mobility.supported && !sa.isHeard && !old.exchanges.has('ikeDelete')) old.mobility.pending = { ...move, due: true };
  old.exchanges.retarget(before, ctx);
  old.afterwards(ctx);
}

/** The same pair again: our mapping changed, or the SPIs did (M3.8-3, M3.8-4). */
export function refreshPath(sa: IkeSa, reason: string, ctx: Ctx): void {
  if (!sa.mobility.supported || sa.mobikeRole !== 'initiator' || sa.mobility.pending) return;
  sa.mobility.pending = { from: sa.path, reasons: [reason], since: ctx.now, due: true };
}

/**
 * N-d: libreswan 4.10 answers a check with the hash of where it had us before, so that a mapping that changed does not show. When packets of ours
 * went unanswered and a check did not, a peer that may be like that is told of our pair again, which it sees the message come from: once for a
 * silence, and seldom while that lasts.
 */
export function refreshInSilence(sa: IkeSa, ctx: Ctx): void {
  const { mobility, traffic } = sa;
  const isOneOfUs = sa.takesPadding || mobility.vendor;
  if (!sa.natLocal || isOneOfUs) return;
  const { refreshedAt } = mobility;
  if (refreshedAt !== undefined && (traffic.lastInbound ?? 0) <= refreshedAt && ctx.now < after(refreshedAt, REFRESH_PACE)) return;
  mobility.refreshedAt = ctx.now;
  refreshPath(sa, 'unanswered', ctx);
}

/** F-3: from the next update of this pair on both ends send its ESP in UDP, NAT or not; or as it is without us. */
export function encapsulate(sa: IkeSa, path: Path, on: boolean, ctx: Ctx): void {
  if (on) remember(sa.nat.forced, pathKey(path), true);
  else sa.nat.forced.delete(pathKey(path));
  if (samePath(path, sa.path) && sa.isEstablished && sa.nat.traversal && sa.connection?.natT !== 'never') refreshPath(sa, 'encapsulation', ctx);
}

/** The UPDATE_SA_ADDRESSES request of a pending move; undefined when one is on its way already. */
export function updateTask(sa: IkeSa): Task | undefined {
  const { pending } = sa.mobility;
  if (!pending?.due) return undefined;
  const target = sa.path;
  const cookie2 = new Cookie2();
  return {
    kind: 'update', exchange: 'INFORMATIONAL', patience: HOLD_TIME,
    build(_sa, ctx) {
      pending.due = false;
      return [notify('UPDATE_SA_ADDRESSES'), ...guard(sa, target, ctx), cookie2.draw(ctx), ...addressNotifies(sa, target, 'INFORMATIONAL', ctx)]; // M3.6-5
    },
    onResponse(_sa, payloads, answer, ctx) {
      onUpdateResponse(sa, pending, target, cookie2, payloads, answer, ctx);
    },
    onTimeout: (_sa, ctx) => sa.close('peer_dead', 'no answer to UPDATE_SA_ADDRESSES', ctx),
  };
}

function onUpdateResponse(sa: IkeSa, pending: PendingMove, target: Path, cookie2: Cookie2, payloads: readonly Payload[], answer: Answer, ctx: Ctx): void {
  const isReturned = cookie2.returned(sa, payloads, 'UPDATE_SA_ADDRESSES', ctx);
  if (isReturned === undefined) return;
  if (sa.state === 'rekeyed') {
    sa.mobility.pending = undefined;
    return;
  }
  // M3.5-9, M3.5-18: a newer decision stands; its own update follows.
  if (sa.mobility.pending !== pending || !samePath(target, sa.path)) return;
  if (!answer.onePath) {
    // D6.2-3: nobody knows which copy the peer took; ask once more, on the chosen pair alone.
    pending.due = true;
    return;
  }
  // I3.10-1: whatever the error is, the update failed as a whole.
  const error = payloads.find((p) => p.type === 'N' && isErrorNotify(p.notify));
  if (error?.type === 'N' && notifyName(error.notify) === 'UNEXPECTED_NAT_DETECTED' && !sa.nat.traversal && translated(pending)) return;
  if (error?.type === 'N') return refused(sa, pending, target, notifyName(error.notify), ctx);
  const before = sa.encapsulation;
  takeVerdict(sa, target, answer.path, payloads, true, ctx);
  takeUpdate(sa, answer.path, payloads, ctx);
  if (sa.encapsulation !== before && !pending.unverified) ctx.emit({ type: 'bundle.path', bundle: sa.chain, path: target, encapsulation: sa.encapsulation, opensPinhole: true });
  if (isReturned) noteVerified(sa.mobility, target, ctx.now);
  if (pending.unverified) {
    if (!isReturned) {
      // M3.7-4: that proves nothing; asked again, ever more seldom.
      pending.wait = pending.wait === undefined ? RETRANSMIT_UNKNOWN : seldomer(pending.wait);
      sa.timers.set('update', after(ctx.now, pending.wait));
      return;
    }
    ctx.emit({ type: 'bundle.path', bundle: sa.chain, path: target, encapsulation: sa.encapsulation, opensPinhole: true }); // M3.5-21
  }
  sa.mobility.pending = undefined;
  if (!samePath(pending.from, target) || pending.resumed === true)
    sa.event({ type: 'path.moved', chain: sa.chain, connection: sa.name, from: pending.from, to: target, reasons: pending.reasons, took: millis(ctx.now - pending.since) }, ctx);
}

/** M3.9-4: somebody altered the addresses of this request; a new one may come through. False after several. */
function translated(pending: PendingMove): boolean {
  pending.translated = (pending.translated ?? 0) + 1;
  pending.due = pending.translated < NO_NATS_TRIES;
  return pending.due;
}

/** M3.5-20: the peer stays where it was, and we go back there: it is the pair that both ends know. */
function refused(sa: IkeSa, pending: PendingMove, target: Path, why: string, ctx: Ctx): void {
  sa.log('warn', `the peer refused its new address pair: ${why}`, ctx);
  sa.mobility.pending = undefined;
  if (!samePath(pending.from, target)) {
    remember(sa.mobility.refused, pathKey(target), after(ctx.now, REFUSED_TIME));
    movePath(sa, pending.from, ['refused'], ctx.now, ctx);
  }
  sa.event({ type: 'path.refused', chain: sa.chain, connection: sa.name, path: target }, ctx);
}

/**
 * Reads NAT detection of the answer to a request that was sent on `path` alone: the mapping it shows becomes, or is compared with, that
 * path's baseline. `arrival`: the path of the answer, which is another when the peer answers from elsewhere.
 */
export function takeVerdict(sa: IkeSa, path: Path, arrival: Path, payloads: readonly Payload[], baseline: boolean, ctx: Ctx): void {
  const verdict = natVerdict(ctx.deps.suite, sa.spiI, sa.spiR, arrival.local, arrival.remote, payloads);
  if (!verdict) return; // keep the present setting
  const key = pathKey(path);
  const known = sa.mobility.mappings.get(key);
  const current = samePath(path, sa.path);
  remember(sa.mobility.mappings, key, verdict.mapping);
  remember(sa.nat.seen, key, verdict.local || verdict.remote);
  if (!current) return; // N-i: a standby's mapping comes and goes; that is no change of ours
  sa.natLocal = verdict.local;
  sa.natRemote = verdict.remote;
  if (baseline) return;
  if (!known || sameBytes(known, verdict.mapping)) {
    if (isOutdated(sa, verdict, ctx)) refreshPath(sa, 'encapsulation', ctx);
    return;
  }
  sa.event({ type: 'nat.changed', chain: sa.chain, connection: sa.name, path }, ctx);
  refreshPath(sa, 'nat_mapping_changed', ctx);
}
