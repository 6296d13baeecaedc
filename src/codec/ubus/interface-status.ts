import { ipFamily, parseIp, type DeviceStatus, type InterfaceStatus, type IpAddress, type IpFamily, type Json, type JsonObject } from '../../base/index.ts';

/** Interfaces or devices of one dump that are looked at; a router has a dozen. */
const MAX_ENTRIES = 256;
/** Addresses, routes or servers of one interface that are looked at. */
const MAX_LIST = 64;
/** The kernel's number of the main routing table. */
const MAIN_TABLE = 254;

/** Narrows JSON to an object. */
export function asObject(json: Json | undefined): JsonObject | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as JsonObject) : undefined;
}

const own = (object: JsonObject, key: string): Json | undefined => (Object.hasOwn(object, key) ? object[key] : undefined);
const flag = (object: JsonObject, key: string): boolean => own(object, key) === true;

function text(object: JsonObject, key: string): string | undefined {
  const value = own(object, key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function number(object: JsonObject, key: string): number | undefined {
  const value = own(object, key);
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function list(object: JsonObject, key: string): readonly Json[] {
  const value = own(object, key);
  return Array.isArray(value) ? (value as readonly Json[]).slice(0, MAX_LIST) : [];
}

function address(object: JsonObject, key: string): IpAddress | undefined {
  const value = text(object, key);
  return value === undefined ? undefined : parseIp(value);
}

function addresses(status: JsonObject): InterfaceStatus['addresses'] {
  const out: { address: IpAddress; length: number }[] = [];
  for (const key of ['ipv4-address', 'ipv6-address']) {
    for (const item of list(status, key)) {
      const entry = asObject(item);
      const value = entry && address(entry, 'address');
      const length = entry && number(entry, 'mask');
      if (value !== undefined && length !== undefined) out.push({ address: value, length });
    }
  }
  return out;
}

const isUnspecified = (value: IpAddress): boolean => value === '0.0.0.0' || value === '::';

/**
 * Default routes of the main table. Those in `inactive` (option defaultroute 0) are not installed and do not count; the
 * source (`0.0.0.0/0`, `ADDRESS/32`, a delegated prefix) does not matter; no next hop, or an unspecified one, means
 * that the link is point-to-point.
 */
function defaultRoutes(status: JsonObject): InterfaceStatus['defaultRoutes'] {
  const out: { family: IpFamily; gateway: IpAddress | undefined }[] = [];
  for (const item of list(status, 'route')) {
    const route = asObject(item);
    const target = route && address(route, 'target');
    if (route === undefined || target === undefined || !isUnspecified(target) || number(route, 'mask') !== 0) continue;
    if ((number(route, 'table') ?? MAIN_TABLE) !== MAIN_TABLE) continue;
    const nextHop = address(route, 'nexthop');
    const gateway = nextHop === undefined || isUnspecified(nextHop) ? undefined : nextHop;
    const family = ipFamily(target);
    if (!out.some((known) => known.family === family && known.gateway === gateway)) out.push({ family, gateway });
  }
  return out;
}

/**
 * What the protocol handler told beside the standard keys. DHCP's gives `dhcpserver` and, when the server tells time servers, `ntpserver`: addresses
 * and (DHCPv6) names, separated by blanks.
 */
function leaseData(status: JsonObject): Pick<InterfaceStatus, 'dhcpServer' | 'timeServers'> {
  const data = asObject(own(status, 'data'));
  const dhcpServer = data && address(data, 'dhcpserver');
  const words = (data && text(data, 'ntpserver')) ?? '';
  const timeServers = words.split(' ', MAX_LIST).flatMap((word) => parseIp(word) ?? []);
  return { ...(dhcpServer === undefined ? {} : { dhcpServer }), ...(timeServers.length === 0 ? {} : { timeServers: [...new Set(timeServers)] }) };
}

/**
 * One interface as netifd describes it, in a dump, a status answer or a notification. Keys that netifd leaves out (all of
 * `l3_device`, `metric`, addresses and routes while the interface is down) read as false, 0 or empty.
 * @param name for the answer of `network.interface.NAME status`, which does not repeat the name
 */
export function decodeInterfaceStatus(json: Json | undefined, name?: string): InterfaceStatus | undefined {
  const status = asObject(json);
  const interfaceName = status && (text(status, 'interface') ?? name);
  if (status === undefined || interfaceName === undefined || typeof own(status, 'up') !== 'boolean') return undefined;
  const servers: IpAddress[] = [];
  for (const item of list(status, 'dns-server')) {
    const server = typeof item === 'string' ? parseIp(item) : undefined;
    if (server !== undefined && !servers.includes(server)) servers.push(server);
  }
  return {
    interface: interfaceName,
    up: flag(status, 'up'),
    pending: flag(status, 'pending'),
    available: flag(status, 'available'),
    device: text(status, 'device'),
    l3Device: text(status, 'l3_device'),
    metric: number(status, 'metric') ?? 0,
    addresses: addresses(status),
    defaultRoutes: defaultRoutes(status),
    dnsServers: servers,
    ...leaseData(status),
  };
}

/** The answer of `network.interface dump`; undefined when it is not one, so that "no answer" never reads as "no interface". */
export function decodeDump(json: Json | undefined): InterfaceStatus[] | undefined {
  const dump = asObject(json);
  const all = dump && own(dump, 'interface');
  if (!Array.isArray(all)) return undefined;
  const out: InterfaceStatus[] = [];
  for (const item of (all as readonly Json[]).slice(0, MAX_ENTRIES)) {
    const status = decodeInterfaceStatus(item);
    if (status !== undefined) out.push(status);
  }
  return out;
}

/**
 * One device: an entry of `network.device status` (keys `present`, `up`, `carrier`) or a notification of
 * `network.device` (keys `name`, `present`, `active`, `link_active`).
 * @param name for an entry of the status answer, whose name is its key
 */
export function decodeDeviceStatus(json: Json | undefined, name?: string): DeviceStatus | undefined {
  const status = asObject(json);
  const deviceName = status && (name ?? text(status, 'name'));
  if (status === undefined || deviceName === undefined || typeof own(status, 'present') !== 'boolean') return undefined;
  return {
    name: deviceName,
    present: flag(status, 'present'),
    active: flag(status, 'active') || flag(status, 'up'),
    linkActive: flag(status, 'link_active') || flag(status, 'carrier'),
  };
}

/** The answer of `network.device status` without a name: every device by name. */
export function decodeDevices(json: Json | undefined): DeviceStatus[] | undefined {
  const all = asObject(json);
  if (all === undefined) return undefined;
  const out: DeviceStatus[] = [];
  for (const [name, item] of Object.entries(all).slice(0, MAX_ENTRIES)) {
    const status = decodeDeviceStatus(item, name);
    if (status !== undefined) out.push(status);
  }
  return out;
}
