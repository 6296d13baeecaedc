import { ipBytes, ipFamily, ipFromBytes, prefixContains, toHex, type IpAddress, type IpPrefix } from '../base/index.ts';
import { findPayload, notify, type NotifyPayload, type Payload, type PayloadOf, type TrafficSelector } from '../codec/ike/index.ts';
import type { Ctx } from './context.ts';
import type { IkeSa } from './ike-sa.ts';
import { prefixSelector } from './selectors.ts';
import type { IkeChildConfig, IkeConnection } from './types.ts';

/*
 * Configuration payload (RFC 7296 §2.19, §3.15). The router asks for addresses in its first IKE_AUTH, the hub gives them out of a pool, and
 * the traffic selectors follow: the router's side of every Child SA is its own prefixes and what it was given.
 */

type CpPayload = PayloadOf<'CP'>;
type Attribute = CpPayload['attributes'][number];

const CFG = { REQUEST: 1, REPLY: 2, SET: 3, ACK: 4 } as const;
/** RFC 7296 §3.15.1. */
const ATTRIBUTE = { INTERNAL_IP4_ADDRESS: 1, INTERNAL_IP4_DNS: 3, APPLICATION_VERSION: 7, INTERNAL_IP6_ADDRESS: 8, INTERNAL_IP6_DNS: 10, SUPPORTED_ATTRIBUTES: 14 } as const;
const ADDRESS_TYPE = { 4: ATTRIBUTE.INTERNAL_IP4_ADDRESS, 6: ATTRIBUTE.INTERNAL_IP6_ADDRESS } as const;
const DNS_TYPE = { 4: ATTRIBUTE.INTERNAL_IP4_DNS, 6: ATTRIBUTE.INTERNAL_IP6_DNS } as const;
const FAMILIES = [4, 6] as const;
/** Name servers taken of one reply. */
const DNS_MOST = 8;
const HOST_PREFIX = 128;

const empty = (type: number): Attribute => ({ type, value: new Uint8Array() });
/** An IPv6 address goes with an octet of prefix length (I3.15-1). */
const addressValue = (address: IpAddress): Uint8Array => (ipFamily(address) === 4 ? ipBytes(address) : Uint8Array.of(...ipBytes(address), HOST_PREFIX));

function addressOf(attribute: Attribute, family: 4 | 6, withPrefix: boolean): IpAddress | undefined {
  const octets = family === 4 ? 4 : 16;
  if (attribute.value.length !== octets + (family === 6 && withPrefix ? 1 : 0)) return undefined;
  return ipFromBytes(attribute.value.subarray(0, octets));
}

/** The first attribute of this family that is an address other than the unspecified one. */
function firstAddress(payload: CpPayload, family: 4 | 6): IpAddress | undefined {
  for (const attribute of payload.attributes) {
    if (attribute.type !== ADDRESS_TYPE[family]) continue;
    const address = addressOf(attribute, family, true);
    if (address !== undefined && ipBytes(address).some((octet) => octet !== 0)) return address;
  }
  return undefined;
}

const configOf = (payloads: readonly Payload[], type: number): CpPayload | undefined => {
  const found = findPayload(payloads, 'CP');
  return found?.cfgType === type ? found : undefined;
};

// ---- initiator -------------------------------------------------------------------------------------------------------

/** Families of virtual addresses an initiator asks for: as configured, or because its hub insisted (I2.21-2, error 37). */
const wantedFamilies = (connection: IkeConnection, ctx: Ctx): readonly (4 | 6)[] =>
  connection.requestVip.length > 0 || !ctx.host.mustAskForAddress(connection.name) ? connection.requestVip : [4];

/** The CFG_REQUEST of an IKE_AUTH request: addresses, those of last time if there was one, and name servers (I2.19-1). */
export function configRequest(connection: IkeConnection, ctx: Ctx): CpPayload[] {
  const families = wantedFamilies(connection, ctx);
  if (families.length === 0) return [];
  const before = ctx.host.lastAddresses(connection.name);
  const attributes = families.flatMap((family) => {
    const last = before.find((address) => ipFamily(address) === family);
    return [last === undefined ? empty(ADDRESS_TYPE[family]) : { type: ADDRESS_TYPE[family], value: addressValue(last) }, empty(DNS_TYPE[family])];
  });
  return [{ type: 'CP', cfgType: CFG.REQUEST, attributes }];
}

/** What an IKE_AUTH request offers as our side: any address where one is asked for, since nobody knows yet which it will be. */
export function localOffer(connection: IkeConnection, config: IkeChildConfig, ctx: Ctx): TrafficSelector[] {
  const any = wantedFamilies(connection, ctx).map((family) => prefixSelector({ address: (family === 4 ? '0.0.0.0' : '::') as IpAddress, length: 0 }));
  return [...any, ...config.localTs.map(prefixSelector)];
}

/** Takes the CFG_REPLY of an IKE_AUTH response; nothing that was not asked for (I3.15-1). */
export function takeConfigReply(sa: IkeSa, connection: IkeConnection, payloads: readonly Payload[], ctx: Ctx): void {
  const families = wantedFamilies(connection, ctx);
  if (families.length === 0) return;
  const reply = configOf(payloads, CFG.REPLY);
  const addresses = reply ? families.flatMap((family) => firstAddress(reply, family) ?? []) : [];
  const dns = (reply?.attributes ?? []).flatMap((attribute) => {
    const family = FAMILIES.find((f) => DNS_TYPE[f] === attribute.type && families.includes(f));
    return (family && addressOf(attribute, family, false)) ?? [];
  });
  sa.vips = addresses;
  ctx.host.rememberAddresses(connection.name, addresses);
  if (addresses.length === 0) sa.log('warn', 'the peer gave no virtual address', ctx);
  sa.event({ type: 'vip.assigned', chain: sa.chain, connection: sa.name, addresses, dns: dns.slice(0, DNS_MOST) }, ctx);
}

// ---- responder -------------------------------------------------------------------------------------------------------

export interface ConfigAnswer {
  /** For the response, before SA. */
  readonly payloads: readonly CpPayload[];
  /** Why there can be no Child SA. */
  readonly error: NotifyPayload | undefined;
}

const inPools = (connection: IkeConnection, prefix: IpPrefix): boolean =>
  connection.pools.some((pool) => ipFamily(pool.address) === ipFamily(prefix.address) && pool.length <= prefix.length && prefixContains(pool, prefix.address));

/** Answers the CFG_REQUEST of an authenticated peer (I2.19-1). Without a request there is no reply. */
export function answerConfig(sa: IkeSa, connection: IkeConnection, payloads: readonly Payload[], ctx: Ctx): ConfigAnswer {
  const request = configOf(payloads, CFG.REQUEST);
  if (!request) {
    const needsOne = connection.pools.length > 0 && connection.children.every((child) => child.remoteTs.every((prefix) => inPools(connection, prefix)));
    return { payloads: [], error: needsOne ? notify('FAILED_CP_REQUIRED') : undefined };
  }
  const families = FAMILIES.filter((family) => request.attributes.some((a) => a.type === ADDRESS_TYPE[family]));
  const tenant = { connection: connection.name, identity: `${sa.peerId?.idType ?? 0}:${toHex(sa.peerId?.data ?? new Uint8Array())}` };
  const addresses = families.flatMap((family) => ctx.host.pool.lease(tenant, family, connection.pools, firstAddress(request, family), sa.chain, ctx.now) ?? []);
  if (families.length > 0 && addresses.length === 0) {
    if (connection.pools.length > 0) sa.log('warn', `no virtual address is left for ${sa.peerId?.text ?? 'the peer'}`, ctx);
    return { payloads: [], error: notify('INTERNAL_ADDRESS_FAILURE') };
  }
  sa.vips = addresses;
  const dns = connection.poolDns.filter((address) => request.attributes.some((a) => a.type === DNS_TYPE[ipFamily(address)]));
  const attributes = [
    ...addresses.map((address) => ({ type: ADDRESS_TYPE[ipFamily(address)], value: addressValue(address) })),
    ...dns.map((address) => ({ type: DNS_TYPE[ipFamily(address)], value: ipBytes(address) })),
    ...information(request),
  ];
  return { payloads: [{ type: 'CP', cfgType: CFG.REPLY, attributes }], error: undefined };
}

/** What anybody may know: an empty version, and which attributes are understood (I3.15-1). */
function information(request: CpPayload): Attribute[] {
  const asks = (type: number): boolean => request.attributes.some((a) => a.type === type);
  const supported = [...Object.values(ADDRESS_TYPE), ...Object.values(DNS_TYPE)].flatMap((type) => [type >> 8, type & 255]);
  return [
    ...(asks(ATTRIBUTE.APPLICATION_VERSION) ? [empty(ATTRIBUTE.APPLICATION_VERSION)] : []),
    ...(asks(ATTRIBUTE.SUPPORTED_ATTRIBUTES) ? [{ type: ATTRIBUTE.SUPPORTED_ATTRIBUTES, value: Uint8Array.from(supported) }] : []),
  ];
}

/** Answers a configuration payload of an INFORMATIONAL request: a SET with an ACK of nothing, a REQUEST with what needs no lease (I3.15-1). */
export function answerLaterConfig(payloads: readonly Payload[]): CpPayload[] {
  if (configOf(payloads, CFG.SET)) return [{ type: 'CP', cfgType: CFG.ACK, attributes: [] }];
  const request = configOf(payloads, CFG.REQUEST);
  return request ? [{ type: 'CP', cfgType: CFG.REPLY, attributes: information(request) }] : [];
}

// ---- selectors of both -------------------------------------------------------------------------------------------------

const hostSelectors = (addresses: readonly IpAddress[]): TrafficSelector[] => addresses.map((address) => prefixSelector({ address, length: ipFamily(address) === 4 ? 32 : 128 }));

/** Our side of a Child SA, as policy. An initiator's own prefixes and what it was given. */
export function localPolicy(sa: IkeSa, config: IkeChildConfig): TrafficSelector[] {
  return [...(sa.mobikeRole === 'initiator' ? hostSelectors(sa.vips) : []), ...config.localTs.map(prefixSelector)];
}

/** The peer's side, as policy. Of the pools a peer may only claim what it was given (I2.19-2, I5.1-1). */
export function remotePolicy(sa: IkeSa, config: IkeChildConfig): TrafficSelector[] {
  const { connection } = sa;
  if (sa.mobikeRole === 'initiator' || !connection || connection.pools.length === 0) return config.remoteTs.map(prefixSelector);
  return [...hostSelectors(sa.vips), ...config.remoteTs.filter((prefix) => !inPools(connection, prefix)).map(prefixSelector)];
}
