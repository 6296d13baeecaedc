import { after, ipBytes, ipFamily, ipFromBytes, isUnusableIp, samePath, sameBytes, type Endpoint, type IpAddress, type Path } from '../../base/index.ts';
import { findNotify, isErrorNotify, notify, notifyName, PROTOCOL, type NotifyPayload, type Payload } from '../../codec/ike/index.ts';
import type { CryptoSuite } from '../../crypto/index.ts';
import { HOLD_TIME, SWITCH_PAUSE } from '../constants.ts';
import type { Ctx } from '../context.ts';
import type { Task } from '../exchange.ts';
import type { IkeSa } from '../ike-sa.ts';
import { movePath } from './ike-mobike.ts';
import type { IkeConnection } from '../types.ts';
import { vendorId } from '../vendors.ts';

/*
 * R-MOBIKE: a hub that moves takes its routers along, also those behind NATs that let nobody in who was not spoken to. From its old address
 * it asks with a notify that names the new one; the router answers to the new address, which opens its NAT, and moves there as RFC 4555 §3.5
 * has it. Both must have agreed: by a Vendor ID in IKE_SA_INIT, as RFC 7296 §3.12 asks of private numbers, or by a number both were given.
 */

/** Of the private range (RFC 7296 §3.10.1), beside what strongSwan and libreswan use of it. */
export const SWITCH_NOTIFY = 51_200;

const isPrivate = (connection: IkeConnection): boolean => connection.mobike && connection.responderSwitch?.by === 'private';

/** What an initiator adds to IKE_SA_INIT; a responder, to its answer to one that has it. */
export const switchVendors = (connections: readonly IkeConnection[], suite: CryptoSuite): Payload[] => (connections.some(isPrivate) ? [vendorId('switch', suite)] : []);

/** MOBIKE_SUPPORTED of an initiator: with a number both sides were given it says that number, else nothing (RFC 4555 §4.2.1). */
export function mobikeSupported(connection: IkeConnection): NotifyPayload {
  const by = connection.responderSwitch?.by;
  const bare = notify('MOBIKE_SUPPORTED');
  return typeof by === 'number' ? { ...bare, data: Uint8Array.of(by >> 8, by & 255) } : bare;
}

/** The notify by which a hub may move this SA, once IKE_AUTH has shown whose it is; undefined: it may not. */
export function agreedSwitch(sa: IkeSa, connection: IkeConnection, payloads: readonly Payload[]): number | undefined {
  const by = connection.responderSwitch?.by;
  if (!sa.mobility.supported || by === undefined) return undefined;
  if (by === 'private') return sa.mobility.vendor ? SWITCH_NOTIFY : undefined;
  const told = findNotify(payloads, 'MOBIKE_SUPPORTED')?.data;
  return sa.mobikeRole === 'initiator' || (told !== undefined && sameBytes(told, Uint8Array.of(by >> 8, by & 255))) ? by : undefined;
}

// ---- the hub --------------------------------------------------------------------------------------------------------

/** Asks the peer to come to another address of ours. `own`: what leaves from there, if it is ours already; the request goes from there too. */
export function switchPeer(sa: IkeSa, to: IpAddress, own: Path | undefined, ctx: Ctx): void {
  const code = sa.mobility.switchBy;
  if (!sa.isEstablished || sa.mobikeRole !== 'responder' || code === undefined || to === sa.path.local.address || sa.exchanges.has('switch')) return;
  sa.log('info', `asking the peer to come to ${to}`, ctx);
  sa.exchanges.enqueue(switchTask(code, to), true);
  sa.exchanges.pump(ctx);
  if (own && sa.exchanges.outstanding?.task.kind === 'switch') sa.exchanges.race([own], ctx);
}

function switchTask(code: number, to: IpAddress): Task {
  return {
    kind: 'switch', exchange: 'INFORMATIONAL', patience: HOLD_TIME,
    build: (sa) => (sa.isEstablished ? [{ type: 'N', protocol: PROTOCOL.NONE, spi: new Uint8Array(), notify: code, data: ipBytes(to) }] : undefined),
    // An answer moves nothing: the peer's update does.
    onResponse(sa, payloads, _answer, ctx) {
      const error = payloads.find((p) => p.type === 'N' && isErrorNotify(p.notify));
      if (error?.type === 'N') sa.log('warn', `the peer does not come to ${to}: ${notifyName(error.notify)}`, ctx);
    },
    onTimeout: (sa, ctx) => sa.close('peer_dead', 'no answer to the request to come to another address', ctx),
  };
}

// ---- the router -----------------------------------------------------------------------------------------------------

/** Address and port of the notify's data: 4 or 16 octets, and 2 more with a port. */
function readTarget(data: Uint8Array, port: number): Endpoint | undefined {
  const length = data.length & ~3;
  const address = ipFromBytes(data.subarray(0, length));
  if (address === undefined || (data.length !== length && data.length !== length + 2)) return undefined;
  return { address, port: data.length === length ? port : ((data[length] ?? 0) << 8) | (data[length + 1] ?? 0) };
}

/** An address that the configuration names. */
const isConfigured = (sa: IkeSa, address: IpAddress, ctx: Ctx): boolean =>
  sa.connection?.remoteAddrs.some((a) => a.kind === 'address' && a.address === address) === true || ctx.host.remotes(sa.name).includes(address);

/** Addresses that are the hub's for us: what is configured, and what it announced. */
const isOfHub = (sa: IkeSa, address: IpAddress, ctx: Ctx): boolean => isConfigured(sa, address, ctx) || sa.mobility.theirs.includes(address);

function refusal(sa: IkeSa, to: Endpoint | undefined, ctx: Ctx): string | undefined {
  if (!to || to.port === 0 || isUnusableIp(to.address)) return 'it names no address';
  if (ipFamily(to.address) !== ipFamily(sa.path.local.address)) return `${to.address} is of the other family`;
  if (sa.connection?.responderSwitch?.anyAddress !== true && !isOfHub(sa, to.address, ctx)) return `${to.address} is none of the hub's addresses`;
  const last = sa.mobility.switchedAt;
  return last !== undefined && ctx.now < after(last, SWITCH_PAUSE) ? 'it asked a moment ago' : undefined;
}

/** Takes the hub's request: notifies for the answer, and what follows once that has been sent. */
export function acceptSwitch(sa: IkeSa, payloads: readonly Payload[], ctx: Ctx): { readonly payloads: NotifyPayload[]; readonly after: (() => void) | undefined } {
  const code = sa.mobility.switchBy;
  const asked = payloads.find((p) => p.type === 'N' && p.notify === code);
  if (code === undefined || asked?.type !== 'N' || sa.mobikeRole !== 'initiator' || !sa.isEstablished) return { payloads: [], after: undefined };
  const to = readTarget(asked.data, sa.path.remote.port);
  const why = refusal(sa, to, ctx);
  if (why !== undefined || !to) {
    sa.log('warn', `the hub asks us to come to another address, and we do not: ${why ?? ''}`, ctx);
    return { payloads: [notify('UNACCEPTABLE_ADDRESSES')], after: undefined };
  }
  sa.mobility.switchedAt = ctx.now;
  const path: Path = { ...sa.path, remote: to };
  return {
    payloads: [],
    after: () => {
      // Against RFC 7296 §2.11, and by design: the answer opens our NAT for the new address. Where the request came from has its own.
      sa.inbox.answerFrom(path, ctx);
      if (!samePath(path, sa.path)) movePath(sa, path, ['hub_moved'], ctx.now, ctx, !isConfigured(sa, to.address, ctx));
    },
  };
}
