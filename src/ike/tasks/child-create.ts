import { after, ByteReader, ByteWriter, millis, randomFraction, type Millis } from '../../base/index.ts';
import { findNotify, findPayload, ID_TYPE, isErrorNotify, notify, notifyName, PROTOCOL, type ChildSpi, type NotifyPayload, type Payload, type PayloadOf, type TrafficSelector } from '../../codec/ike/index.ts';
import { DH_SECRET_OCTETS, dhGroupOf, type DhPair } from '../../crypto/index.ts';
import { announceUse, goesOn, installChild, removeChild, type ChildPlan, type ChildSa } from '../child-sa.ts';
import { oursIsRedundant } from '../collision.ts';
import { CHILD_SETTLE, CHILD_USE_TIME, CHILDREN_MOST, HOLD_TIME, NONCE_OCTETS, TEMPORARY_WAIT } from '../constants.ts';
import { localPolicy, remotePolicy } from '../config-payload.ts';
import type { Ctx } from '../context.ts';
import type { Task } from '../exchange.ts';
import type { IkeSa } from '../ike-sa.ts';
import { buildChosen, buildProposals, checkAnswer, choose, type ChooseRules, groupData, groupWanted } from '../negotiate.ts';
import { isSubset, narrow } from '../selectors.ts';
import type { IkeChildConfig } from '../types.ts';
import { childBySpi, deleteChildTask, deleteUnusedTask } from './informational.ts';
import { nonceFits } from './ike-init.ts';
import { respondRekeyIke } from './ike-rekey.ts';

export const spiBytes = (spi: ChildSpi): Uint8Array => new ByteWriter(4).u32(spi).finish();
export const spiOf = (bytes: Uint8Array): ChildSpi => new ByteReader(bytes).u32() as ChildSpi;

const RULES = { protocol: PROTOCOL.ESP, spiSize: 4, groups: 'optional' } as const;

/** First wait after a refusal that will not go away by itself soon. */
const REFUSED_WAIT: Millis = millis(60_000);
const WAIT_MOST: Millis = millis(600_000);
/** A child that the peer deleted is made again after this. */
export const DELETED_WAIT: Millis = millis(1000);
/** SPIs in Deletes of the peer that are remembered while an answer is awaited. */
const STRAY_MOST = 8;

/** The wait after one of `wait` before the same is asked again: doubling from `least`, and never the same at both ends (I2.25-2). */
function laterThan(wait: Millis, least: Millis, ctx: Ctx): Millis {
  const doubled = Math.min(Math.max(wait * 2, least), WAIT_MOST);
  return millis(doubled * (0.75 + 0.5 * randomFraction(ctx.deps.entropy, 'child-wait')));
}

function freshDh(config: IkeChildConfig, group: number | undefined, ctx: Ctx): DhPair | undefined {
  const wanted = group ?? config.espProposals.flatMap((s) => s.groups)[0];
  const known = wanted === undefined ? undefined : dhGroupOf(wanted);
  return known === undefined ? undefined : ctx.deps.suite.dh(known, ctx.deps.entropy.bytes(DH_SECRET_OCTETS[known], 'dh'));
}

/** Traffic of what `old` carried goes on with another SA that stays. */
const goesOnWithout = (sa: IkeSa, old: ChildSa): boolean => goesOn(sa, old, old);

/** Some Child SA carries traffic. */
const anyUp = (sa: IkeSa): boolean => [...sa.children.values()].some((c) => !c.redundant && (c.state === 'installed' || c.state === 'rekeying'));

/** True while the configuration has a Child SA that is not on its way out. */
const isUp = (sa: IkeSa, config: IkeChildConfig): boolean =>
  [...sa.children.values()].some((c) => c.config.name === config.name && (c.state === 'installed' || c.state === 'rekeying'));

/** What a creation or rekeying is for. */
interface ChildAim {
  readonly config: IkeChildConfig;
  /** The SA to replace (RFC 7296 §1.3.3); undefined: a new child (§1.3.1). */
  readonly old: ChildSa | undefined;
  /** The last wait before this attempt. */
  readonly wait: Millis;
  /** The group the peer asked for, once. */
  readonly group?: number;
  /** The child it stands for ran out, not rekeyed in time: if this is refused as well the IKE SA is of no use (I2.8-4). */
  readonly lastResort?: boolean;
}

/** Makes a Child SA; with `old`, one that replaces it. */
export function childTask(aim: ChildAim): Task {
  const { config, old, group } = aim;
  let spi = 0 as ChildSpi;
  let ni = new Uint8Array();
  let dh: DhPair | undefined;
  /** SPIs the peer deleted that we do not know: one may be of the pair it has just made (I1.4.1-1). */
  const stray = new Set<number>();
  const local = (sa: IkeSa): readonly TrafficSelector[] => (old ? old.local : localPolicy(sa, config));
  const remote = (sa: IkeSa): readonly TrafficSelector[] => (old ? old.remote : remotePolicy(sa, config));
  /** Our request came to nothing: what the peer made meanwhile takes the place of the old SA, or all stays as it was. */
  const settleOld = (): void => {
    if (old?.state === 'rekeying') old.state = old.race?.theirs ? 'rekeyed' : 'installed';
    if (old) old.race = undefined;
  };
  const release = (ctx: Ctx): void => {
    ctx.host.freeChildSpi(spi);
    dh?.wipe();
    settleOld();
  };

  const fail = (sa: IkeSa, why: string, ctx: Ctx, least = REFUSED_WAIT): void => {
    dh?.wipe();
    if (old?.race?.theirs && goesOnWithout(sa, old)) {
      // I2.8.1-2: the peer had finished a rekeying of its own; it deletes the old SA.
      sa.log('debug', `child ${config.name}: rekeyed by the peer meanwhile (${why})`, ctx);
      return settleOld();
    }
    if (old) old.race = undefined;
    if (old?.state === 'rekeying') old.state = 'installed';
    sa.log('warn', `child ${config.name}: ${old ? 'rekeying' : 'creation'} failed: ${why}`, ctx);
    if (aim.lastResort && why !== 'TEMPORARY_FAILURE' && sa.mobikeRole === 'initiator' && !anyUp(sa))
      return sa.shutDown('child_failed', ctx, `child ${config.name} could not be made anew: ${why}`); // I2.8-4, I4-1: a new IKE SA brings it
    const next = laterThan(aim.wait, least, ctx);
    if (!old) sa.missing.set(config.name, { at: after(ctx.now, next), wait: next, lastResort: aim.lastResort === true });
    else [old.retryAt, old.retryWait] = [after(ctx.now, next), next];
  };

  const onError = (sa: IkeSa, error: NotifyPayload, ctx: Ctx): void => {
    const name = notifyName(error.notify);
    const wanted = groupWanted(error.data);
    const follows = name === 'INVALID_KE_PAYLOAD' && group === undefined && wanted !== dh?.group && config.espProposals.some((s) => s.groups.includes(wanted));
    if (follows && !old?.race?.theirs) {
      release(ctx);
      if (old?.state === 'installed') old.state = 'rekeying';
      return sa.exchanges.enqueue(childTask({ ...aim, group: wanted }), true);
    }
    ctx.host.freeChildSpi(spi);
    if (name === 'TEMPORARY_FAILURE') {
      fail(sa, name, ctx, TEMPORARY_WAIT);
      return sa.temporaryFailure(ctx);
    }
    if (!old || old.race?.theirs) return fail(sa, name, ctx);
    // An SA of the peer's making that it never used: it may not have heard our answer yet, and would miss what we drop.
    if (name === 'CHILD_SA_NOT_FOUND' && old.used) {
      // I2.25-2: the peer has lost it; drop ours and make a new one.
      dh?.wipe();
      const lost = sa.children.has(old.spiIn);
      removeChild(sa, old, ctx);
      return lost ? sa.exchanges.enqueue(childTask({ config, old: undefined, wait: millis(0) })) : undefined;
    }
    fail(sa, name, ctx);
    if (name === 'NO_ADDITIONAL_SAS' && sa.mobikeRole === 'initiator' && old.state === 'installed') replaceByNew(sa, old, name, ctx);
  };

  const finish = (sa: IkeSa, payloads: readonly Payload[], ctx: Ctx): void => {
    // The peer has made its half of what we cannot use: it is told by our SPI of it (I2.21-1).
    const refuse = (why: string): void => {
      sa.exchanges.enqueue(deleteUnusedTask(spi), true);
      fail(sa, why, ctx);
    };
    const answer = findPayload(payloads, 'SA');
    const nonce = findPayload(payloads, 'NONCE');
    const tsi = findPayload(payloads, 'TSi')?.selectors ?? [];
    const tsr = findPayload(payloads, 'TSr')?.selectors ?? [];
    const ke = findPayload(payloads, 'KE');
    const rules: ChooseRules = dh ? RULES : { ...RULES, groups: 'forbidden' };
    const chosen = answer && checkAnswer(config.espProposals, answer.proposals, rules);
    if (!chosen || !nonce || !nonceFits(nonce.data)) return refuse('the answer is none of our proposals');
    const shared = dh && ke && ke.group === dh.group && chosen.group === dh.group ? dh.derive(ke.data) : undefined;
    if (dh && chosen.group !== 0 && !shared) {
      release(ctx);
      return sa.shutDown('invalid_syntax', ctx, 'invalid public value in an answer'); // AL-3
    }
    const spiOut = spiOf(chosen.spi);
    const narrower = old !== undefined && (!isSubset(old.local, tsi) || !isSubset(old.remote, tsr));
    // I2.9-2, I2.9.2-1: such an SA is never installed; the old one stays.
    if (!isSubset(tsi, local(sa)) || !isSubset(tsr, remote(sa)) || narrower) {
      shared?.fill(0);
      return refuse(`the peer's selectors do not fit`);
    }
    if (stray.has(spiOut)) {
      release(ctx);
      shared?.fill(0);
      return peerDeleted(sa, ctx);
    }
    sa.temporarySince = undefined;
    const race = old?.race;
    if (old) old.race = undefined;
    // I2.8.1-1: the peer rekeyed the same SA. What it has of its own by now shows in what goes on.
    const theirs = race?.theirs;
    const redundant = old !== undefined && theirs !== undefined && goesOnWithout(sa, old) && oursIsRedundant([ni, nonce.data], [theirs.ni, theirs.nr]);
    // What we still use is used a little longer, where it can be: nothing is lost with a peer that is not as ready as its answer says.
    const settled = after(ctx.now, CHILD_SETTLE);
    const staysInUse = old !== undefined && sa.children.has(old.spiIn) && !theirs && !old.questioned && old.hardAt > settled;
    const plan: ChildPlan = {
      child: old?.child ?? ctx.host.newNumber(), config, spiIn: spi, spiOut, chosen, local: tsi, remote: tsr, ni, nr: nonce.data, shared, exchangeInitiator: true,
      use: redundant ? 'never' : staysInUse ? { at: settled } : 'now',
    };
    const made = installChild(sa, plan, ctx);
    shared?.fill(0);
    dh?.wipe();
    if (redundant || sa.unwanted.has(config.name)) {
      if (old?.state === 'rekeying') old.state = 'rekeyed';
      made.state = 'deleting';
      return sa.exchanges.enqueue(deleteChildTask(made), true);
    }
    if (theirs && sa.children.has(theirs.made.spiIn)) [theirs.made.redundant, theirs.made.state] = [true, 'rekeyed'];
    if (old && sa.children.has(old.spiIn)) {
      old.state = 'rekeyed';
      if (staysInUse) old.deleteAt = settled;
      else sa.exchanges.enqueue(deleteChildTask(old), true);
    }
    sa.event({ type: old ? 'child.rekeyed' : 'child.established', chain: sa.chain, connection: sa.name, child: config.name, local: tsi, remote: tsr }, ctx);
    if (made.used) announceUse(sa, ctx);
  };

  /** The peer took back what it had just made, before we heard of it: it is as if the child had been deleted. */
  const peerDeleted = (sa: IkeSa, ctx: Ctx): void => {
    if (old && goesOnWithout(sa, old)) return;
    if (old?.state === 'installed') {
      old.state = 'deleting';
      sa.exchanges.enqueue(deleteChildTask(old), true);
      sa.event({ type: 'child.closed', chain: sa.chain, connection: sa.name, child: config.name, reason: 'peer_deleted' }, ctx);
    }
    if (sa.mobikeRole === 'initiator') sa.missing.set(config.name, { at: after(ctx.now, DELETED_WAIT), wait: DELETED_WAIT });
  };

  return {
    kind: old ? 'childRekey' : 'childCreate', exchange: 'CREATE_CHILD_SA', patience: HOLD_TIME, release,
    build(sa, ctx) {
      if (!sa.isEstablished) return undefined;
      // What was rekeyed or deleted while this waited has no need of it any more.
      if (old ? !sa.children.has(old.spiIn) || old.state !== 'rekeying' : isUp(sa, config) || sa.unwanted.has(config.name)) return undefined;
      spi = ctx.host.newChildSpi();
      ni = new Uint8Array(ctx.deps.entropy.bytes(NONCE_OCTETS, 'nonce'));
      dh = freshDh(config, group, ctx);
      if (old) old.race = { theirs: undefined };
      return [
        ...(old ? [notify('REKEY_SA', undefined, { protocol: PROTOCOL.ESP, spi: spiBytes(old.spiIn) })] : []),
        { type: 'SA', proposals: buildProposals(config.espProposals, PROTOCOL.ESP, spiBytes(spi), dh !== undefined) },
        { type: 'NONCE', data: ni },
        ...(dh ? [{ type: 'KE', group: dh.group, data: dh.publicValue } as const] : []),
        { type: 'TSi', selectors: [...local(sa)] },
        { type: 'TSr', selectors: [...remote(sa)] },
      ];
    },
    onResponse(sa, payloads, _answer, ctx) {
      const error = payloads.find((p) => p.type === 'N' && isErrorNotify(p.notify));
      if (error?.type === 'N') onError(sa, error, ctx);
      else finish(sa, payloads, ctx);
    },
    onStrayDelete(deleted) {
      if (stray.size < STRAY_MOST) stray.add(deleted);
    },
    onTimeout: (sa, ctx) => sa.close('peer_dead', 'no answer to CREATE_CHILD_SA', ctx),
  };
}

export function createChildTask(config: IkeChildConfig, { wait, lastResort }: { readonly wait: Millis; readonly lastResort?: boolean }): Task {
  return childTask({ config, old: undefined, wait, lastResort: lastResort === true });
}

/** I4-1: the peer makes no second SA beside the old one: that one goes first, and then a new one is made. */
function replaceByNew(sa: IkeSa, old: ChildSa, why: string, ctx: Ctx): void {
  old.state = 'deleting';
  sa.exchanges.enqueue(deleteChildTask(old), true);
  sa.event({ type: 'child.closed', chain: sa.chain, connection: sa.name, child: old.config.name, reason: why }, ctx);
  sa.missing.set(old.config.name, { at: ctx.now, wait: millis(0), lastResort: true });
}

interface ChildExchange {
  readonly ni: Uint8Array;
  readonly nr: Uint8Array;
  readonly ke: PayloadOf<'KE'> | undefined;
  readonly rules: ChooseRules;
  readonly use: ChildPlan['use'];
  readonly replaces?: ChildSa;
}

/**
 * Whether another peer has these selectors: two routers with equal networks behind them cannot both be reached (I5.1-1). The first keeps
 * them. An identity that is an address says nothing, since it changes with the uplink.
 */
function isTaken(sa: IkeSa, remote: readonly TrafficSelector[], local: readonly TrafficSelector[], ctx: Ctx): boolean {
  const isName = (peer: IkeSa): boolean => peer.peerId !== undefined && peer.peerId.idType !== ID_TYPE.IPV4_ADDR && peer.peerId.idType !== ID_TYPE.IPV6_ADDR;
  if (sa.mobikeRole !== 'responder' || !isName(sa)) return false;
  // An address of the pool has one tenant.
  if (remote.every((s) => s.start === s.end && sa.vips.includes(s.start))) return false;
  const taken = ctx.host.claimant(sa, remote, local);
  if (!taken || !isName(taken)) return false;
  sa.log('warn', `${sa.peerId?.text ?? 'the peer'} claims what ${taken.peerId?.text ?? 'another peer'} has already; give one of them other addresses, or request_vip`, ctx);
  return true;
}

/** The responder's choice for SA, TSi, TSr; installs the Child SA before the answer is sent (I2.8-1). */
export function answerChild(sa: IkeSa, payloads: readonly Payload[], exchange: ChildExchange, ctx: Ctx): { readonly payloads: readonly Payload[]; readonly made: ChildSa | undefined } {
  const refuse = (name: 'NO_PROPOSAL_CHOSEN' | 'TS_UNACCEPTABLE' | 'NO_ADDITIONAL_SAS' | 'INVALID_KE_PAYLOAD' | 'INVALID_SYNTAX', data?: Uint8Array): { payloads: Payload[]; made: undefined } => {
    sa.log('warn', `Child SA refused: ${name}`, ctx);
    return { payloads: [notify(name, data)], made: undefined };
  };
  const offer = findPayload(payloads, 'SA');
  const tsi = findPayload(payloads, 'TSi')?.selectors;
  const tsr = findPayload(payloads, 'TSr')?.selectors;
  if (!offer || !tsi || !tsr) return refuse('NO_PROPOSAL_CHOSEN');
  if (sa.children.size >= CHILDREN_MOST) return refuse('NO_ADDITIONAL_SAS');
  const configs = exchange.replaces ? [exchange.replaces.config] : (sa.connection?.children ?? []);
  // TSi is the peer's side. A child configuration not yet in use is preferred, so that two children do not fall on one.
  const fits = configs
    .map((config) => ({ config, remote: narrow(tsi, remotePolicy(sa, config)), local: narrow(tsr, localPolicy(sa, config)) }))
    .filter((fit) => fit.remote.length > 0 && fit.local.length > 0);
  const isFree = (fit: (typeof fits)[number]): boolean => ![...sa.children.values()].some((c) => c.config.name === fit.config.name);
  // RFC 7296 §2.9: what stands first, often the packet that asks for the SA, is included where a policy allows it.
  const withFirst = fits.filter((fit) => isSubset(tsi.slice(0, 1), fit.remote) && isSubset(tsr.slice(0, 1), fit.local));
  const fit = exchange.replaces ? fits[0] : (withFirst.find(isFree) ?? withFirst[0] ?? fits.find(isFree) ?? fits[0]);
  if (!fit) return refuse('TS_UNACCEPTABLE');
  if (!exchange.replaces && isTaken(sa, fit.remote, fit.local, ctx)) return refuse('TS_UNACCEPTABLE');
  const chosen = choose(fit.config.espProposals, offer.proposals, exchange.rules);
  if (!chosen) return refuse('NO_PROPOSAL_CHOSEN');
  const group = dhGroupOf(chosen.group);
  // I1.3-1: another group is preferred, or the KE payload is missing.
  if (chosen.group !== 0 && (group === undefined || exchange.ke?.group !== chosen.group)) return refuse('INVALID_KE_PAYLOAD', groupData(chosen.group));
  const dh = group === undefined ? undefined : ctx.deps.suite.dh(group, ctx.deps.entropy.bytes(DH_SECRET_OCTETS[group], 'dh'));
  const shared = dh && exchange.ke ? dh.derive(exchange.ke.data) : undefined;
  dh?.wipe();
  if (dh && !shared) return refuse('INVALID_SYNTAX'); // AL-3
  const spiIn = ctx.host.newChildSpi();
  const plan: ChildPlan = {
    child: exchange.replaces?.child ?? ctx.host.newNumber(), config: fit.config, spiIn, spiOut: spiOf(chosen.spi), chosen, local: fit.local, remote: fit.remote,
    ni: exchange.ni, nr: exchange.nr, shared, exchangeInitiator: false, use: exchange.use,
  };
  // What the peer wants is up, whatever was wanted here before.
  sa.unwanted.delete(fit.config.name);
  const made = installChild(sa, plan, ctx);
  shared?.fill(0);
  sa.event({ type: exchange.replaces ? 'child.rekeyed' : 'child.established', chain: sa.chain, connection: sa.name, child: fit.config.name, local: fit.local, remote: fit.remote }, ctx);
  return {
    payloads: [
      { type: 'SA', proposals: [buildChosen(chosen, PROTOCOL.ESP, spiBytes(spiIn))] },
      ...(dh ? [{ type: 'KE', group: dh.group, data: dh.publicValue } as const] : []),
      { type: 'TSi', selectors: fit.remote },
      { type: 'TSr', selectors: fit.local },
    ],
    made,
  };
}

/** Answers a CREATE_CHILD_SA request: a new child, a child's rekeying, or the IKE SA's (I1.3-1). */
export function respondCreateChild(sa: IkeSa, payloads: readonly Payload[], respond: (payloads: readonly Payload[]) => void, ctx: Ctx): void {
  const offer = findPayload(payloads, 'SA');
  const nonce = findPayload(payloads, 'NONCE');
  if (!offer || !nonce || !nonceFits(nonce.data)) {
    respond([notify('INVALID_SYNTAX')]);
    return sa.close('invalid_syntax', 'CREATE_CHILD_SA without SA or nonce', ctx);
  }
  // I2.25-1: while the IKE SA is being rekeyed or deleted, nothing new starts on it.
  if (sa.state !== 'established') return respond([notify('TEMPORARY_FAILURE')]);
  if (offer.proposals[0]?.protocol === PROTOCOL.IKE) return respondRekeyIke(sa, payloads, respond, ctx);
  if (sa.exchanges.outstanding?.task.kind === 'ikeRekey') return respond([notify('TEMPORARY_FAILURE')]);
  const rekey = findNotify(payloads, 'REKEY_SA');
  const old = rekey && childBySpi(sa, rekey.spi);
  if (rekey && !old) return respond([notify('CHILD_SA_NOT_FOUND', undefined, { protocol: PROTOCOL.ESP, spi: rekey.spi })]);
  // I2.25-1: what is rekeyed or deleted is on its way out. A rekeying of ours that crosses theirs is for the nonces to judge (I2.8.1-1).
  if (old && (old.state === 'rekeyed' || old.state === 'deleting' || old.race?.theirs)) return respond([notify('TEMPORARY_FAILURE')]);
  const nr = ctx.deps.entropy.bytes(NONCE_OCTETS, 'nonce');
  const answer = answerChild(sa, payloads, {
    ni: nonce.data, nr, ke: findPayload(payloads, 'KE'), rules: RULES, use: old ? 'after_inbound' : { at: after(ctx.now, CHILD_USE_TIME) }, ...(old ? { replaces: old } : {}),
  }, ctx);
  if (!answer.made) {
    respond(answer.payloads);
    if (findNotify(answer.payloads, 'INVALID_SYNTAX')) sa.close('invalid_syntax', 'invalid public value in CREATE_CHILD_SA', ctx);
    return;
  }
  sa.temporarySince = undefined;
  if (old?.race) old.race.theirs = { made: answer.made, ni: nonce.data.slice(), nr };
  else if (old) old.state = 'rekeyed';
  const [first, ...rest] = answer.payloads;
  respond([...(first ? [first] : []), { type: 'NONCE', data: nr }, ...rest]);
}
