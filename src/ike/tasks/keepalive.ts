import { after, earliest, instant, millis, randomFraction, samePath, type Instant, type Millis } from '../../base/index.ts';
import { KEEPALIVE, KEEPALIVE_CONFIRM, KEEPALIVE_JITTER, KEEPALIVE_UNCONFIRMED, RESPONDER_LIVENESS } from '../constants.ts';
import type { Ctx } from '../context.ts';
import type { IkeSa } from '../ike-sa.ts';
import type { KeepalivePlan } from '../types.ts';
import { livenessDue, livenessTask } from './liveness.ts';

/** When anything last left on the current path: the mapping lives from then on. */
export const lastOut = (sa: IkeSa): Instant => instant(Math.max(sa.lastSent ?? 0, sa.traffic.lastAny ?? 0));

/** Since when nothing passed on the current path in either direction, as far as the data plane has told. */
export const silentSince = (sa: IkeSa): Instant => instant(Math.max(lastOut(sa), sa.lastIke ?? 0, sa.traffic.lastInbound ?? 0));

/** When the mapping of the current path is to be refreshed next; undefined: there is none to keep (NK-2). */
export function keepaliveDue(sa: IkeSa, ctx: Ctx): Instant | undefined {
  if (!sa.isEstablished || !sa.natLocal || !sa.nat.encapsulated) return undefined; // D5.2.3-1
  const plan = ctx.host.keepalive(sa.path.uplink);
  const interval = plan?.interval ?? KEEPALIVE;
  const last = lastOut(sa);
  // NK-4: every connection of a metered uplink at the same moments, so that the radio wakes once for all.
  if (plan?.aligned === true) {
    const next = (Math.floor(last / interval) + 1) * interval;
    // The quotient of a learned interval may round down to just below a whole number.
    return earliest(instant(next > last ? next : next + interval), confirmDue(sa, interval, ctx));
  }
  sa.keepaliveShare ??= 1 - KEEPALIVE_JITTER + 2 * KEEPALIVE_JITTER * randomFraction(ctx.deps.entropy, 'keepalive');
  return earliest(after(last, millis(interval * sa.keepaliveShare)), confirmDue(sa, interval, ctx));
}

/**
 * Many NATs give a new mapping half a minute, and their whole time only once something left through it two seconds after it was made (Linux
 * `nf_conntrack_udp_timeout` and `_stream`); with the port kept outside nobody sees that the old one was gone. So where silences are
 * longer than that, the packet that ends one is followed by another, and so is the first on a path.
 */
function confirmDue(sa: IkeSa, interval: Millis, ctx: Ctx): Instant | undefined {
  if (interval <= KEEPALIVE_UNCONFIRMED) return undefined;
  if (sa.kept === undefined || !samePath(sa.kept.path, sa.path)) sa.kept = { path: sa.path, confirmAt: after(ctx.now, KEEPALIVE_CONFIRM) };
  const { confirmAt } = sa.kept;
  if (confirmAt === undefined || lastOut(sa) < confirmAt) return confirmAt;
  sa.kept = { path: sa.path, confirmAt: undefined };
  return undefined;
}

/**
 * Refreshes the mapping. Where octets are cheap, or something is to be learned, by a liveness check: its answer shows whether the mapping is
 * still the one it was (M3.8-3), and the idle time for a check of its own begins anew. Else by one octet (RFC 3948 §4).
 */
export function keepMapping(sa: IkeSa, ctx: Ctx): void {
  sa.keepaliveShare = undefined;
  const plan = ctx.host.keepalive(sa.path.uplink);
  if (plan !== undefined && plan.interval > KEEPALIVE_UNCONFIRMED) {
    if (sa.kept?.confirmAt !== undefined && sa.kept.confirmAt <= ctx.now) return sendOctet(sa, ctx);
    sa.kept = { path: sa.path, confirmAt: after(ctx.now, KEEPALIVE_CONFIRM) };
  }
  const asks = sa.mobility.supported && sa.mobikeRole === 'initiator' && plan !== undefined;
  if (asks && sa.exchanges.idle && (plan.check || isCheckNear(sa, plan, ctx))) return sa.exchanges.enqueue(livenessTask(undefined));
  sendOctet(sa, ctx);
}

function sendOctet(sa: IkeSa, ctx: Ctx): void {
  ctx.emit({ type: 'packet.send', path: sa.path, bytes: Uint8Array.of(0xff) });
  sa.lastSent = ctx.now;
}

/** A liveness check that is due within a quarter of the interval is made now: one packet for both. */
const isCheckNear = (sa: IkeSa, plan: KeepalivePlan, ctx: Ctx): boolean => livenessDue(sa, ctx.now, idleTime(sa, ctx)) <= after(ctx.now, millis(plan.interval / 4));

/**
 * Idle time before a liveness check: the user's; else long enough for the keepalive to be one, and on a metered uplink a whole number of
 * its intervals, so that it wakes no radio by itself.
 */
export function idleTime(sa: IkeSa, ctx: Ctx): Millis {
  const plain = sa.connection?.liveness ?? RESPONDER_LIVENESS;
  if (!sa.natLocal || sa.mobikeRole !== 'initiator' || sa.connection?.livenessGiven === true) return plain;
  const plan = ctx.host.keepalive(sa.path.uplink);
  if (!plan) return plain;
  return millis(plan.aligned ? Math.ceil(plain / plan.interval) * plan.interval : Math.max(plain, plan.interval * (1 + KEEPALIVE_JITTER)));
}
