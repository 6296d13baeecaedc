import {
  compareIp, formatPrefix, ipFamily, isUnusableIp, parsePrefix, prefixContains, ROUTE_PROTOCOL,
  type AddressFact, type DeviceStatus, type InterfaceStatus, type IpAddress, type IpFamily, type IpPrefix, type LinkFact, type RouteFact, type ScheduleWindow, type UplinkFacts,
} from '../base/index.ts';

/** What the policy needs of a UCI section `uplink`; config's `UplinkConfig` has this shape. */
export interface UplinkSection {
  readonly name: string;
  readonly enabled: boolean;
  readonly interface: string | undefined;
  readonly device: string | undefined;
  readonly metric: number | undefined;
  readonly metered: boolean;
  readonly lastResort?: boolean;
  readonly schedule?: readonly ScheduleWindow[];
  /** What may leave in clear text beside a tunnel: destinations, and servers that netifd names. */
  readonly bypass?: { readonly prefixes: readonly IpPrefix[]; readonly servers: readonly ('dns' | 'ntp' | 'dhcp')[] };
}

/** Everything known about links at one moment. */
export interface UplinkSources {
  /** Undefined: no section at all, so every interface with a default route is an uplink. */
  readonly uplinks: readonly UplinkSection[] | undefined;
  /** netifd's interfaces by name; undefined without ubus (`--ubus none`). While netifd is away: what it said last. */
  readonly interfaces: ReadonlyMap<string, InterfaceStatus> | undefined;
  /** netifd's devices by name. */
  readonly devices: ReadonlyMap<string, DeviceStatus>;
  /** netifd or ubusd is away and `interfaces` is what it said last: only names are believed, up and down come from the kernel. */
  readonly netifdStale?: boolean;
  readonly links: readonly LinkFact[];
  readonly addresses: readonly AddressFact[];
  readonly routes: readonly RouteFact[];
  /** Our own TUN device: never an uplink (K-7), even when a firewall zone made it an interface of netifd. */
  readonly tunName: string;
  /** The facts made last time: without sections, an uplink that lost its route stays listed, as down. */
  readonly previous?: readonly UplinkFacts[];
}

/** An uplink to be: its name, its device, and netifd's interfaces on that device. */
interface Draft {
  readonly name: string;
  readonly device: string;
  readonly section: UplinkSection | undefined;
  readonly group: readonly InterfaceStatus[];
  /** The interface of netifd that the section names; undefined when there is none or it is unknown. */
  readonly named: InterfaceStatus | undefined;
}

/** Entries of one bypass list that count; the configuration holds 64, the rest is what a network tells. */
const MOST_BYPASSES = 256;

/** The kernel device of an interface; while it is down netifd tells only the lower device, or none for an alias. */
const deviceOf = (status: InterfaceStatus): string | undefined => status.l3Device ?? status.device;

const isDefault = (route: RouteFact): boolean =>
  route.type === 'unicast' && route.destination.length === 0 && route.protocol !== ROUTE_PROTOCOL && route.ifindex !== undefined;

/**
 * Joins configuration, netifd and kernel into one list of uplinks, in the order of the configuration, else by name.
 * Two sections on one device are one uplink: the first wins.
 */
export function uplinkFacts(sources: UplinkSources): UplinkFacts[] {
  const defaults = sources.routes.filter(isDefault);
  const drafts = sources.uplinks === undefined ? discover(sources, defaults) : sources.uplinks.map((section) => draftOf(section, sources));
  const taken = new Set<string>();
  const out: UplinkFacts[] = [];
  for (const draft of drafts) {
    const enabled = draft.section?.enabled !== false;
    if (enabled && draft.device !== '') {
      if (draft.device === sources.tunName || taken.has(draft.device)) continue;
      taken.add(draft.device);
    }
    out.push(factsOf(draft, sources, defaults));
  }
  return out;
}

function interfacesOn(sources: UplinkSources, device: string): InterfaceStatus[] {
  const all = sources.interfaces === undefined ? [] : [...sources.interfaces.values()];
  return all.filter((status) => deviceOf(status) === device).sort((a, b) => (a.interface < b.interface ? -1 : 1));
}

function draftOf(section: UplinkSection, sources: UplinkSources): Draft {
  const named = section.interface === undefined ? undefined : sources.interfaces?.get(section.interface);
  const device = section.device ?? (named && deviceOf(named)) ?? '';
  // `interface 'wan'` means the whole l3_device: wan6 on it belongs to the same uplink.
  const group = device === '' ? (named === undefined ? [] : [named]) : interfacesOn(sources, device);
  return { name: section.name, device, section, group, named };
}

/** Without sections: every device of netifd with a default route, by netifd or by kernel; without netifd every such kernel device. */
function discover(sources: UplinkSources, defaults: readonly RouteFact[]): Draft[] {
  const previous = sources.previous ?? [];
  const loopback = new Set(sources.links.filter((link) => link.loopback).map((link) => link.name));
  const routed = new Set<string>();
  for (const link of sources.links) if (defaults.some((route) => route.ifindex === link.ifindex)) routed.add(link.name);
  const devices = new Set<string>();
  for (const status of sources.interfaces?.values() ?? []) {
    const device = deviceOf(status);
    if (device === undefined) continue;
    const known = previous.some((facts) => facts.device === device || facts.name === status.interface);
    if (status.defaultRoutes.length > 0 || routed.has(device) || known) devices.add(device);
  }
  if (sources.interfaces === undefined) {
    for (const device of routed) devices.add(device);
    for (const facts of previous) if (sources.links.some((link) => link.name === facts.device)) devices.add(facts.device);
  }
  const out: Draft[] = [];
  for (const device of devices) {
    if (device === sources.tunName || loopback.has(device)) continue;
    const group = interfacesOn(sources, device);
    out.push({ name: nameOf(device, group, previous), device, section: undefined, group, named: undefined });
  }
  return out.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * The name of a discovered uplink: the one it had, else its first interface (`wan` before `wan6`). An interface that is
 * up without a default route (the address of a modem's own page) gives its name only when there is no other.
 */
function nameOf(device: string, group: readonly InterfaceStatus[], previous: readonly UplinkFacts[]): string {
  const before = previous.find((facts) => facts.device === device || group.some((status) => status.interface === facts.name));
  if (before !== undefined && (group.length === 0 || group.some((status) => status.interface === before.name))) return before.name;
  return (group.find((status) => !status.up || status.defaultRoutes.length > 0) ?? group[0])?.interface ?? device;
}

function factsOf(draft: Draft, sources: UplinkSources, allDefaults: readonly RouteFact[]): UplinkFacts {
  const link = draft.device === '' ? undefined : sources.links.find((candidate) => candidate.name === draft.device);
  const defaults = link === undefined ? [] : allDefaults.filter((route) => route.ifindex === link.ifindex);
  const fallback = countsWithoutRoute(draft, defaults);
  const usable = link === undefined ? [] : usableAddresses(link.ifindex, sources.addresses);
  const routed = usable.filter((address) => fallback || defaults.some((route) => carries(route, address)));
  const families = ([4, 6] as const).filter((family) => routed.some((address) => ipFamily(address) === family));
  const downReason = whyDown(draft, sources, link, usable.length, families);
  return {
    name: draft.name,
    device: draft.device,
    ifindex: link?.ifindex ?? 0,
    up: downReason === undefined,
    downReason,
    mtu: link?.mtu ?? 0,
    addresses: routed.length > 0 ? routed : usable,
    families,
    metric: draft.section?.metric ?? netifdMetric(draft) ?? lowest(defaults.map((route) => route.metric)) ?? 0,
    metered: draft.section?.metered ?? false,
    dnsServers: [...new Set(draft.group.flatMap((status) => status.dnsServers))],
    ...(draft.section?.lastResort === true ? { lastResort: true } : {}),
    ...(draft.section?.schedule === undefined || draft.section.schedule.length === 0 ? {} : { schedule: draft.section.schedule }),
    ...bypassOf(draft),
  };
}

/** The bypass list with the servers netifd names now; nothing where it is empty. */
function bypassOf({ section, group }: Draft): Pick<UplinkFacts, 'bypass'> {
  if (section?.bypass === undefined) return {};
  const { prefixes, servers } = section.bypass;
  const named = group.flatMap((status) => [
    ...(servers.includes('dns') ? status.dnsServers : []),
    ...(servers.includes('ntp') ? status.timeServers ?? [] : []),
    ...(servers.includes('dhcp') && status.dhcpServer !== undefined ? [status.dhcpServer] : []),
  ]);
  const hosts = named.filter((address) => !isUnusableIp(address)).map((address) => ({ address, length: ipFamily(address) === 4 ? 32 : 128 }));
  const bypass = new Map([...prefixes, ...hosts].slice(0, MOST_BYPASSES).map((prefix) => [formatPrefix(prefix), prefix]));
  return bypass.size === 0 ? {} : { bypass: [...bypass.values()] };
}

/**
 * A device named in the configuration that has no default route and, as far as netifd tells, is not meant to have one
 * (a peer on the same link, or routing by rules): every family with an address counts. As soon as any default route
 * exists, or netifd says there should be one, only families with a default route in the kernel count.
 */
function countsWithoutRoute(draft: Draft, defaults: readonly RouteFact[]): boolean {
  return draft.section !== undefined && defaults.length === 0 && draft.group.every((status) => status.defaultRoutes.length === 0);
}

function carries(route: RouteFact, address: IpAddress): boolean {
  return route.family === ipFamily(address) && (route.source === undefined || prefixContains(route.source, address));
}

const ULA = parsePrefix('fc00::/7');

/** D2-1: assigned in the kernel, global scope, not tentative, not link-local; deprecated ones last, and unique local ones after global ones. */
function usableAddresses(ifindex: number, facts: readonly AddressFact[]): IpAddress[] {
  const rank = (fact: AddressFact): number =>
    (fact.deprecated ? 4 : 0) + (ULA !== undefined && prefixContains(ULA, fact.address) ? 2 : 0) + (fact.secondary ? 1 : 0);
  const own = facts.filter((fact) => fact.ifindex === ifindex && fact.global && !fact.tentative && !isUnusableIp(fact.address));
  own.sort((a, b) => rank(a) - rank(b) || compareIp(a.address, b.address));
  return [...new Set(own.map((fact) => fact.address))];
}

/** The metric of the interface that names the uplink, else the best one on the device; undefined when netifd knows none that is up. */
function netifdMetric(draft: Draft): number | undefined {
  const main = draft.named ?? draft.group.find((status) => status.interface === draft.name);
  if (main?.up === true) return main.metric;
  return lowest(draft.group.filter((status) => status.up).map((status) => status.metric));
}

function lowest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values);
}

function whyDown(
  draft: Draft, sources: UplinkSources, link: LinkFact | undefined, addresses: number, families: readonly IpFamily[],
): string | undefined {
  const believed = sources.interfaces !== undefined && sources.netifdStale !== true;
  if (draft.section?.enabled === false) return 'disabled';
  if (link === undefined || link.loopback) return 'no_device';
  if (!link.up) return 'link_down';
  const device = believed ? sources.devices.get(draft.device) : undefined;
  // A static interface stays `up` without carrier (force_link): the kernel or network.device link_down tells.
  if (!link.carrier || (device?.active === true && !device.linkActive)) return 'no_carrier';
  if (believed && isDownByNetifd(draft)) return 'interface_down';
  if (addresses === 0) return 'no_address';
  if (families.length === 0) return 'no_route';
  return undefined;
}

/** A device configured by its kernel name that netifd does not manage is judged by the kernel alone. */
function isDownByNetifd(draft: Draft): boolean {
  if (draft.group.length > 0) return draft.group.every((status) => !status.up);
  return draft.section?.interface !== undefined;
}
