import type { Endpoint, IpAddress, IpFamily, IpPrefix } from './ip.ts';
import { formatEndpoint, formatPrefix } from './ip.ts';

/**
 * One way to the peer: an uplink, our outer endpoint on it and the peer's outer endpoint. `ifindex` is the kernel's
 * index of the uplink's l3_device; sending "on a path" means from that device, whatever the routing table prefers.
 */
export interface Path {
  readonly uplink: string;
  readonly ifindex: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** Two paths are the same when device and both endpoints are. */
export function pathKey(path: Path): string {
  return `${path.ifindex}|${formatEndpoint(path.local)}|${formatEndpoint(path.remote)}`;
}

export function samePath(a: Path | undefined, b: Path | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return pathKey(a) === pathKey(b);
}

/** JSON values as ubus, MQTT and the control socket carry them. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export interface JsonObject {
  readonly [key: string]: Json;
}

/** A network device of the kernel (RTM_NEWLINK). */
export interface LinkFact {
  readonly ifindex: number;
  readonly name: string;
  /** IFF_UP. */
  readonly up: boolean;
  /** IFF_LOWER_UP: carrier is there. */
  readonly carrier: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
}

/** An address of the kernel (RTM_NEWADDR). */
export interface AddressFact {
  readonly ifindex: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** IFA_F_TENTATIVE and not optimistic: duplicate address detection runs; sending from it fails. */
  readonly tentative: boolean;
  readonly deprecated: boolean;
  readonly secondary: boolean;
  /** RT_SCOPE_UNIVERSE. */
  readonly global: boolean;
}

/** A route of the kernel (RTM_NEWROUTE); only default routes of the main table and routes of our own protocol are kept. */
export interface RouteFact {
  readonly family: IpFamily;
  readonly destination: IpPrefix;
  readonly type: 'unicast' | 'unreachable' | 'other';
  readonly gateway: IpAddress | undefined;
  readonly ifindex: number | undefined;
  readonly metric: number;
  readonly table: number;
  /** RTPROT_*; ours is `ROUTE_PROTOCOL`. */
  readonly protocol: number;
  /** Only packets from here take it (IPv6 source routing, which netifd uses for its default routes). */
  readonly source?: IpPrefix;
  /** Preferred source address. */
  readonly prefSrc?: IpAddress;
}

/** Two facts with the same key are about the same address of the same device. */
export function addressKey(fact: AddressFact): string {
  return `${fact.ifindex}|${fact.address}/${fact.prefixLength}`;
}

/** Two facts with the same key are about the same route; a default route over several next hops is one fact each. */
export function routeKey(fact: RouteFact): string {
  const from = fact.source === undefined ? '' : formatPrefix(fact.source);
  const how = `${fact.gateway ?? ''}|${fact.ifindex ?? ''}|${fact.prefSrc ?? ''}|${fact.protocol}`;
  return `${fact.table}|${formatPrefix(fact.destination)}|${from}|${fact.metric}|${fact.type}|${how}`;
}

/** rtm_protocol of every route mobiked installs (unassigned in iproute2's list), so that they are found after a crash. */
export const ROUTE_PROTOCOL = 77;

/** What netifd says of one interface: `network.interface dump`, or the payload of a notification. */
export interface InterfaceStatus {
  readonly interface: string;
  readonly up: boolean;
  readonly pending: boolean;
  readonly available: boolean;
  readonly device: string | undefined;
  readonly l3Device: string | undefined;
  readonly metric: number;
  readonly addresses: readonly { readonly address: IpAddress; readonly length: number }[];
  readonly defaultRoutes: readonly { readonly family: IpFamily; readonly gateway: IpAddress | undefined }[];
  readonly dnsServers: readonly IpAddress[];
  /** `data.dhcpserver`: who gave the lease (DHCP, IPv4); only while there is one. */
  readonly dhcpServer?: IpAddress;
  /** `data.ntpserver`: time servers told with the lease, addresses only; absent when none was told. */
  readonly timeServers?: readonly IpAddress[];
}

/** What netifd says of one device: `network.device status` and its link_up / link_down notifications. */
export interface DeviceStatus {
  readonly name: string;
  readonly present: boolean;
  readonly active: boolean;
  /** Carrier as netifd sees it. */
  readonly linkActive: boolean;
}

/** A part of the week, in local time. */
export interface ScheduleWindow {
  /** As configured: `mon-fri 08:00-18:00`. */
  readonly text: string;
  /** Days on which it begins: 0 (Monday) to 6. */
  readonly days: readonly number[];
  /** Minutes since midnight, 0 to 1439. */
  readonly from: number;
  /** 0 to 1440; not later than `from`: it ends on the next day. */
  readonly to: number;
}

/** One uplink as netifd and the kernel together describe it; an uplink is one l3_device. */
export interface UplinkFacts {
  readonly name: string;
  readonly device: string;
  /** 0 while the device does not exist. */
  readonly ifindex: number;
  /** The device exists, is up, has carrier, and netifd (where there is one) says up. */
  readonly up: boolean;
  /** Why `up` is false: `no_device`, `link_down`, `no_carrier`, `interface_down`, `no_address`, `no_route`, `disabled`. */
  readonly downReason: string | undefined;
  readonly mtu: number;
  /** Usable source addresses, best first: in the kernel, global scope, not tentative; deprecated ones last. */
  readonly addresses: readonly IpAddress[];
  /** Families with a default route through this device. */
  readonly families: readonly IpFamily[];
  readonly metric: number;
  readonly metered: boolean;
  /** Taken only when no other uplink can be used (UCI `last_resort`); absent: no. */
  readonly lastResort?: boolean;
  /** Only within these windows it may be chosen (UCI `schedule`); absent: always. */
  readonly schedule?: readonly ScheduleWindow[];
  readonly dnsServers: readonly IpAddress[];
  /** Destinations that may leave here in clear text although a tunnel covers them (UCI `bypass`); absent: none. */
  readonly bypass?: readonly IpPrefix[];
}

/**
 * Somebody outside who shows by an answer that an uplink leads somewhere. Literal addresses, but for the host of an `http` URL. `text` is the
 * target as it is configured, blanks put right: two targets with the same text are the same.
 */
export type ProbeTarget =
  /** Echo request and reply (RFC 792, RFC 4443 §4). */
  | { readonly type: 'icmp'; readonly text: string; readonly address: IpAddress }
  /** One question over UDP (RFC 1035 §4.2.1). */
  | { readonly type: 'dns'; readonly text: string; readonly address: IpAddress; readonly name: string }
  | { readonly type: 'tcp'; readonly text: string; readonly address: IpAddress; readonly port: number }
  /** A page that is nothing but a status 204. `address` undefined: `host` is a name, resolved through the uplink. */
  | { readonly type: 'http'; readonly text: string; readonly host: string; readonly address: IpAddress | undefined; readonly port: number; readonly path: string };

export type ProbeType = ProbeTarget['type'];

/** Why a probe was not answered as it should be. */
export type ProbeFailure =
  | 'no_answer'
  /** The target, or somebody in its name, refused the connection. */
  | 'refused'
  /** The kernel could not send: no route, no such device, no right to. */
  | 'unsendable'
  /** The name of the host has no address, or nobody said. */
  | 'no_name'
  /** A page where there should be none: somebody on the way wants a login (RFC 8952 §1). */
  | 'captive_portal'
  /** An answer that is neither the wanted one nor a portal's. */
  | 'wrong_answer';
