import { after, type Path } from '../../base/index.ts';
import { findNotify, notify, PROTOCOL, type ChildSpi, type NotifyPayload, type Payload } from '../../codec/ike/index.ts';
import { goesOn, removeChild, useChild, type ChildSa } from '../child-sa.ts';
import { DELETE_TIME, HOLD_TIME } from '../constants.ts';
import { answerLaterConfig } from '../config-payload.ts';
import type { Ctx } from '../context.ts';
import { judgeClaim, natPair } from '../encapsulation.ts';
import type { Task } from '../exchange.ts';
import type { IkeSa } from '../ike-sa.ts';
import { fatalNotify } from '../message-rules.ts';
import { DELETED_WAIT, spiBytes, spiOf } from './child-create.ts';
import { rekeyChildTask } from './child-rekey.ts';
import { acceptUpdate } from './mobike-accept.ts';
import { takeAddresses } from './mobike-addresses.ts';
import { conclude } from './ike-rekey.ts';
import { acceptSwitch } from './responder-switch.ts';

/** Delete for one Child SA: the SPI is our inbound one (I1.4.1-1). */
export function deleteChildTask(child: ChildSa): Task {
  return {
    kind: 'childDelete', exchange: 'INFORMATIONAL', patience: HOLD_TIME,
    build(sa) {
      if (!sa.children.has(child.spiIn)) return undefined;
      child.deleteSent = true;
      return [{ type: 'D', protocol: PROTOCOL.ESP, spiSize: 4, spis: [spiBytes(child.spiIn)] }];
    },
    onResponse: (sa, _payloads, _answer, ctx) => removeChild(sa.latest, child, ctx, true),
    onTimeout: (sa, ctx) => sa.close('peer_dead', 'no answer to Delete', ctx),
  };
}

/** Delete for a pair that the peer made of an answer we cannot use (I2.21-1): it goes by our inbound SPI, which is free afterwards. */
export function deleteUnusedTask(spi: ChildSpi): Task {
  return {
    kind: 'childDelete', exchange: 'INFORMATIONAL', patience: HOLD_TIME,
    build: () => [{ type: 'D', protocol: PROTOCOL.ESP, spiSize: 4, spis: [spiBytes(spi)] }],
    onResponse: (_sa, _payloads, _answer, ctx) => ctx.host.freeChildSpi(spi),
    onTimeout: (sa, ctx) => sa.close('peer_dead', 'no answer to Delete', ctx),
    release: (ctx) => ctx.host.freeChildSpi(spi),
  };
}

/** Tells the peer that its ESP comes under an SPI we do not have (RFC 7296 §1.5). */
export function invalidSpiTask(spi: ChildSpi): Task {
  return {
    kind: 'invalidSpi', exchange: 'INFORMATIONAL', patience: HOLD_TIME,
    build: (sa) => (sa.isEstablished ? [notify('INVALID_SPI', spiBytes(spi))] : undefined),
    onResponse: () => undefined,
    onTimeout: (sa, ctx) => sa.close('peer_dead', 'no answer to a notice', ctx),
  };
}

/** The peer does not know the SPI we send under: a rekeying finds out, and CHILD_SA_NOT_FOUND makes a new Child SA (I2.25-2). Once for each. */
function question(sa: IkeSa, payloads: readonly Payload[], ctx: Ctx): void {
  const told = findNotify(payloads, 'INVALID_SPI');
  const child = told && childBySpi(sa, told.data);
  if (!child?.used || child.questioned || child.state !== 'installed') return;
  child.questioned = true;
  sa.log('warn', `the peer does not know the SPI of child ${child.config.name}; rekeying it`, ctx);
  sa.exchanges.enqueue(rekeyChildTask(sa, child));
}

/** Delete for the IKE SA itself: the last request on it. */
export function deleteIkeTask(): Task {
  return {
    kind: 'ikeDelete', exchange: 'INFORMATIONAL', patience: DELETE_TIME,
    build: () => [{ type: 'D', protocol: PROTOCOL.IKE, spiSize: 0, spis: [] }],
    onResponse: (sa, _payloads, _answer, ctx) => sa.die(ctx),
    onTimeout: (sa, ctx) => sa.die(ctx),
  };
}

/** The Child SA that a peer names by its own inbound SPI, our outbound one. */
export function childBySpi(sa: IkeSa, spi: Uint8Array): ChildSa | undefined {
  return spi.length === 4 ? [...sa.children.values()].find((c) => c.spiOut === spiOf(spi)) : undefined;
}

/** Removes the Child SAs a peer deletes; returns our inbound SPIs of the pairs, less those whose Delete of ours crossed. */
function deleteChildren(sa: IkeSa, spis: readonly Uint8Array[], ctx: Ctx): ChildSpi[] {
  const ours: ChildSpi[] = [];
  for (const bytes of spis) {
    const child = childBySpi(sa, bytes);
    if (!child) {
      // I1.4.1-1: an unknown SPI is ignored, unless the answer that would tell us of it is on its way.
      if (bytes.length === 4) sa.exchanges.outstanding?.task.onStrayDelete?.(spiOf(bytes));
      continue;
    }
    if (!child.deleteSent) ours.push(child.spiIn);
    const wasRekeyed = child.state === 'rekeyed';
    removeChild(sa, child, ctx, true);
    // I2.8-1: with the old SA gone, the new one is used whether or not ESP came on it yet. A redundant one leaves the old in use.
    if (!child.redundant) for (const other of sa.children.values()) if (other.child === child.child) useChild(sa, other, ctx);
    if (wasRekeyed || child.state === 'deleting' || goesOn(sa, child)) continue;
    sa.event({ type: 'child.closed', chain: sa.chain, connection: sa.name, child: child.config.name, reason: 'peer_deleted' }, ctx);
    if (sa.mobikeRole === 'initiator') sa.missing.set(child.config.name, { at: after(ctx.now, DELETED_WAIT), wait: DELETED_WAIT });
  }
  return ours;
}

/** Ends the IKE SA it comes on. */
export const deletesIke = (payloads: readonly Payload[]): boolean => payloads.some((p) => p.type === 'D' && p.protocol === PROTOCOL.IKE);

/** Answers an INFORMATIONAL request: deletes, MOBIKE, liveness; unknown contents get an empty answer (I1.4-1). */
export function respondInformational(sa: IkeSa, messageId: number, payloads: readonly Payload[], path: Path, respond: (payloads: readonly Payload[]) => void, ctx: Ctx): void {
  const deletes = payloads.filter((p) => p.type === 'D');
  const echo = (): NotifyPayload[] => {
    const cookie = sa.mobility.supported ? findNotify(payloads, 'COOKIE2') : undefined;
    return cookie ? [{ ...cookie, protocol: PROTOCOL.NONE, spi: new Uint8Array() }] : []; // M3.7-3: data unchanged, whatever its length
  };
  // M3.5-11, M3.9-2: before anything else, and instead of it.
  const claim = sa.mobility.supported ? judgeClaim(sa, payloads, path) : 'fits';
  if (claim === 'malformed') {
    respond([notify('INVALID_SYNTAX')]);
    return sa.close('invalid_syntax', 'NO_NATS_ALLOWED of no known length', ctx);
  }
  if (claim === 'translated') {
    sa.log('info', `a request from ${path.remote.address} was sent between other addresses, and the peer allows no NAT`, ctx);
    return respond([notify('UNEXPECTED_NAT_DETECTED'), ...echo()]);
  }
  if (deletesIke(payloads)) {
    respond([]);
    // I2.8.2-1: the peer did not see our rekeying, or its own won: its successor is the one.
    conclude(sa, ctx);
    if (sa.state === 'established') sa.close(sa.timers.get('replaced') === undefined ? 'peer_deleted' : 'replaced', '', ctx);
    else sa.die(ctx);
    return;
  }
  // I2.21.2-1: directly after IKE_AUTH, message ID 1, the initiator says so of our answer to it.
  const ofAuth = sa.setup !== undefined && !sa.originalInitiator && messageId === 2 && findNotify(payloads, 'UNSUPPORTED_CRITICAL_PAYLOAD') !== undefined;
  const fatal = ofAuth ? 'invalid_syntax' : fatalNotify(payloads);
  if (fatal) {
    respond([]);
    return sa.close(fatal, 'the peer ended the SA with an error', ctx);
  }
  const answer: Payload[] = [];
  const spis = deletes.filter((d) => d.protocol === PROTOCOL.ESP).flatMap((d) => d.spis);
  // What a peer asks on an SA that was rekeyed meanwhile is about Child SAs of its successor (I1.4-1).
  const ours = deleteChildren(sa.latest, spis, ctx);
  if (ours.length > 0) answer.push({ type: 'D', protocol: PROTOCOL.ESP, spiSize: 4, spis: ours.map(spiBytes) });
  const { supported } = sa.mobility;
  const update = supported ? acceptUpdate(sa, messageId, payloads, path, ctx) : { payloads: [] as NotifyPayload[], after: undefined };
  if (supported && update.payloads.length === 0) takeAddresses(sa, messageId, payloads, path, ctx);
  const switched = supported ? acceptSwitch(sa, payloads, ctx) : { payloads: [] as NotifyPayload[], after: undefined };
  answer.push(...update.payloads, ...switched.payloads);
  // M3.8-2: NAT detection is answered for the addresses of this very packet.
  if (findNotify(payloads, 'NAT_DETECTION_SOURCE_IP') && findNotify(payloads, 'NAT_DETECTION_DESTINATION_IP'))
    answer.push(...natPair(sa, path, ctx));
  answer.push(...echo());
  answer.push(...answerLaterConfig(payloads));
  respond(answer);
  question(sa.latest, payloads, ctx);
  update.after?.();
  switched.after?.();
}
