import { after, ByteReader, ByteWriter, millis, randomFraction, type Millis } from '../../base/index.ts';
import { findNotify, findPayload, isErrorNotify, notify, notifyName, PROTOCOL, type ChildSpi, type Payload, type PayloadOf } from '../../codec/ike/index.ts';
import { DH_SECRET_OCTETS, dhGroupOf, type DhPair } from '../../crypto/index.ts';
import { installChild, removeChild, type ChildPlan, type ChildSa } from '../child-sa.ts';
import { CHILD_USE_TIME, CHILDREN_MOST, HOLD_TIME, NONCE_OCTETS, TEMPORARY_WAIT } from '../constants.ts';
import type { Ctx } from '../context.ts';
import type { Task } from '../exchange.ts';
import type { IkeSa } from '../ike-sa.ts';
import { buildChosen, buildProposals, checkAnswer, choose, type ChooseRules } from '../negotiate.ts';
import { isSubset, narrow, prefixSelector } from '../selectors.ts';
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

/** True while the configuration has a Child SA that is not on its way out. */
const isUp = (sa: IkeSa, config: IkeChildConfig): boolean =>
  [...sa.children.values()].some((c) => c.config.name === config.name && (c.state === 'installed' || c.state === 'rekeying'));

/** Makes a Child SA of this configuration; with `old`, one that replaces it (RFC 7296 §1.3.1, §1.3.3). `wait`: the last wait before this. */
export function childTask(config: IkeChildConfig, old: ChildSa | undefined, wait: Millis, group?: number): Task {
  let spi = 0 as ChildSpi;
  let ni = new Uint8Array();
  let dh: DhPair | undefined;
  const release = (ctx: Ctx): void => {
    ctx.host.freeChildSpi(spi);
    dh?.wipe();
    if (old?.state === 'rekeying') old.state = 'installed';
  };
  return {
    kind: old ? 'childRekey' : 'childCreate', exchange: 'CREATE_CHILD_SA', patience: HOLD_TIME, release,
    build(sa, ctx) {
      if (!sa.isEstablished || (old ? !sa.children.has(old.spiIn) : isUp(sa, config))) return undefined;
      spi = ctx.host.newChildSpi();
      ni = new Uint8Array(ctx.deps.entropy.bytes(NONCE_OCTETS, 'nonce'));
      dh = freshDh(config, group, ctx);
      if (old) old.state = 'rekeying';
      return [
        ...(old ? [notify('REKEY_SA', undefined, { protocol: PROTOCOL.ESP, spi: spiBytes(old.spiIn) })] : []),
        { type: 'SA', proposals: buildProposals(config.espProposals, PROTOCOL.ESP, spiBytes(spi), dh !== undefined) },
        { type: 'NONCE', data: ni },
        ...(dh ? [{ type: 'KE', group: dh.group, data: dh.publicValue } as const] : []),
        { type: 'TSi', selectors: old ? [...old.local] : config.localTs.map(prefixSelector) },
        { type: 'TSr', selectors: old ? [...old.remote] : config.remoteTs.map(prefixSelector) },
      ];
    },
    onResponse(sa, payloads, _answer, ctx) {
      const fail = (why: string, least = REFUSED_WAIT): void => {
        const next = laterThan(wait, least, ctx);
        if (old?.state === 'rekeying') old.state = 'installed';
        dh?.wipe();
        sa.log('warn', `child ${config.name}: ${old ? 'rekeying' : 'creation'} failed: ${why}`, ctx);
        if (!old) sa.missing.set(config.name, { at: after(ctx.now, next), wait: next });
        else [old.retryAt, old.retryWait] = [after(ctx.now, next), next];
      };
      const error = payloads.find((p) => p.type === 'N' && isErrorNotify(p.notify));
      if (error?.type === 'N') {
        const name = notifyName(error.notify);
        if (name === 'INVALID_KE_PAYLOAD' && group === undefined && error.data.length === 2) {
          const wanted = ((error.data[0] ?? 0) << 8) | (error.data[1] ?? 0);
          if (config.espProposals.some((s) => s.groups.includes(wanted)) && wanted !== dh?.group) {
            release(ctx);
            if (old?.state === 'installed') old.state = 'rekeying';
            return sa.exchanges.enqueue(childTask(config, old, wait, wanted), true);
          }
        }
        ctx.host.freeChildSpi(spi);
        // An SA of the peer's making that it never used: it may not have heard our answer yet, and would miss what we drop.
        if (name === 'CHILD_SA_NOT_FOUND' && old?.used === true) {
          // I2.25-2: the peer has lost it; drop ours and make a new one.
          dh?.wipe();
          const lost = sa.children.has(old.spiIn);
          removeChild(sa, old, ctx);
          return lost ? sa.exchanges.enqueue(childTask(config, undefined, millis(0))) : undefined;
        }
        return fail(name, name === 'TEMPORARY_FAILURE' ? TEMPORARY_WAIT : REFUSED_WAIT);
      }
      finish(sa, payloads, fail, ctx);
    },
    onTimeout: (sa, ctx) => sa.close('peer_dead', 'no answer to CREATE_CHILD_SA', ctx),
  };

  function finish(sa: IkeSa, payloads: readonly Payload[], fail: (why: string) => void, ctx: Ctx): void {
    // The peer has made its half of what we cannot use: it is told by our SPI of it (I2.21-1).
    const refuse = (why: string): void => {
      sa.exchanges.enqueue(deleteUnusedTask(spi), true);
      fail(why);
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
    const bad = !isSubset(tsi, old ? old.local : config.localTs.map(prefixSelector)) || !isSubset(tsr, old ? old.remote : config.remoteTs.map(prefixSelector));
    const narrower = old !== undefined && (!isSubset(old.local, tsi) || !isSubset(old.remote, tsr));
    // I2.9-2, I2.9.2-1: such an SA is never installed; the old one stays.
    if (bad || narrower) {
      shared?.fill(0);
      return refuse(`the peer's selectors do not fit`);
    }
    const plan: ChildPlan = {
      child: old?.child ?? ctx.host.newNumber(), config, spiIn: spi, spiOut: spiOf(chosen.spi), chosen, local: tsi, remote: tsr, ni, nr: nonce.data, shared, exchangeInitiator: true,
      use: 'now',
    };
    installChild(sa, plan, ctx);
    shared?.fill(0);
    dh?.wipe();
    if (old && sa.children.has(old.spiIn)) {
      old.state = 'rekeyed';
      sa.exchanges.enqueue(deleteChildTask(old), true);
    }
    sa.event({ type: old ? 'child.rekeyed' : 'child.established', chain: sa.chain, connection: sa.name, child: config.name, local: tsi, remote: tsr }, ctx);
    // The peer holds its packets back until it sees that we use the SA (I2.8-1): a dummy shows it without user traffic.
    if (sa.mobikeRole === 'initiator') ctx.emit({ type: 'bundle.path', bundle: sa.chain, path: sa.path, opensPinhole: true });
  }
}

export function createChildTask(config: IkeChildConfig, wait: Millis): Task {
  return childTask(config, undefined, wait);
}

interface ChildExchange {
  readonly ni: Uint8Array;
  readonly nr: Uint8Array;
  readonly ke: PayloadOf<'KE'> | undefined;
  readonly rules: ChooseRules;
  readonly use: ChildPlan['use'];
  readonly replaces?: ChildSa;
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
    .map((config) => ({ config, remote: narrow(tsi, config.remoteTs.map(prefixSelector)), local: narrow(tsr, config.localTs.map(prefixSelector)) }))
    .filter((fit) => fit.remote.length > 0 && fit.local.length > 0);
  const isFree = (fit: (typeof fits)[number]): boolean => ![...sa.children.values()].some((c) => c.config.name === fit.config.name);
  // RFC 7296 §2.9: what stands first, often the packet that asks for the SA, is included where a policy allows it.
  const withFirst = fits.filter((fit) => isSubset(tsi.slice(0, 1), fit.remote) && isSubset(tsr.slice(0, 1), fit.local));
  const fit = exchange.replaces ? fits[0] : (withFirst.find(isFree) ?? withFirst[0] ?? fits.find(isFree) ?? fits[0]);
  if (!fit) return refuse('TS_UNACCEPTABLE');
  const chosen = choose(fit.config.espProposals, offer.proposals, exchange.rules);
  if (!chosen) return refuse('NO_PROPOSAL_CHOSEN');
  const group = dhGroupOf(chosen.group);
  // I1.3-1: another group is preferred, or the KE payload is missing.
  if (chosen.group !== 0 && (group === undefined || exchange.ke?.group !== chosen.group)) return refuse('INVALID_KE_PAYLOAD', Uint8Array.of(chosen.group >> 8, chosen.group & 255));
  const dh = group === undefined ? undefined : ctx.deps.suite.dh(group, ctx.deps.entropy.bytes(DH_SECRET_OCTETS[group], 'dh'));
  const shared = dh && exchange.ke ? dh.derive(exchange.ke.data) : undefined;
  dh?.wipe();
  if (dh && !shared) return refuse('INVALID_SYNTAX'); // AL-3
  const spiIn = ctx.host.newChildSpi();
  const plan: ChildPlan = {
    child: exchange.replaces?.child ?? ctx.host.newNumber(), config: fit.config, spiIn, spiOut: spiOf(chosen.spi), chosen, local: fit.local, remote: fit.remote,
    ni: exchange.ni, nr: exchange.nr, shared, exchangeInitiator: false, use: exchange.use,
  };
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
  if (sa.exchanges.has('ikeRekey')) return respond([notify('TEMPORARY_FAILURE')]);
  const rekey = findNotify(payloads, 'REKEY_SA');
  const old = rekey && childBySpi(sa, rekey.spi);
  if (rekey && !old) return respond([notify('CHILD_SA_NOT_FOUND', undefined, { protocol: PROTOCOL.ESP, spi: rekey.spi })]);
  // A rekeying of ours that crosses theirs gives way; both sides try again at random times. What is rekeyed or deleted is on its way out.
  if (old && old.state !== 'installed') return respond([notify('TEMPORARY_FAILURE')]);
  const nr = ctx.deps.entropy.bytes(NONCE_OCTETS, 'nonce');
  const answer = answerChild(sa, payloads, {
    ni: nonce.data, nr, ke: findPayload(payloads, 'KE'), rules: RULES, use: old ? 'after_inbound' : { at: after(ctx.now, CHILD_USE_TIME) }, ...(old ? { replaces: old } : {}),
  }, ctx);
  if (!answer.made) {
    respond(answer.payloads);
    if (findNotify(answer.payloads, 'INVALID_SYNTAX')) sa.close('invalid_syntax', 'invalid public value in CREATE_CHILD_SA', ctx);
    return;
  }
  if (old) old.state = 'rekeyed';
  const [first, ...rest] = answer.payloads;
  respond([...(first ? [first] : []), { type: 'NONCE', data: nr }, ...rest]);
}
