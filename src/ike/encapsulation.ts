import { ByteWriter, ipBytes, ipFamily, isPrivateIp, pathKey, sameBytes, type Path } from '../base/index.ts';
import { findNotify, notify, type NotifyPayload, type Payload } from '../codec/ike/index.ts';
import type { Ctx } from './context.ts';
import type { IkeSa } from './ike-sa.ts';
import { remember } from './mobility.ts';
import { natNotifies, natVerdict, type NatVerdict } from './nat.ts';
import type { IkeConnection } from './types.ts';

/*
 * Whether ESP goes in UDP. NAT traversal is on for an IKE SA and all that follow it when both ends sent NAT detection in IKE_SA_INIT, whatever
 * it showed (M3.9-1). Then ESP of the current pair goes in UDP when either end sees a NAT on it, or when it is forced: by a wrong SOURCE hash the
 * peer is made to believe in a NAT (NK-8). That is judged by IKE_SA_INIT and by each UPDATE_SA_ADDRESSES, at both ends, and by nothing else, so
 * that both know of every change; until the update of a move is answered the initiator goes by what it knows of the pair (M3.5-5).
 *
 * Without NAT traversal ESP never goes in UDP and IKE keeps its port; requests about addresses carry NO_NATS_ALLOWED instead, which says between
 * which addresses they were sent: who gets one from elsewhere answers UNEXPECTED_NAT_DETECTED and does nothing (RFC 4555 §3.9).
 */

export interface NatState {
  /** Both sent NAT detection in IKE_SA_INIT. */
  traversal: boolean;
  /** ESP of the current pair goes in UDP. */
  encapsulated: boolean;
  /** By pair: whether a NAT was on it when that was last seen (D5.2.1-2). At most 16. */
  readonly seen: Map<string, boolean>;
  /** Pairs on which ESP shall go in UDP even so: something on the way drops it otherwise (F-3). At most 16. */
  readonly forced: Map<string, true>;
}

/** What an IKE SA starts with. */
export const unjudged = (): NatState => ({ traversal: true, encapsulated: true, seen: new Map(), forced: new Map() });

/** Connections that may do without NAT traversal on this pair: ESP without UDP can be sent at all, and the user does not always want UDP. */
export const canBePlain = (connection: IkeConnection | undefined, path: Path, ctx: Ctx): boolean =>
  ctx.host.plainEsp.has(ipFamily(path.remote.address)) && connection?.natT !== 'always';

/**
 * A peer that stays on port 500 sees no NAT, whatever its own hashes make us believe: OpenIKED's are of 0.0.0.0 where its address is not
 * configured. There ESP never goes in UDP, since all that comes to that port is IKE (RFC 7296 §2.23).
 */
const canBeInUdp = (path: Path): boolean => path.local.port !== 500;

/** Whether UDP is forced on this pair: no other ESP can be sent, or it is wanted. */
export function isForced(sa: IkeSa, path: Path, ctx: Ctx): boolean {
  return !canBePlain(sa.connection, path, ctx) || (sa.connection?.natT !== 'never' && sa.nat.forced.has(pathKey(path)));
}

/** NAT detection of a message of this SA that leaves on `path`; nothing without NAT traversal. */
export const natPair = (sa: IkeSa, path: Path, ctx: Ctx): NotifyPayload[] =>
  sa.nat.traversal ? natNotifies(ctx.deps.suite, sa.spiI, sa.spiR, path.local, path.remote, isForced(sa, path, ctx)) : [];

/** What a request with UPDATE_SA_ADDRESSES or an announcement of addresses carries when it leaves on `path` (M3.5-8, M3.9-1). */
export const guard = (sa: IkeSa, path: Path, ctx: Ctx): NotifyPayload[] => (sa.nat.traversal ? natPair(sa, path, ctx) : [noNats(path)]);

/** Between which endpoints a message is sent (RFC 4555 §4.2.6): 12 octets for IPv4, 36 for IPv6. */
export const noNats = (path: Path): NotifyPayload => notify('NO_NATS_ALLOWED', claimOf(path.local, path.remote));

function claimOf(source: Path['local'], destination: Path['local']): Uint8Array {
  return new ByteWriter(36).bytes(ipBytes(source.address)).bytes(ipBytes(destination.address)).u16(source.port).u16(destination.port).finish();
}

/**
 * What NO_NATS_ALLOWED of a request that came on `path` says (M3.9-2): the way is as it claims, or nothing is claimed; somebody translated it;
 * or it is none. The addresses in it are used for nothing else (M3.9-3). With NAT traversal it is never sent and means nothing (M3.9-1).
 */
export function judgeClaim(sa: IkeSa, payloads: readonly Payload[], path: Path): 'fits' | 'translated' | 'malformed' {
  const claim = sa.nat.traversal ? undefined : findNotify(payloads, 'NO_NATS_ALLOWED');
  if (!claim) return 'fits';
  if (claim.data.length !== 12 && claim.data.length !== 36) return 'malformed';
  return sameBytes(claim.data, claimOf(path.remote, path.local)) ? 'fits' : 'translated';
}

/** Takes what IKE_SA_INIT on `path` showed; undefined: an end did without NAT detection. `forced`: by us. */
export function takeInit(sa: IkeSa, path: Path, verdict: NatVerdict | undefined, forced: boolean): void {
  sa.nat.traversal = verdict !== undefined;
  sa.natLocal = verdict?.local === true;
  sa.natRemote = verdict?.remote === true;
  sa.nat.encapsulated = verdict !== undefined && (forced || verdict.local || verdict.remote);
  if (verdict) remember(sa.nat.seen, pathKey(path), verdict.local || verdict.remote);
}

/** Takes what an UPDATE_SA_ADDRESSES or its answer shows of the pair that is now the current one (M3.5-17, M3.5-22); without NAT detection all stays. */
export function takeUpdate(sa: IkeSa, arrival: Path, payloads: readonly Payload[], ctx: Ctx): void {
  const verdict = natVerdict(ctx.deps.suite, sa.spiI, sa.spiR, arrival.local, arrival.remote, payloads);
  if (!verdict || !sa.nat.traversal) return;
  [sa.natLocal, sa.natRemote] = [verdict.local, verdict.remote];
  remember(sa.nat.seen, pathKey(sa.path), verdict.local || verdict.remote);
  sa.nat.encapsulated = isNeeded(sa, verdict, ctx);
}

const isNeeded = (sa: IkeSa, verdict: NatVerdict, ctx: Ctx): boolean => canBeInUdp(sa.path) && (verdict.local || verdict.remote || isForced(sa, sa.path, ctx));

/** The responder learns in IKE_AUTH on which port the peer goes on. */
export function takeAuth(sa: IkeSa): void {
  if (!canBeInUdp(sa.path)) sa.nat.encapsulated = false;
}

/** Before the update of a move to `to` is answered: in UDP unless no NAT was there when it was last asked (M3.5-5). */
export function expectOn(sa: IkeSa, to: Path, ctx: Ctx): void {
  const suspected = sa.nat.seen.get(pathKey(to)) ?? true;
  sa.nat.encapsulated = sa.nat.traversal && canBeInUdp(to) && (suspected || isPrivateIp(to.local.address) || isForced(sa, to, ctx));
}

/** Whether an answer says of the current pair something else than what ESP goes by: then an update is due, which tells both ends. */
export const isOutdated = (sa: IkeSa, verdict: NatVerdict, ctx: Ctx): boolean =>
  sa.nat.traversal && sa.nat.encapsulated !== isNeeded(sa, verdict, ctx);
