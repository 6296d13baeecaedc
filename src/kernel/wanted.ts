import type { AddressFact, IpAddress, IpPrefix } from '../base/index.ts';
import { compareIp, formatPrefix, ipBytes, ipFamily, ipFromBytes, isUnusableIp, prefixContains } from '../base/index.ts';
import type { WantedRoute } from '../ports/index.ts';
import { BypassTable, type Bypass } from './bypass.ts';

/** Metric of routes through the TUN device: better than anything netifd gives to a default route or VPN by itself. */
export const TUNNEL_METRIC = 7;
/** Metric of the routes that block: worse than any route that carries traffic. */
export const UNREACHABLE_METRIC = 2_000_000;

/** Prefixes looked at for one that blocks another: beyond it a route too many does no harm. */
const COVERS_MOST = 64;

/** One child of an enabled connection, as far as routes go. */
export interface ProtectedChild {
  /** Our side of the tunnel. */
  readonly local: readonly IpPrefix[];
  /** The far side: while the child is up, what was negotiated; it is blocked whenever it is configured. */
  readonly remote: readonly IpPrefix[];
  /** A Child SA carries traffic. */
  readonly up: boolean;
  /** Virtual addresses of its connection: the first choice of source. */
  readonly virtual?: readonly IpAddress[];
}

export interface RouteWish {
  readonly children: readonly ProtectedChild[];
  /** The TUN device; undefined while there is none. */
  readonly tunIfindex: number | undefined;
  /** The kernel's addresses: the preferred source of packets of the router itself is one that lies in `local`. */
  readonly addresses: readonly AddressFact[];
  /** Addresses we talk to through a socket bound to an uplink: peers, name servers, brokers outside the tunnel. */
  readonly exceptions: readonly IpAddress[];
  /** What may pass beside the tunnels, best metric first. */
  readonly bypasses?: readonly Bypass[];
}

/** The two halves of a prefix that is not a host. */
function halves(prefix: IpPrefix): [IpPrefix, IpPrefix] {
  const upper = ipBytes(prefix.address);
  upper[prefix.length >> 3] = (upper[prefix.length >> 3] ?? 0) | (0x80 >> (prefix.length & 7));
  const length = prefix.length + 1;
  return [{ address: prefix.address, length }, { address: ipFromBytes(upper) as IpAddress, length }];
}

/** A remote selector as destinations of routes: itself, or two halves that win over every default route. */
function destinations(selector: IpPrefix): IpPrefix[] {
  return selector.length === 0 ? halves(selector) : [selector];
}

/** The fewest prefixes that cover `prefix` without `holes`, lowest first. Bounded: 32 for each hole in IPv4. */
export function without(prefix: IpPrefix, holes: readonly IpAddress[]): IpPrefix[] {
  const width = ipFamily(prefix.address) === 4 ? 32 : 128;
  const todo = [prefix];
  const out: IpPrefix[] = [];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const current = next;
    if (!holes.some((hole) => prefixContains(current, hole))) out.push(current);
    else if (current.length < width) todo.push(...halves(current));
  }
  return out.sort((a, b) => compareIp(a.address, b.address));
}

/** A kernel address inside the child's local selectors that new packets may have as source, a virtual one first; undefined if there is none. */
export function preferredSource(local: readonly IpPrefix[], destination: IpPrefix, addresses: readonly AddressFact[], virtual: readonly IpAddress[] = []): IpAddress | undefined {
  const family = ipFamily(destination.address);
  const inside = (address: IpAddress): boolean => local.some((prefix) => prefixContains(prefix, address));
  const usable = addresses.filter((f) => ipFamily(f.address) === family && !f.tentative && !isUnusableIp(f.address) && inside(f.address));
  const rank = (fact: AddressFact): number => (virtual.includes(fact.address) ? -4 : 0) + (fact.deprecated ? 2 : 0) + (fact.secondary ? 1 : 0);
  usable.sort((a, b) => rank(a) - rank(b) || a.ifindex - b.ifindex || compareIp(a.address, b.address));
  return usable[0]?.address;
}

/**
 * The routes that should be installed. Two children with the same destination share its routes: the first one that is
 * up and has one gives the preferred source.
 */
export function wantedRoutes(wish: RouteWish): WantedRoute[] {
  const out = new Map<string, WantedRoute>();
  const want = (route: WantedRoute): void => {
    const key = `${formatPrefix(route.destination)}|${route.metric}`;
    const known = out.get(key);
    if (!known || (known.prefSrc === undefined && route.prefSrc !== undefined)) out.set(key, route);
  };
  const holes = wish.exceptions.filter((address) => ipFamily(address) === 4);
  // A hub has thousands of children with one and the same local side.
  const sources = new Map<string, IpAddress | undefined>();
  const sourceOf = (child: ProtectedChild, destination: IpPrefix): IpAddress | undefined => {
    const key = `${ipFamily(destination.address)}|${child.local.map(formatPrefix).join()}|${(child.virtual ?? []).join()}`;
    if (!sources.has(key)) sources.set(key, preferredSource(child.local, destination, wish.addresses, child.virtual));
    return sources.get(key);
  };
  const blocked = wish.children.filter((child) => !child.up).flatMap((child) => child.remote.flatMap(destinations));
  const blockedKeys = new Set(blocked.map(formatPrefix));
  const wide = blocked.filter((prefix) => prefix.length < (ipFamily(prefix.address) === 4 ? 32 : 128)).slice(0, COVERS_MOST);
  /** What a wider prefix blocks anyway needs no route of its own: a hub's pool, and the addresses that its peers got. */
  const isCovered = (prefix: IpPrefix): boolean =>
    !blockedKeys.has(formatPrefix(prefix)) && wide.some((cover) => cover.length < prefix.length && prefixContains(cover, prefix.address));
  const beside = new BypassTable(wish.bypasses ?? [], () => wish.children.flatMap((child) => child.remote.flatMap(destinations)));
  for (const route of beside.routes()) want(route);
  for (const child of wish.children) {
    for (const destination of child.remote.flatMap(destinations)) {
      const through = (prefix: IpPrefix, metric: number): void => {
        if (wish.tunIfindex === undefined) return;
        want({ destination: prefix, via: { kind: 'device', ifindex: wish.tunIfindex }, metric, prefSrc: sourceOf(child, prefix) });
      };
      // Both kinds have the same prefixes, or the longer one would win whatever its metric.
      for (const part of without(destination, holes)) {
        if (!child.up || !isCovered(part)) want({ destination: part, via: { kind: 'unreachable' }, metric: UNREACHABLE_METRIC, prefSrc: undefined });
        const { taken, routes } = beside.of(destination, part);
        for (const route of routes) want(route);
        if (child.up && !taken) through(part, TUNNEL_METRIC);
      }
      for (const hole of holes) {
        if (!prefixContains(destination, hole)) continue;
        const whole = { address: hole, length: 32 };
        for (const route of beside.of(destination, whole).routes) want(route);
        through(whole, UNREACHABLE_METRIC);
      }
    }
  }
  return [...out.values()];
}
