import { after, isUnusableIp, millis, pathKey, sameBytes, samePath, type Instant, type Millis, type Path } from '../../base/index.ts';
import { findNotify, isErrorNotify, notify, notifyName, type NotifyPayload, type Payload } from '../../codec/ike/index.ts';
import { HOLD_TIME, PATH_PACE, PATH_ROUND_MOST, REFUSED_TIME, RESPONDER_LIVENESS, RETRANSMIT_UNKNOWN, RR_CACHE } from '../constants.ts';
import type { Ctx } from '../context.ts';
import type { Answer, Task } from '../exchange.ts';
import type { IkeSa } from '../ike-sa.ts';
import { natNotifies, natVerdict } from '../nat.ts';
import { acceptsAddresses } from './ike-init.ts';

/*
 * RFC 4555. The initiator decides: `move` writes the new path into the IKE SA, sends the outstanding request there,
 * turns the Child SAs, and an UPDATE_SA_ADDRESSES follows as soon as the window allows. The responder takes the path
 * from the header of an UPDATE_SA_ADDRESSES, answers, checks return routability, then turns its Child SAs.
 */

/** A move that the peer has not confirmed yet. */
interface PendingMove {
  readonly from: Path;
  readonly reasons: readonly string[];
  readonly since: Instant;
  /** False while an UPDATE_SA_ADDRESSES for the current path is outstanding. */
  due: boolean;
}

export interface Mobility {
  /** Both sent MOBIKE_SUPPORTED (RFC 4555 §3.2). */
  supported: boolean;
  pending: PendingMove | undefined;
  /** Per path, the peer's hash of where our packets come from: the mapping baseline (M3.8-3). At most 16. */
  mappings: Map<string, Uint8Array>;
  /** Responder: addresses of the peer whose return routability was shown, until when (D59-3). At most 16. */
  verified: Map<string, Instant>;
  /** Responder: message ID of the last UPDATE_SA_ADDRESSES taken (M3.5-10). */
  lastUpdateId: number;
  /** Responder: the peer moved, and Child SAs still leave on `from` until return routability is shown. */
  turning: { readonly from: Path; readonly since: Instant; wait: Millis } | undefined;
  /** Initiator: paths the responder does not want, until when they are not moved to again (M3.5-20). At most 16. */
  refused: Map<string, Instant>;
}

/** What an IKE SA starts with. */
export const settled = (): Mobility => ({ supported: false, pending: undefined, mappings: new Map(), verified: new Map(), lastUpdateId: -1, turning: undefined, refused: new Map() });

const COOKIE2_OCTETS = 16;
const REMEMBERED = 16;

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest);
}

const natPair = (sa: IkeSa, path: Path, ctx: Ctx): NotifyPayload[] => natNotifies(ctx.deps.suite, sa.spiI, sa.spiR, path.local, path.remote, true);

// ---- initiator -----------------------------------------------------------------------------------------------------

/** RFC 4555 §3.5: this path from now on. `since` is when what caused it happened. */
export function movePath(sa: IkeSa, to: Path, reasons: readonly string[], since: Instant, ctx: Ctx): void {
  if ((sa.mobility.refused.get(pathKey(to)) ?? ctx.now) > ctx.now) return sa.event({ type: 'ike.unreachable', chain: sa.chain, connection: sa.name, hint: 'path_refused' }, ctx);
  const from = sa.mobility.pending?.from ?? sa.path;
  const before = sa.path;
  sa.path = to;
  sa.unansweredSince = undefined;
  sa.mobility.pending = { from, reasons, since, due: true };
  // M3.5-4: the remote addresses are configured ones, so the Child SAs need not wait for return routability.
  ctx.emit({ type: 'bundle.path', bundle: sa.chain, path: to, opensPinhole: true });
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

/** The UPDATE_SA_ADDRESSES request of a pending move; undefined when one is on its way already. */
export function updateTask(sa: IkeSa): Task | undefined {
  const { pending } = sa.mobility;
  if (!pending?.due) return undefined;
  const target = sa.path;
  let cookie2 = new Uint8Array();
  return {
    kind: 'update', exchange: 'INFORMATIONAL', patience: HOLD_TIME,
    build(_sa, ctx) {
      pending.due = false;
      cookie2 = new Uint8Array(ctx.deps.entropy.bytes(COOKIE2_OCTETS, 'cookie2')); // M3.5-8
      return [notify('UPDATE_SA_ADDRESSES'), ...natPair(sa, target, ctx), notify('COOKIE2', cookie2)];
    },
    onResponse(_sa, payloads, answer, ctx) {
      onUpdateResponse(sa, pending, target, cookie2, payloads, answer, ctx);
    },
    onTimeout: (_sa, ctx) => sa.close('peer_dead', 'no answer to UPDATE_SA_ADDRESSES', ctx),
  };
}

function onUpdateResponse(sa: IkeSa, pending: PendingMove, target: Path, cookie2: Uint8Array, payloads: readonly Payload[], answer: Answer, ctx: Ctx): void {
  const echoed = findNotify(payloads, 'COOKIE2');
  if (echoed && !sameBytes(echoed.data, cookie2)) return sa.shutDown('cookie2_mismatch', ctx, 'the peer answered UPDATE_SA_ADDRESSES with another COOKIE2'); // M3.7-4
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
  if (error?.type === 'N') return refused(sa, pending, target, notifyName(error.notify), ctx);
  takeVerdict(sa, target, answer.path, payloads, true, ctx);
  sa.mobility.pending = undefined;
  if (!samePath(pending.from, target))
    sa.event({ type: 'path.moved', chain: sa.chain, connection: sa.name, from: pending.from, to: target, reasons: pending.reasons, took: millis(ctx.now - pending.since) }, ctx);
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
function takeVerdict(sa: IkeSa, path: Path, arrival: Path, payloads: readonly Payload[], baseline: boolean, ctx: Ctx): void {
  const verdict = natVerdict(ctx.deps.suite, sa.spiI, sa.spiR, arrival.local, arrival.remote, payloads);
  if (!verdict) return; // keep the present setting
  const key = pathKey(path);
  const known = sa.mobility.mappings.get(key);
  const current = samePath(path, sa.path);
  remember(sa.mobility.mappings, key, verdict.mapping);
  if (!current) return; // N-i: a standby's mapping comes and goes; that is no change of ours
  sa.natLocal = verdict.local;
  sa.natRemote = verdict.remote;
  if (baseline || !known || sameBytes(known, verdict.mapping)) return;
  sa.event({ type: 'nat.changed', chain: sa.chain, connection: sa.name, path }, ctx);
  refreshPath(sa, 'nat_mapping_changed', ctx);
}

/** A liveness check on the current path, or a probe of another (M3.10-1); both carry NAT detection (M3.8-1, M3.8-3). */
export function livenessTask(probe: Path | undefined): Task {
  let asked: Path | undefined;
  return {
    kind: probe ? 'probe' : 'liveness', exchange: 'INFORMATIONAL', patience: HOLD_TIME,
    ...(probe ? { path: probe } : {}),
    build(sa, ctx) {
      if (!sa.isEstablished) return undefined;
      asked = probe ?? sa.path;
      return sa.mobility.supported && sa.mobikeRole === 'initiator' ? natPair(sa, asked, ctx) : [];
    },
    onResponse(sa, payloads, answer, ctx) {
      // With several copies on the way the hashes may be of another copy's addresses.
      if (asked && answer.onePath && sa.mobility.supported && sa.mobikeRole === 'initiator') takeVerdict(sa, asked, answer.path, payloads, false, ctx);
      // OpenIKED follows every message; the last one it sees must be from the current path.
      if (probe && answer.onePath && sa.isEstablished && sa.exchanges.idle && !sa.mobility.pending && !samePath(probe, sa.path)) sa.exchanges.enqueue(livenessTask(undefined));
    },
    onTimeout: (sa, ctx) => sa.close('peer_dead', `no answer for ${HOLD_TIME / 1000} s`, ctx),
  };
}

// ---- liveness ------------------------------------------------------------------------------------------------------

/** After inbound traffic ceased, one check this many `active` spans later: a mapping lost under a download shows. */
const CEASED_SPANS = 5;

/**
 * When the next liveness check is due (RFC 7296 §2.4): `active` after traffic began to go unanswered, a while after
 * inbound traffic ceased, and after the idle time. Only what came on the current path counts as alive (D5.5.2-3).
 */
export function livenessDue(sa: IkeSa, now: Instant): Instant {
  const { lastInbound, lastOutbound } = sa.traffic;
  const alive = Math.max(sa.lastIke ?? 0, lastInbound ?? 0) as Instant;
  const idleTime: Millis = sa.connection?.liveness ?? RESPONDER_LIVENESS;
  // An answer that came on another path is no sign of life of this one, and no reason to ask without pause.
  const least = sa.lastAnswer === undefined ? now : after(sa.lastAnswer, PATH_PACE);
  let due = after(alive, idleTime);
  if (sa.mobikeRole !== 'initiator') return Math.max(due, least) as Instant;
  if (lastOutbound !== undefined && lastOutbound > alive) {
    // Something is always on its way while traffic flows: only what left after the last sign of life counts, and of that the first seen.
    if (sa.unansweredSince === undefined || sa.unansweredSince < alive) sa.unansweredSince = Math.min(lastOutbound, now) as Instant;
    due = Math.min(due, after(sa.unansweredSince, sa.trafficActive)) as Instant;
  } else sa.unansweredSince = undefined;
  if (lastInbound !== undefined && lastInbound > (sa.lastIke ?? 0)) due = Math.min(due, after(lastInbound, millis(CEASED_SPANS * sa.trafficActive))) as Instant;
  return Math.max(due, least) as Instant;
}

// ---- responder -----------------------------------------------------------------------------------------------------

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
  const allowed = !isUnusableIp(path.remote.address) && (!sa.connection || acceptsAddresses(sa.connection, path));
  if (!allowed) return { payloads: [notify('UNACCEPTABLE_ADDRESSES')], after: undefined }; // M3.5-12
  const from = sa.path;
  sa.mobility.lastUpdateId = messageId;
  sa.path = path; // M3.5-13
  const verdict = natVerdict(ctx.deps.suite, sa.spiI, sa.spiR, path.local, path.remote, payloads);
  if (verdict) [sa.natLocal, sa.natRemote] = [verdict.local, verdict.remote]; // M3.5-17
  return {
    payloads: [],
    after: () => {
      if (!samePath(from, path)) {
        sa.mobility.turning = { from: sa.mobility.turning?.from ?? from, since: sa.mobility.turning?.since ?? ctx.now, wait: RETRANSMIT_UNKNOWN };
        sa.event({ type: 'path.moving', chain: sa.chain, connection: sa.name, from, to: path, reasons: ['peer_update'], took: millis(0) }, ctx);
        sa.exchanges.retarget(from, ctx);
      }
      proceedTurn(sa, ctx);
    },
  };
}

/** Turns the Child SAs to where the peer moved, once it has shown that it receives there (M3.5-15, M3.7-2). */
export function proceedTurn(sa: IkeSa, ctx: Ctx): void {
  if (!sa.mobility.turning) return;
  const verifiedUntil = sa.mobility.verified.get(endpointKey(sa.path));
  if (verifiedUntil !== undefined && verifiedUntil > ctx.now) return turn(sa, ctx);
  if (!sa.exchanges.has('routability')) sa.exchanges.enqueue(routabilityTask(), true);
}

const endpointKey = (path: Path): string => `${path.remote.address}|${path.remote.port}`;

function turn(sa: IkeSa, ctx: Ctx): void {
  const { turning } = sa.mobility;
  sa.mobility.turning = undefined;
  ctx.emit({ type: 'bundle.path', bundle: sa.chain, path: sa.path, opensPinhole: false });
  if (turning && !samePath(turning.from, sa.path))
    sa.event({ type: 'path.moved', chain: sa.chain, connection: sa.name, from: turning.from, to: sa.path, reasons: ['peer_update'], took: millis(ctx.now - turning.since) }, ctx);
}

/** M3.7-4: the absence of COOKIE2 proves nothing either way; a peer that never returns it is asked ever more seldom. */
function askAgain(sa: IkeSa, ctx: Ctx): void {
  const { turning } = sa.mobility;
  if (!turning) return;
  sa.timers.set('routability', after(ctx.now, turning.wait));
  turning.wait = millis(Math.min(turning.wait * 2, PATH_ROUND_MOST));
}

/** INFORMATIONAL with COOKIE2 to the peer's new address (RFC 4555 §3.7). It may wait through a rekeying: the SA is the one that asks. */
function routabilityTask(): Task {
  let cookie2 = new Uint8Array();
  let target: Path | undefined;
  return {
    kind: 'routability', exchange: 'INFORMATIONAL', patience: HOLD_TIME,
    build(sa, ctx) {
      if (!sa.isEstablished || !sa.mobility.turning) return undefined;
      target = sa.path;
      cookie2 = new Uint8Array(ctx.deps.entropy.bytes(COOKIE2_OCTETS, 'cookie2')); // M3.7-5: fresh for each request
      return [notify('COOKIE2', cookie2)];
    },
    onResponse(sa, payloads, answer, ctx) {
      const echoed = findNotify(payloads, 'COOKIE2');
      if (echoed && !sameBytes(echoed.data, cookie2)) return sa.shutDown('cookie2_mismatch', ctx, 'the peer answered with another COOKIE2'); // M3.7-4
      // an SA that was rekeyed meanwhile has left this to its successor.
      if (!sa.isEstablished) return;
      // M3.7-6, M3.7-7: sent to several addresses, or moved on meanwhile: this proves nothing.
      if (!answer.onePath || !target || !samePath(target, sa.path)) return sa.exchanges.enqueue(routabilityTask(), true);
      if (!echoed) return askAgain(sa, ctx);
      remember(sa.mobility.verified, endpointKey(target), after(ctx.now, RR_CACHE));
      turn(sa, ctx);
    },
    onTimeout: (sa, ctx) => sa.close('peer_dead', 'no answer to the return routability check', ctx),
  };
}
