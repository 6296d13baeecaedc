import type { IpAddress, IpFamily, IpPrefix, RouteFact } from '../../base/index.ts';
import { ByteReader, ByteWriter, ip, ipBytes, ipFamily, ipFromBytes, ROUTE_PROTOCOL } from '../../base/index.ts';
import type { Attributes } from './attributes.ts';
import { decodeAttributes, encodeAttributes } from './attributes.ts';
import { AF, align, encodeMessage, MESSAGE, NLM_F } from './message.ts';
import { ROUTE_ATTRS } from './route-attrs.ts';

/** The table in which everything mobiked looks at or installs lives. */
export const RT_TABLE_MAIN = 254;
/** rtm_type. */
const RTN = { UNICAST: 1, UNREACHABLE: 7 } as const;
/** rtm_scope: a unicast route without gateway reaches its destination on the link. */
const RT_SCOPE = { UNIVERSE: 0, LINK: 253, NOWHERE: 255 } as const;
/** Entries of the route cache and of PMTU discovery, not of the table. */
const RTM_F_CLONED = 0x200;
/** Metric of an IPv6 route that names none (IP6_RT_PRIO_USER); IPv4 has 0. */
export const IP6_DEFAULT_METRIC = 1024;
/** rtm_flags: the gateway is on the link of the device, whatever the table says of its address (RTNH_F_ONLINK). */
const RTNH_F_ONLINK = 4;
const HEADER = 12;
const NEXT_HOP_HEADER = 8;
/** Next hops of one route that are looked at; the kernel's own limit is near 65535 / 8. */
const MOST_NEXT_HOPS = 256;

/** A route to install or delete: `ifindex` undefined means `unreachable`. */
export interface RouteSpec {
  readonly destination: IpPrefix;
  readonly ifindex: number | undefined;
  readonly metric: number;
  readonly prefSrc: IpAddress | undefined;
  readonly gateway?: IpAddress | undefined;
}

interface NextHop {
  readonly ifindex: number | undefined;
  readonly gateway: IpAddress | undefined;
}

function gatewayOf(attributes: Attributes<typeof ROUTE_ATTRS>): IpAddress | undefined {
  if (attributes.gateway !== undefined) return attributes.gateway;
  return attributes.via === undefined ? undefined : ipFromBytes(attributes.via.subarray(2));
}

/**
 * Next hops of RTA_MULTIPATH.
 *
 *     +-------------------------------+---------------+---------------+
 *     |     length, attrs included    |     flags     |   weight-1    |
 *     +-------------------------------+---------------+---------------+
 *     |                            ifindex                            |
 *     +---------------------------------------------------------------+
 *     | attributes: RTA_GATEWAY or RTA_VIA …                          |
 */
function decodeNextHops(bytes: Uint8Array, littleEndian: boolean): NextHop[] {
  const out: NextHop[] = [];
  let at = 0;
  while (at + NEXT_HOP_HEADER <= bytes.length && out.length < MOST_NEXT_HOPS) {
    const reader = new ByteReader(bytes, at);
    const length = reader.u16(littleEndian);
    reader.skip(2);
    const ifindex = reader.u32(littleEndian);
    if (length < NEXT_HOP_HEADER || length > bytes.length - at) break;
    const attributes = decodeAttributes(ROUTE_ATTRS, bytes.subarray(at + NEXT_HOP_HEADER, at + length), littleEndian);
    if (attributes) out.push({ ifindex: ifindex === 0 ? undefined : ifindex, gateway: gatewayOf(attributes) });
    at += align(length);
  }
  return out;
}

function prefixOf(address: IpAddress | undefined, length: number, family: IpFamily): IpPrefix | undefined {
  if (length > (family === 4 ? 32 : 128)) return undefined;
  if (address === undefined) return length === 0 ? { address: ip(family === 4 ? '0.0.0.0' : '::'), length } : undefined;
  return ipFamily(address) === family ? { address, length } : undefined;
}

/**
 * Decodes the payload of RTM_NEWROUTE or RTM_DELROUTE into the facts we keep: default routes of the main table and
 * routes of our own protocol; one fact for each next hop, none for everything else.
 *
 *     +---------------+---------------+---------------+---------------+
 *     |    family     |  dst length   |  src length   |      tos      |
 *     +---------------+---------------+---------------+---------------+
 *     |     table     |   protocol    |     scope     |     type      |
 *     +---------------+---------------+---------------+---------------+
 *     |                             flags                             |
 *     +---------------------------------------------------------------+
 */
export function decodeRoutes(payload: Uint8Array, littleEndian: boolean): RouteFact[] {
  const reader = new ByteReader(payload);
  const family = reader.u8();
  const dstLength = reader.u8();
  const srcLength = reader.u8();
  reader.skip(1);
  const shortTable = reader.u8();
  const protocol = reader.u8();
  reader.skip(1);
  const type = reader.u8();
  const flags = reader.u32(littleEndian);
  if (reader.failed || (family !== AF.INET && family !== AF.INET6) || (flags & RTM_F_CLONED) !== 0) return [];
  // The cheap look first: a router that speaks BGP has a million routes, of which we keep a handful.
  if (dstLength !== 0 && protocol !== ROUTE_PROTOCOL) return [];
  const attributes = decodeAttributes(ROUTE_ATTRS, payload.subarray(HEADER), littleEndian);
  if (!attributes) return [];
  const table = attributes.table ?? shortTable;
  if (table !== RT_TABLE_MAIN && protocol !== ROUTE_PROTOCOL) return [];
  const ipVersion: IpFamily = family === AF.INET ? 4 : 6;
  const destination = prefixOf(attributes.dst, dstLength, ipVersion);
  const source = srcLength === 0 ? undefined : prefixOf(attributes.src, srcLength, ipVersion);
  if (destination === undefined || (srcLength !== 0 && source === undefined)) return [];
  const common = {
    family: ipVersion,
    destination,
    type: type === RTN.UNICAST ? ('unicast' as const) : type === RTN.UNREACHABLE ? ('unreachable' as const) : ('other' as const),
    metric: attributes.priority ?? (ipVersion === 6 ? IP6_DEFAULT_METRIC : 0),
    table,
    protocol,
    ...(source === undefined ? {} : { source }),
    ...(attributes.prefsrc === undefined ? {} : { prefSrc: attributes.prefsrc }),
  };
  const only = { ifindex: attributes.oif, gateway: gatewayOf(attributes) };
  const hops = attributes.multipath === undefined ? [only] : decodeNextHops(attributes.multipath, littleEndian);
  return hops.map((hop) => ({ ...common, gateway: hop.gateway, ifindex: hop.ifindex }));
}

/** Asks for every route of one family (the kernel has no other filter that all versions know). */
export function encodeRouteDump(family: IpFamily, sequence: number, littleEndian: boolean): Uint8Array {
  const payload = new ByteWriter(HEADER).u8(family === 4 ? AF.INET : AF.INET6).zeros(HEADER - 1).finish();
  return encodeMessage({ type: MESSAGE.RTM_GETROUTE, flags: NLM_F.REQUEST | NLM_F.DUMP, sequence, payload }, littleEndian);
}

/** The attribute that names the gateway: RTA_VIA (family and octets) for one of the other family than the destination. */
function gatewayAttribute(gateway: IpAddress | undefined, destination: IpFamily, littleEndian: boolean): { gateway?: IpAddress; via?: Uint8Array } {
  if (gateway === undefined) return {};
  if (ipFamily(gateway) === destination) return { gateway };
  return { via: new ByteWriter(18).u16(ipFamily(gateway) === 4 ? AF.INET : AF.INET6, littleEndian).bytes(ipBytes(gateway)).finish() };
}

/**
 * Adds or deletes a route of the main table with our protocol; asks for an acknowledgement.
 *
 * Adding has the flag CREATE and neither EXCL nor REPLACE: a foreign route with the same destination and metric stays
 * and ours goes before it (IPv4), and EEXIST then means that exactly this route is there already.
 */
export function encodeRoute(change: 'add' | 'delete', route: RouteSpec, sequence: number, littleEndian: boolean): Uint8Array {
  const family = ipFamily(route.destination.address);
  const unreachable = route.ifindex === undefined;
  // A deletion with scope NOWHERE matches any scope (IPv4; IPv6 has none).
  const scope = change === 'delete' ? RT_SCOPE.NOWHERE : unreachable || family === 6 || route.gateway !== undefined ? RT_SCOPE.UNIVERSE : RT_SCOPE.LINK;
  const out = new ByteWriter(96);
  out.u8(family === 4 ? AF.INET : AF.INET6).u8(route.destination.length).zeros(2);
  out.u8(RT_TABLE_MAIN).u8(ROUTE_PROTOCOL).u8(scope).u8(unreachable ? RTN.UNREACHABLE : RTN.UNICAST).u32(route.gateway === undefined ? 0 : RTNH_F_ONLINK, littleEndian);
  const attributes = {
    ...(route.destination.length === 0 ? {} : { dst: route.destination.address }),
    ...(route.ifindex === undefined ? {} : { oif: route.ifindex }),
    ...gatewayAttribute(route.gateway, family, littleEndian),
    priority: route.metric,
    ...(route.prefSrc === undefined ? {} : { prefsrc: route.prefSrc }),
    table: RT_TABLE_MAIN,
  };
  const payload = out.bytes(encodeAttributes(ROUTE_ATTRS, attributes, littleEndian)).finish();
  const type = change === 'add' ? MESSAGE.RTM_NEWROUTE : MESSAGE.RTM_DELROUTE;
  const flags = NLM_F.REQUEST | NLM_F.ACK | (change === 'add' ? NLM_F.CREATE : 0);
  return encodeMessage({ type, flags, sequence, payload }, littleEndian);
}
