import { after, millis, randomFraction, Secret, type Instant, type Millis } from '../base/index.ts';
import type { ChildSpi, TrafficSelector } from '../codec/ike/index.ts';
import { childKeys, encrOf } from '../crypto/index.ts';
import { REPLACED_LINGER, REPLACED_LINGER_RESPONDER, SEQUENCES, SOFT_JITTER, SOFT_JITTER_RESPONDER, SOFT_SHARE, SOFT_SHARE_RESPONDER } from './constants.ts';
import type { Ctx } from './context.ts';
import type { IkeSa } from './ike-sa.ts';
import { keyOctets, suiteText, type Chosen } from './negotiate.ts';
import { isSubset } from './selectors.ts';
import type { ChildInstall, IkeChildConfig } from './types.ts';

/**
 * installed -(soft lifetime, command)-> rekeying -(new one is in)-> rekeyed -(Delete answered)-> gone
 *     installed, rekeying -(Delete)-> deleting -> gone
 *     rekeying, and the peer rekeys it too -(answer to ours)-> rekeyed; of the two new ones one is redundant: ours deleting, theirs rekeyed
 */
export type ChildState = 'installed' | 'rekeying' | 'rekeyed' | 'deleting';

/** Our request to rekey a Child SA is on its way; and what the peer made meanwhile of the same one (I2.8.1-1). */
export interface ChildRace {
  theirs: { readonly made: ChildSa; readonly ni: Uint8Array; readonly nr: Uint8Array } | undefined;
}

/** What one direction of a Child SA may carry: from `soft` on it is rekeyed, from `hard` on it is not used any more. */
export interface VolumeLimits {
  readonly soft: { readonly packets: number; readonly octets: number };
  readonly hard: { readonly packets: number; readonly octets: number };
}

/** One pair of ESP SAs. `child` stays the same through rekeyings, SPIs and handles do not. */
export interface ChildSa {
  readonly child: number;
  readonly config: IkeChildConfig;
  readonly spiIn: ChildSpi;
  readonly spiOut: ChildSpi;
  readonly handleIn: number;
  readonly handleOut: number;
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  readonly proposal: string;
  /** When it is rekeyed, and when it is not used any more: by time, or sooner when its limits say so (I2.8-2). */
  softAt: Instant;
  hardAt: Instant;
  readonly limits: VolumeLimits;
  state: ChildState;
  /** The outbound SA is in use. */
  used: boolean;
  /** When the outbound SA is taken into use without having seen the peer use its own (I2.8-1). */
  useAt: Instant | undefined;
  /** It was rekeyed by us: when our Delete for it goes out. */
  deleteAt: Instant | undefined;
  /** A rekeying failed: the next attempt, whatever caused the first (I2.25-2), and how long that wait is. */
  retryAt: Instant | undefined;
  retryWait: Millis;
  race: ChildRace | undefined;
  /** Lost a collision: what comes on it is accepted, nothing is sent on it. */
  redundant: boolean;
  /** The outbound SA is removed already: another IKE SA's goes on. */
  outGone: boolean;
  /** The peer says that it does not know the outbound SPI, and was asked about it by a rekeying. */
  questioned: boolean;
  /** Our Delete for it is on its way: a crossing one of the peer is answered without its SPI (I1.4.1-1). */
  deleteSent: boolean;
}

export interface ChildPlan {
  readonly child: number;
  readonly config: IkeChildConfig;
  readonly spiIn: ChildSpi;
  readonly spiOut: ChildSpi;
  readonly chosen: Chosen;
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
  readonly ni: Uint8Array;
  readonly nr: Uint8Array;
  readonly shared: Uint8Array | undefined;
  /** We sent the request that made it: our outbound key is the initiator's (I2.17-1). */
  readonly exchangeInitiator: boolean;
  /** When to use the outbound SA: at once; when the peer does; then or at this time; never, since it lost a collision. */
  readonly use: 'now' | 'after_inbound' | 'never' | { readonly at: Instant };
}

/**
 * The part of a lifetime after which an SA is rekeyed: never the same at both ends, and later at the hub, so that the router usually
 * starts (I2.8-2).
 */
export function softShare(sa: IkeSa, label: string, ctx: Ctx): number {
  const [share, jitter] = sa.mobikeRole === 'initiator' ? [SOFT_SHARE, SOFT_JITTER] : [SOFT_SHARE_RESPONDER, SOFT_JITTER_RESPONDER];
  return share - jitter * randomFraction(ctx.deps.entropy, label);
}

/** Takes in what one direction has carried: `sequence` counts packets that did not arrive as well (ES3.3-1). */
export function countVolume(child: ChildSa, volume: { readonly packets: number; readonly bytes: number; readonly sequence: number }, now: Instant): void {
  const packets = Math.max(volume.packets, volume.sequence);
  const beyond = (limit: VolumeLimits['soft']): boolean => packets >= limit.packets || volume.bytes >= limit.octets;
  if (beyond(child.limits.soft) && child.softAt > now) child.softAt = now;
  if (beyond(child.limits.hard) && child.hardAt > now) child.hardAt = now;
}

/** Derives the keys and installs both directions, inbound first (I2.8-1). */
export function installChild(sa: IkeSa, plan: ChildPlan, ctx: Ctx): ChildSa {
  const { deps, host, now } = ctx;
  const keyed = sa.keyed();
  const octets = keyOctets(plan.chosen);
  const keys = childKeys(deps.suite, keyed.hash, keyed.keys.skD, plan.ni, plan.nr, plan.shared, octets.encr, octets.integ);
  const [i, r] = [{ encr: keys.encrI, integ: keys.integI }, { encr: keys.encrR, integ: keys.integR }];
  const [outKeys, inKeys] = plan.exchangeInitiator ? [i, r] : [r, i];
  const lifetime = sa.connection?.childLifetime ?? millis(3_600_000);
  const share = softShare(sa, 'child-lifetime', ctx);
  const hard = { packets: Math.min(sa.connection?.childPackets ?? Infinity, plan.chosen.esn === 1 ? Infinity : SEQUENCES), octets: sa.connection?.childOctets ?? Infinity };
  const made: ChildSa = {
    child: plan.child,
    config: plan.config,
    spiIn: plan.spiIn,
    spiOut: plan.spiOut,
    handleIn: host.newNumber(),
    handleOut: host.newNumber(),
    local: plan.local,
    remote: plan.remote,
    proposal: suiteText(plan.chosen, 3),
    softAt: after(now, millis(lifetime * share)),
    hardAt: after(now, lifetime),
    limits: { soft: { packets: hard.packets * share, octets: hard.octets * share }, hard },
    state: 'installed',
    used: plan.use === 'now',
    useAt: typeof plan.use === 'object' ? plan.use.at : undefined,
    deleteAt: undefined,
    retryAt: undefined,
    retryWait: millis(0),
    race: undefined,
    redundant: plan.use === 'never',
    outGone: false,
    questioned: false,
    deleteSent: false,
  };
  const common = { bundle: sa.chain, child: plan.child, esn: plan.chosen.esn === 1, local: plan.local, remote: plan.remote };
  ctx.emit({ type: 'child.install', sa: { ...common, handle: made.handleIn, direction: 'in', spi: plan.spiIn, ...cipherKeys(plan.chosen, inKeys) } });
  ctx.emit({ type: 'child.install', sa: { ...common, ...outerHeader(sa), handle: made.handleOut, direction: 'out', spi: plan.spiOut, ...cipherKeys(plan.chosen, outKeys) } });
  if (made.used) ctx.emit({ type: 'child.use', handle: made.handleOut });
  sa.children.set(made.spiIn, made);
  if (made.used && sa.mobikeRole === 'initiator') supersede(sa, made, ctx);
  return made;
}

/** What the connection lets the outer header show of the inner one. */
const outerHeader = ({ connection }: IkeSa): Pick<ChildInstall, 'copyDscp' | 'copyDf'> => ({ copyDscp: connection?.copyDscp ?? false, copyDf: connection?.df === 'copy' });

const INTEG_NAMES: { readonly [id: number]: NonNullable<ChildInstall['integ']>['name'] } = { 12: 'hmac-sha256-128', 13: 'hmac-sha384-192', 14: 'hmac-sha512-256' };

/** One direction's algorithms and keys as the data plane takes them. */
function cipherKeys(chosen: Chosen, keys: { readonly encr: Uint8Array; readonly integ: Uint8Array }): Pick<ChildInstall, 'cipher' | 'key' | 'integ'> {
  const name = INTEG_NAMES[chosen.integ];
  return {
    cipher: encrOf(chosen.encr.id, chosen.encr.keyLength)?.aead ?? 'aes-cbc', key: new Secret(keys.encr.slice()),
    integ: name === undefined ? undefined : { name, key: new Secret(keys.integ.slice()) },
  };
}

/** Takes the outbound SA into use, once. */
export function useChild(sa: IkeSa, child: ChildSa, ctx: Ctx): void {
  child.useAt = undefined;
  if (child.used || child.redundant) return;
  child.used = true;
  // A late packet on an SA that was rekeyed before it was ever used must not turn traffic back to it.
  const isLate = [...sa.children.values()].some((other) => other.child === child.child && other.used && other.handleOut > child.handleOut);
  if (!isLate) ctx.emit({ type: 'child.use', handle: child.handleOut });
  if (sa.mobikeRole === 'responder') supersede(sa, child, ctx);
}

/** The peer holds its packets back until it sees that we use the SA (I2.8-1): a dummy shows it without user traffic. */
export function announceUse(sa: IkeSa, ctx: Ctx): void {
  if (sa.mobikeRole === 'initiator') ctx.emit({ type: 'bundle.path', bundle: sa.chain, path: sa.path, encapsulation: sa.encapsulation, opensPinhole: true });
}

/**
 * The same tunnel in a newer IKE SA: its peer has proven the same identity again (I2.8.3-1), or came back beside an IKE SA that it has
 * lost, and without INITIAL_CONTACT, since it did not restart (F-8). From now on ours leaves on the new one; what is still on its way
 * comes in on the old one, which ends when nothing of it is needed any more.
 */
function supersede(sa: IkeSa, child: ChildSa, ctx: Ctx): void {
  const renewed = sa.mobikeRole === 'initiator' ? ctx.host.reauthenticating(sa.name) : undefined;
  const olds = sa.mobikeRole === 'initiator' ? (renewed ? [renewed] : []) : sa.localId && sa.peerId ? ctx.host.siblings(sa.localId, sa.peerId, sa) : [];
  const same = (other: ChildSa): boolean => isSubset(other.local, child.local) && isSubset(child.local, other.local) && isSubset(other.remote, child.remote) && isSubset(child.remote, other.remote);
  for (const old of olds) {
    if (old.chain >= sa.chain) continue;
    const matching = [...old.children.values()].filter(same);
    for (const other of matching) stopSending(other, ctx);
    if (matching.length === 0 || [...old.children.values()].some((other) => !other.outGone)) continue;
    old.timers.set('replaced', after(ctx.now, old.mobikeRole === 'initiator' ? REPLACED_LINGER : REPLACED_LINGER_RESPONDER));
  }
}

/** Nothing leaves on it any more. */
function stopSending(child: ChildSa, ctx: Ctx): void {
  if (child.outGone) return;
  child.outGone = true;
  child.redundant = true;
  child.state = 'rekeyed';
  ctx.emit({ type: 'child.remove', handle: child.handleOut });
}

/** What this SA carries has another one that stays: of the same number, neither redundant nor on its way out. */
export function goesOn(sa: IkeSa, { child }: ChildSa, except?: ChildSa): boolean {
  return [...sa.children.values()].some((o) => o !== except && o.child === child && !o.redundant && (o.state === 'installed' || o.state === 'rekeying'));
}

/** Removes both directions (I1.4.1-1: SAs die in pairs). A Delete overtakes ESP: with `replaced` what is late may still come in where another carries on. */
export function removeChild(sa: IkeSa, child: ChildSa, ctx: Ctx, replaced = false): void {
  if (!sa.children.delete(child.spiIn)) return;
  ctx.host.freeChildSpi(child.spiIn);
  ctx.emit({ type: 'child.remove', handle: child.handleIn, ...(replaced && goesOn(sa, child) ? { lingers: true } : {}) });
  if (!child.outGone) ctx.emit({ type: 'child.remove', handle: child.handleOut });
}
