import { after, ipBytes, ipFamily, millis, type Path } from '../../base/index.ts';
import { findNotify, findPayload, ID_TYPE, idPayload, isErrorNotify, notify, notifyName, PROTOCOL, type ChildSpi, type IdPayload, type Payload } from '../../codec/ike/index.ts';
import { acceptsAddresses } from '../address-policy.ts';
import { certificateRequest, checkPeer, findConnection, proveSelf, type PeerVerdict } from '../authentication.ts';
import { installChild, softShare } from '../child-sa.ts';
import { CHILD_USE_TIME, SETUP_TIME } from '../constants.ts';
import { answerConfig, configRequest, localOffer, localPolicy, takeConfigReply } from '../config-payload.ts';
import type { Ctx } from '../context.ts';
import type { Task } from '../exchange.ts';
import { judgeClaim, noNats, takeAuth } from '../encapsulation.ts';
import { messageLimit } from '../fragments.ts';
import type { IkeSa } from '../ike-sa.ts';
import { identityText } from '../identities.ts';
import { fatalNotify } from '../message-rules.ts';
import { buildProposals, checkAnswer } from '../negotiate.ts';
import { isSubset, prefixSelector } from '../selectors.ts';
import type { IkeChildConfig, IkeIdentity } from '../types.ts';
import { answerChild, spiBytes, spiOf } from './child-create.ts';
import { refreshPath } from './ike-mobike.ts';
import { scheduleReauth, takeOver } from './ike-reauth.ts';
import { deleteUnusedTask } from './informational.ts';
import { addressNotifies, takeAddresses } from './mobike-addresses.ts';
import { agreedSwitch, mobikeSupported } from './responder-switch.ts';

/** In IKE_AUTH no key exchange can follow (I1.2-5). */
const CHILD_RULES = { protocol: PROTOCOL.ESP, spiSize: 4, groups: 'forbidden' } as const;

const addressIdentity = (path: Path): IkeIdentity => ({
  text: path.local.address,
  idType: ipFamily(path.local.address) === 4 ? ID_TYPE.IPV4_ADDR : ID_TYPE.IPV6_ADDR,
  data: ipBytes(path.local.address),
});

/** The IKE_AUTH request of an initiator, with its first Child SA. */
export function authTask(): Task {
  let config: IkeChildConfig | undefined;
  let spi = 0 as ChildSpi;
  return {
    kind: 'auth', exchange: 'IKE_AUTH', patience: SETUP_TIME,
    build(sa, ctx) {
      const { connection } = sa;
      config = connection?.children[0];
      if (!connection || !config) return undefined;
      const identity = connection.localId ?? addressIdentity(sa.path);
      sa.localId = identity;
      const idi = idPayload('IDi', identity.idType, identity.data);
      const own = proveSelf(sa, 'initiator', connection.auth, idi.body, ctx);
      if (typeof own === 'string') {
        sa.close('authentication_failed', own, ctx);
        return undefined;
      }
      spi = ctx.host.newChildSpi();
      return [
        idi,
        ...own.certs,
        ...(ctx.host.firstContact(connection) ? [notify('INITIAL_CONTACT')] : []),
        ...certificateRequest([connection.remoteAuth], ctx.deps.suite),
        ...(connection.remoteId ? [idPayload('IDr', connection.remoteId.idType, connection.remoteId.data)] : []),
        own.auth,
        ...configRequest(connection, ctx),
        { type: 'SA', proposals: buildProposals(config.espProposals, PROTOCOL.ESP, spiBytes(spi), false) },
        { type: 'TSi', selectors: localOffer(connection, config, ctx) },
        { type: 'TSr', selectors: config.remoteTs.map(prefixSelector) },
        ...(connection.mobike ? [mobikeSupported(connection), ...addressNotifies(sa, sa.path, 'IKE_AUTH', ctx)] : []),
        ...(connection.mobike && !sa.nat.traversal ? [noNats(sa.path)] : []), // M3.9-1
      ];
    },
    onResponse(sa, payloads, _answer, ctx) {
      if (config) onAuthResponse(sa, config, spi, payloads, ctx);
    },
    onTimeout: (sa, ctx) => sa.close('timeout', 'no answer to IKE_AUTH', ctx),
    release: (ctx) => ctx.host.freeChildSpi(spi),
  };
}

function onAuthResponse(sa: IkeSa, config: IkeChildConfig, spi: ChildSpi, payloads: readonly Payload[], ctx: Ctx): void {
  const { connection, setup } = sa;
  if (!connection || !setup) return;
  const idr = findPayload(payloads, 'IDr');
  const auth = findPayload(payloads, 'AUTH');
  const errors = payloads.filter((p) => p.type === 'N').filter((p) => isErrorNotify(p.notify));
  if (!idr || !auth) {
    ctx.host.freeChildSpi(spi);
    if (findNotify(payloads, 'UNEXPECTED_NAT_DETECTED')) return sa.close('nat_detected', 'addresses are translated on the way, and nat_t is prohibit', ctx); // M3.9-4
    return sa.close('authentication_failed', `the peer refused IKE_AUTH: ${errors.map((p) => notifyName(p.notify)).join(', ') || 'no AUTH payload'}`, ctx);
  }
  const refuse = (why: string): void => {
    ctx.host.freeChildSpi(spi);
    // I2.21-1: the peer takes the SA for established. It is told once; if that is lost its own liveness check finds out.
    sa.transmit(sa.path, sa.encodeRequest('INFORMATIONAL', sa.exchanges.nextId, [notify('AUTHENTICATION_FAILED')], messageLimit(sa.path)), ctx);
    sa.close('authentication_failed', why, ctx);
  };
  const peer = checkPeer(sa, 'initiator', connection, idr, payloads, ctx);
  if (!peer.ok) return refuse(peer.why);
  const fatal = fatalNotify(payloads) ?? (findNotify(payloads, 'UNSUPPORTED_CRITICAL_PAYLOAD') ? 'invalid_syntax' : undefined);
  if (fatal) {
    // I2.21.2-1: with these the peer ended the SA as well.
    ctx.host.freeChildSpi(spi);
    return sa.close(fatal, `the peer refused IKE_AUTH: ${errors.map((p) => notifyName(p.notify)).join(', ')}`, ctx);
  }
  meetPeer(sa, idr, peer, ctx);
  sa.mobility.supported = connection.mobike && findNotify(payloads, 'MOBIKE_SUPPORTED') !== undefined;
  sa.mobility.switchBy = agreedSwitch(sa, connection, payloads);
  establish(sa, ctx);
  takeConfigReply(sa, connection, payloads, ctx);
  installFirst(sa, config, spi, payloads, ctx);
  if (sa.mobility.supported) takeAddresses(sa, 0, payloads, sa.path, ctx);
  // After the SA, so that the dummy leaves under it: the hub holds its packets back until it sees that we use the SA (I2.8-1).
  ctx.emit({ type: 'bundle.path', bundle: sa.chain, path: sa.path, encapsulation: sa.encapsulation, opensPinhole: true });
  for (const other of connection.children) if (other !== config) sa.missing.set(other.name, { at: ctx.now, wait: millis(0) });
  // M3.8-3: the IKE_SA_INIT hash was for port 500. An update, and no mere check, gives the baseline of our mapping: it also is what the
  // peer uses from then on, even if the NAT has forgotten IKE_AUTH's mapping meanwhile.
  if (sa.natLocal) refreshPath(sa, 'baseline', ctx);
}

function installFirst(sa: IkeSa, config: IkeChildConfig, spiIn: ChildSpi, payloads: readonly Payload[], ctx: Ctx): void {
  const answer = findPayload(payloads, 'SA');
  const tsi = findPayload(payloads, 'TSi')?.selectors ?? [];
  const tsr = findPayload(payloads, 'TSr')?.selectors ?? [];
  const chosen = answer && checkAnswer(config.espProposals, answer.proposals, CHILD_RULES);
  const fits = isSubset(tsi, localPolicy(sa, config)) && isSubset(tsr, config.remoteTs.map(prefixSelector));
  if (!chosen || !fits || !sa.setup) {
    // I1.2-3, I2.21-2: the IKE SA stays; the child is tried again.
    const why = payloads.filter((p) => p.type === 'N').filter((p) => isErrorNotify(p.notify)).map((p) => notifyName(p.notify)).join(', ');
    if (answer) sa.exchanges.enqueue(deleteUnusedTask(spiIn)); // the peer has made its half of it
    else ctx.host.freeChildSpi(spiIn);
    sa.log('warn', `child ${config.name} was not set up: ${why || 'the answer does not fit our offer'}`, ctx);
    sa.event({ type: 'child.closed', chain: sa.chain, connection: sa.name, child: config.name, reason: why || 'bad_answer' }, ctx);
    return retryFirst(sa, config, payloads, ctx);
  }
  const { ni, nr } = sa.setup;
  const spiOut = spiOf(chosen.spi);
  installChild(sa, { child: ctx.host.newNumber(), config, spiIn, spiOut, chosen, local: tsi, remote: tsr, ni, nr, shared: undefined, exchangeInitiator: true, use: 'now' }, ctx);
  sa.event({ type: 'child.established', chain: sa.chain, connection: sa.name, child: config.name, local: tsi, remote: tsr }, ctx);
}

/** Asks for the first Child SA again, unless that needs an address: addresses are given in IKE_AUTH only, so a new IKE SA has to ask (I2.21-2). */
function retryFirst(sa: IkeSa, config: IkeChildConfig, payloads: readonly Payload[], ctx: Ctx): void {
  if (findNotify(payloads, 'FAILED_CP_REQUIRED') && !ctx.host.mustAskForAddress(sa.name) && sa.connection?.requestVip.length === 0) {
    ctx.host.insistOnAddress(sa.name);
    return sa.shutDown('child_failed', ctx, 'the peer wants us to ask for a virtual address; trying once more with request_vip');
  }
  const noAddress = findNotify(payloads, 'INTERNAL_ADDRESS_FAILURE') !== undefined && sa.vips.length === 0 && (sa.connection?.requestVip.length ?? 0) > 0;
  const wait = noAddress ? RETRY_ADDRESS : RETRY_CHILD;
  sa.missing.set(config.name, { at: after(ctx.now, wait), wait, lastResort: noAddress });
}

/** The hub had no address left: others leave one in minutes, not in seconds. */
const RETRY_ADDRESS = millis(180_000);

/** A child that was refused is asked for again after this; a wrong configuration must not hammer the peer. */
const RETRY_CHILD = millis(60_000);

/** From here on the SA is real: lifetimes run, the daemon is told. */
function establish(sa: IkeSa, ctx: Ctx): void {
  const lifetime = sa.connection?.ikeLifetime ?? millis(14_400_000);
  sa.state = 'established';
  sa.establishedAt = ctx.now;
  sa.lastIke = ctx.now;
  sa.timers.clear('halfOpen');
  sa.timers.set('softLifetime', after(ctx.now, millis(lifetime * softShare(sa, 'ike-lifetime', ctx))));
  sa.timers.set('hardLifetime', after(ctx.now, lifetime));
  const took = millis(ctx.now - (sa.setup?.startedAt ?? ctx.now));
  scheduleReauth(sa, ctx);
  const replaces = takeOver(sa, ctx);
  sa.event({ type: 'ike.established', chain: sa.chain, connection: sa.name, role: sa.mobikeRole, path: sa.path, peer: sa.peerId?.text ?? '', mobike: sa.mobility.supported, took, ...(replaces === undefined ? {} : { replaces }) }, ctx);
}

/** Who the peer is, now that it has proven it. */
function meetPeer(sa: IkeSa, id: IdPayload, peer: Extract<PeerVerdict, { ok: true }>, ctx: Ctx): void {
  sa.peerId = { text: peer.name, idType: id.idType, data: id.data.slice() };
  sa.undated = peer.undated;
  if (peer.undated) sa.log('warn', `the clock is not set yet: the certificate of ${peer.name} is accepted without a look at its dates, until it is`, ctx);
}

/** The responder's half of IKE_AUTH. `respond` seals and sends. */
export function respondAuth(sa: IkeSa, payloads: readonly Payload[], path: Path, respond: (payloads: readonly Payload[]) => void, ctx: Ctx): void {
  const refuse = (why: string): void => {
    sa.log('warn', `${path.remote.address}: ${why}`, ctx);
    respond([notify('AUTHENTICATION_FAILED')]); // I2.21.2-1: no detail to the peer
    sa.die(ctx);
  };
  const idi = findPayload(payloads, 'IDi');
  const auth = findPayload(payloads, 'AUTH');
  const wanted = findPayload(payloads, 'IDr');
  const { setup } = sa;
  // M3.9-2: before anything else. Who does no MOBIKE does not know the notify.
  const claim = ctx.host.responders().some((c) => c.mobike) ? judgeClaim(sa, payloads, path) : 'fits';
  if (claim !== 'fits') {
    sa.log('warn', `${path.remote.address}: ${claim === 'translated' ? 'its address was translated, and it allows no NAT' : 'NO_NATS_ALLOWED of no known length'}`, ctx);
    respond([notify(claim === 'translated' ? 'UNEXPECTED_NAT_DETECTED' : 'INVALID_SYNTAX')]);
    return sa.die(ctx);
  }
  if (!idi || !auth || !setup) return refuse('IKE_AUTH without IDi or AUTH');
  const connection = findConnection(ctx.host.responders().filter((c) => acceptsAddresses(c, path)), idi, wanted, auth.method);
  if (!connection) return refuse(`no connection for identity ${identityText(idi)}`);
  const peer = checkPeer(sa, 'responder', connection, idi, payloads, ctx);
  if (!peer.ok) return refuse(peer.why);
  const localId = connection.localId ?? addressIdentity(path);
  const idr = idPayload('IDr', localId.idType, localId.data);
  const own = proveSelf(sa, 'responder', connection.auth, idr.body, ctx);
  if (typeof own === 'string') return refuse(`connection '${connection.name}': ${own}`);
  sa.connection = connection;
  sa.name = connection.name;
  // M3.3-2: the addresses of the IKE SA are those of the first IKE_AUTH request.
  sa.path = path;
  takeAuth(sa);
  sa.localId = localId;
  meetPeer(sa, idi, peer, ctx);
  sa.mobility.supported = connection.mobike && findNotify(payloads, 'MOBIKE_SUPPORTED') !== undefined;
  sa.mobility.switchBy = agreedSwitch(sa, connection, payloads);
  if (findNotify(payloads, 'INITIAL_CONTACT')) for (const old of ctx.host.siblings(localId, { text: peer.name, idType: idi.idType, data: idi.data }, sa)) old.close('replaced', 'INITIAL_CONTACT', ctx);
  establish(sa, ctx);
  ctx.emit({ type: 'bundle.path', bundle: sa.chain, path, encapsulation: sa.encapsulation, opensPinhole: false });
  const config = answerConfig(sa, connection, payloads, ctx);
  const exchange = { ni: setup.ni, nr: setup.nr, ke: undefined, rules: CHILD_RULES, use: { at: after(ctx.now, CHILD_USE_TIME) } };
  const child = config.error ? { payloads: [config.error] } : answerChild(sa, payloads, exchange, ctx);
  const mobike = sa.mobility.supported ? [notify('MOBIKE_SUPPORTED'), ...addressNotifies(sa, path, 'IKE_AUTH', ctx)] : [];
  respond([idr, ...own.certs, own.auth, ...config.payloads, ...child.payloads, ...mobike]);
  if (sa.mobility.supported) takeAddresses(sa, 0, payloads, path, ctx);
}
