import { after, sameBytes, type Instant, type Path } from '../../base/index.ts';
import { encodeMessage, EXCHANGE, findNotify, findPayload, isErrorNotify, notify, notifyName, PROTOCOL, type IkeHeader, type IkeSpi, type Payload } from '../../codec/ike/index.ts';
import { DH_SECRET_OCTETS, dhGroupOf, skeyseed, type DhPair } from '../../crypto/index.ts';
import { acceptsAddresses } from '../address-policy.ts';
import { initAnswerProblem, initRequestPayloads, initResponsePayloads } from '../authentication.ts';
import { CANDIDATE_TIME, CANDIDATES_MOST, HALF_OPEN_TIME, INIT_RETRIES, NONCE_OCTETS, SETUP_TIME } from '../constants.ts';
import type { Ctx } from '../context.ts';
import type { Task } from '../exchange.ts';
import { canBePlain, isForced, natPair, takeInit } from '../encapsulation.ts';
import { IkeSa } from '../ike-sa.ts';
import { deriveKeyed } from '../keyed.ts';
import { natNotifies, natVerdict } from '../nat.ts';
import { buildChosen, buildProposals, checkAnswer, choose, type Chosen, groupData, groupWanted } from '../negotiate.ts';
import type { CloseReason, IkeConnection, IkeSuite } from '../types.ts';
import { hasVendor } from '../vendors.ts';
import { authTask } from './ike-auth.ts';
import { paddingVendors } from './path-size.ts';
import { switchVendors } from './responder-switch.ts';

/** What exists only until the SA is authenticated. */
export interface Setup {
  readonly startedAt: Instant;
  ni: Uint8Array;
  nr: Uint8Array;
  dh: DhPair | undefined;
  /** The IKE_SA_INIT messages as sent, for AUTH (I2.15-1). */
  request: Uint8Array;
  response: Uint8Array;
  cookie: Uint8Array | undefined;
  retries: number;
  /** Answers to IKE_SA_INIT that were followed. */
  followed: number;
  /** An unauthenticated error: reported if nothing better comes (I2.21.1-1). */
  remembered: CloseReason | undefined;
  failure: { readonly reason: CloseReason; readonly detail: string } | undefined;
  /** Responder: the source the request came from, for limits. */
  readonly source: string;
}

const IKE_RULES = { protocol: PROTOCOL.IKE, spiSize: 0, groups: 'mandatory' } as const;

/** Takes the address pair of a path to the NAT traversal port (M3.3-3). */
export function floated(path: Path): Path {
  return { ...path, local: { address: path.local.address, port: 4500 }, remote: { address: path.remote.address, port: 4500 } };
}

const offeredGroups = (suites: readonly IkeSuite[]): number[] => suites.flatMap((s) => s.groups);

/** Starts one attempt of an initiator over one path. */
export function initiate(connection: IkeConnection, chain: number, path: Path, ctx: Ctx): IkeSa {
  const sa = new IkeSa({
    chain, name: connection.name, connection, originalInitiator: true, mobikeRole: 'initiator', state: 'initSent',
    spiI: ctx.host.newIkeSpi(), spiR: 0n as IkeSpi, path,
    setup: {
      startedAt: ctx.now, ni: ctx.deps.entropy.bytes(NONCE_OCTETS, 'nonce'), nr: new Uint8Array(), dh: undefined, request: new Uint8Array(),
      response: new Uint8Array(), cookie: undefined, retries: 0, followed: 0, remembered: undefined, failure: undefined, source: '',
    },
  });
  const group = offeredGroups(connection.ikeProposals).map(dhGroupOf).find((g) => g !== undefined);
  if (sa.setup && group !== undefined) sa.setup.dh = ctx.deps.suite.dh(group, ctx.deps.entropy.bytes(DH_SECRET_OCTETS[group], 'dh'));
  sendInit(sa, ctx);
  return sa;
}

function sendInit(sa: IkeSa, ctx: Ctx): void {
  const { setup, connection } = sa;
  if (!setup?.dh || !connection) return;
  const payloads: Payload[] = [
    ...(setup.cookie ? [notify('COOKIE', setup.cookie)] : []),
    { type: 'SA', proposals: buildProposals(connection.ikeProposals, PROTOCOL.IKE, new Uint8Array(), true) },
    { type: 'KE', group: setup.dh.group, data: setup.dh.publicValue },
    { type: 'NONCE', data: setup.ni },
    ...(connection.natT === 'prohibit' ? [] : natPair(sa, sa.path, ctx)),
    ...(connection.fragmentation ? [notify('IKEV2_FRAGMENTATION_SUPPORTED')] : []),
    ...initRequestPayloads(connection, ctx.deps.suite),
    ...switchVendors([connection], ctx.deps.suite),
    ...paddingVendors([connection], ctx.deps.suite),
  ];
  setup.request = encodeMessage(
    { spiI: sa.spiI, spiR: sa.spiR, majorVersion: 2, minorVersion: 0, exchange: EXCHANGE.IKE_SA_INIT, fromOriginalInitiator: true, isResponse: false, messageId: 0 },
    payloads,
  );
  sa.exchanges.abandon(ctx);
  sa.exchanges.nextId = 0;
  sa.exchanges.enqueue(initTask(), true);
  sa.exchanges.pump(ctx);
}

function initTask(): Task {
  return {
    kind: 'init', exchange: 'IKE_SA_INIT', patience: SETUP_TIME,
    build: () => [],
    // An IKE_SA_INIT response is not protected: `onInitMessage` judges it before the exchange counts as answered.
    onResponse: () => undefined,
    onTimeout: (sa, ctx) => sa.close(sa.setup?.remembered ?? 'timeout', sa.candidates.length > 0 ? 'no answer to IKE_AUTH' : 'no usable answer to IKE_SA_INIT', ctx),
  };
}

/**
 * An answer to our IKE_SA_INIT. Nothing in it is authenticated: what does not fit is ignored and waiting goes on; what fits is followed
 * beside other answers that fit (I2.4-5).
 */
export function onInitMessage(sa: IkeSa, header: IkeHeader, payloads: readonly Payload[], message: Uint8Array, path: Path, ctx: Ctx): void {
  const { setup, connection } = sa;
  if (!setup?.dh || !connection || header.messageId !== 0 || sa.exchanges.outstanding?.task.kind !== 'init') return;
  const cookie = findNotify(payloads, 'COOKIE');
  if (cookie && cookie.data.length >= 1 && cookie.data.length <= 64) {
    // The answer to a retransmission of ours: it says nothing new.
    if (setup.cookie && sameBytes(setup.cookie, cookie.data)) return;
    if (setup.retries++ >= INIT_RETRIES) return;
    setup.cookie = cookie.data.slice();
    return sendInit(sa, ctx);
  }
  const otherGroup = findNotify(payloads, 'INVALID_KE_PAYLOAD');
  if (otherGroup) {
    const wanted = groupWanted(otherGroup.data);
    const group = dhGroupOf(wanted);
    // I1.2-6: only a group of our own offer, and not the one we sent; the whole offer goes out again.
    if (group === undefined || group === setup.dh.group || !offeredGroups(connection.ikeProposals).includes(wanted)) return;
    if (setup.retries++ >= INIT_RETRIES) return;
    setup.dh.wipe();
    setup.dh = ctx.deps.suite.dh(group, ctx.deps.entropy.bytes(DH_SECRET_OCTETS[group], 'dh'));
    return sendInit(sa, ctx);
  }
  const error = payloads.find((p) => p.type === 'N' && isErrorNotify(p.notify));
  if (error?.type === 'N') {
    setup.remembered = notifyName(error.notify) === 'NO_PROPOSAL_CHOSEN' ? 'no_proposal_chosen' : 'timeout';
    return sa.log('warn', `peer answered IKE_SA_INIT with ${notifyName(error.notify)} (not authenticated: waiting on)`, ctx);
  }
  const offer = findPayload(payloads, 'SA');
  const ke = findPayload(payloads, 'KE');
  const nonce = findPayload(payloads, 'NONCE');
  if (!offer || !ke || !nonce || header.spiR === 0n || !nonceFits(nonce.data)) return;
  const chosen = checkAnswer(connection.ikeProposals, offer.proposals, IKE_RULES);
  if (!chosen || chosen.group !== setup.dh.group || ke.group !== setup.dh.group) return;
  const verdict = connection.natT === 'prohibit' ? undefined : natVerdict(ctx.deps.suite, header.spiI, header.spiR, path.local, path.remote, payloads);
  if (!verdict && !canBePlain(connection, path, ctx)) {
    setup.remembered = 'nat_traversal_refused';
    return sa.log('warn', 'peer answered IKE_SA_INIT without NAT detection, and here ESP goes in UDP only (not authenticated: waiting on)', ctx);
  }
  const unfit = initAnswerProblem(connection, payloads);
  if (unfit !== undefined) {
    setup.remembered = 'authentication_failed';
    return sa.log('warn', `${path.remote.address}: ${unfit} (not authenticated: waiting on)`, ctx);
  }
  if (sa.candidates.length >= CANDIDATES_MOST || sa.candidates.some((c) => c.setup !== undefined && sameBytes(c.setup.response, message))) return;
  const shared = setup.dh.derive(ke.data);
  if (!shared) return; // AL-3: dropped, waiting goes on
  // The attempt's own number goes to the first: nearly always there is one only.
  const number = setup.followed++ === 0 ? sa.chain : ctx.host.newNumber();
  const candidate = new IkeSa({
    chain: number, name: sa.name, connection, originalInitiator: true, mobikeRole: 'initiator', state: 'authSent', spiI: sa.spiI, spiR: header.spiR,
    path: verdict ? floated(sa.path) : sa.path, setup: { ...setup, dh: undefined, nr: nonce.data.slice(), response: message.slice() },
  });
  candidate.attempt = sa;
  candidate.exchanges.nextId = 1;
  deriveKeys(candidate, chosen, shared, ctx);
  shared.fill(0);
  candidate.fragmentation = connection.fragmentation && findNotify(payloads, 'IKEV2_FRAGMENTATION_SUPPORTED') !== undefined;
  candidate.mobility.vendor = hasVendor(payloads, 'switch', ctx.deps.suite);
  candidate.takesPadding = hasVendor(payloads, 'padding', ctx.deps.suite);
  takeInit(candidate, candidate.path, verdict, isForced(candidate, candidate.path, ctx));
  ctx.host.won(sa, ctx);
  sa.candidates.push(candidate);
  ctx.host.adopt(candidate);
  const rtt = sa.exchanges.follow(path, CANDIDATE_TIME, ctx);
  if (rtt !== undefined) candidate.noteRtt(candidate.path, rtt);
  candidate.exchanges.enqueue(authTask());
  candidate.exchanges.pump(ctx);
}

/** I2.10-1. */
export const nonceFits = (nonce: Uint8Array): boolean => nonce.length >= 16 && nonce.length <= 256;

function deriveKeys(sa: IkeSa, chosen: Chosen, shared: Uint8Array, ctx: Ctx): void {
  const { setup, spiI, spiR, originalInitiator } = sa;
  if (!setup) throw new Error('keys are derived while the SA is set up');
  const { ni, nr } = setup;
  sa.setKeys(deriveKeyed(ctx.deps, { chosen, seed: (hash) => skeyseed(ctx.deps.suite, hash, ni, nr, shared), ni, nr, spiI, spiR, originalInitiator }));
}

/** What a responder answers to an IKE_SA_INIT request that passed the engine's limits and cookie check. */
export function respondInit(
  header: IkeHeader, payloads: readonly Payload[], message: Uint8Array, path: Path, chain: number, source: string, ctx: Ctx,
): { readonly reply: Uint8Array; readonly sa: IkeSa | undefined } | undefined {
  const { suite, entropy } = ctx.deps;
  const bare = (spiR: IkeSpi, answer: readonly Payload[]): Uint8Array =>
    encodeMessage({ spiI: header.spiI, spiR, majorVersion: 2, minorVersion: 0, exchange: EXCHANGE.IKE_SA_INIT, fromOriginalInitiator: false, isResponse: true, messageId: 0 }, answer);
  const refuse = (name: 'NO_PROPOSAL_CHOSEN' | 'INVALID_KE_PAYLOAD', data?: Uint8Array): { reply: Uint8Array; sa: undefined } => ({ reply: bare(0n as IkeSpi, [notify(name, data)]), sa: undefined });
  const offer = findPayload(payloads, 'SA');
  const ke = findPayload(payloads, 'KE');
  const nonce = findPayload(payloads, 'NONCE');
  if (!offer || !ke || !nonce || !nonceFits(nonce.data)) return undefined;
  const candidates = ctx.host.responders().filter((c) => acceptsAddresses(c, path));
  // The offer is checked before any Diffie-Hellman (DOS-1).
  const suites = candidates.flatMap((c) => c.ikeProposals);
  const chosen = choose(suites, offer.proposals, IKE_RULES);
  if (!chosen) return candidates.length === 0 ? undefined : refuse('NO_PROPOSAL_CHOSEN');
  const group = dhGroupOf(chosen.group);
  if (group === undefined) return refuse('NO_PROPOSAL_CHOSEN');
  // Which section it is for shows only in IKE_AUTH: NAT traversal is done when one does it, and UDP forced when one wants it.
  const verdict = candidates.every((c) => c.natT === 'prohibit') ? undefined : natVerdict(suite, header.spiI, 0n as IkeSpi, path.local, path.remote, payloads);
  if (!verdict && !candidates.some((c) => canBePlain(c, path, ctx))) {
    ctx.emit({ type: 'log', level: 'warn', text: `${path.remote.address}: refused, it does not do NAT traversal, and here ESP goes in UDP only` });
    return refuse('NO_PROPOSAL_CHOSEN');
  }
  const forced = !candidates.every((c) => canBePlain(c, path, ctx));
  if (ke.group !== chosen.group) return refuse('INVALID_KE_PAYLOAD', groupData(chosen.group));
  const dh = suite.dh(group, entropy.bytes(DH_SECRET_OCTETS[group], 'dh'));
  const shared = dh.derive(ke.data);
  if (!shared) {
    dh.wipe();
    return undefined; // AL-3: dropped
  }
  const spiR = ctx.host.newIkeSpi();
  // Which section it is for shows only in IKE_AUTH: one that forbids it rules it out.
  const fragmentation = candidates.every((c) => c.fragmentation) && findNotify(payloads, 'IKEV2_FRAGMENTATION_SUPPORTED') !== undefined;
  const nr = entropy.bytes(NONCE_OCTETS, 'nonce');
  const vendor = hasVendor(payloads, 'switch', suite);
  const padding = hasVendor(payloads, 'padding', suite);
  const reply = bare(spiR, [
    { type: 'SA', proposals: [buildChosen(chosen, PROTOCOL.IKE, new Uint8Array())] },
    { type: 'KE', group, data: dh.publicValue },
    { type: 'NONCE', data: nr },
    ...(verdict ? natNotifies(suite, header.spiI, spiR, path.local, path.remote, forced) : []),
    ...(fragmentation ? [notify('IKEV2_FRAGMENTATION_SUPPORTED')] : []),
    ...initResponsePayloads(candidates, payloads, suite),
    ...(vendor ? switchVendors(candidates, suite) : []),
    ...(padding ? paddingVendors(candidates, suite) : []),
  ]);
  const sa = new IkeSa({
    chain, name: candidates[0]?.name ?? '', connection: undefined, originalInitiator: false, mobikeRole: 'responder', state: 'halfOpen',
    spiI: header.spiI, spiR, path,
    setup: {
      startedAt: ctx.now, ni: nonce.data.slice(), nr, dh, request: message.slice(), response: reply, cookie: undefined, retries: 0, followed: 0, remembered: undefined, failure: undefined, source,
    },
  });
  deriveKeys(sa, chosen, shared, ctx);
  shared.fill(0);
  dh.wipe();
  sa.inbox.expectAuth();
  sa.fragmentation = fragmentation;
  sa.mobility.vendor = vendor;
  sa.takesPadding = padding;
  sa.timers.set('halfOpen', after(ctx.now, HALF_OPEN_TIME));
  takeInit(sa, path, verdict, forced);
  return { reply, sa };
}
