import type { AddressFact, IpAddress, IpFamily, IpPrefix, RouteFact, UplinkFacts } from '../base/index.ts';
import { formatPrefix, ipFamily, prefixContains, prefixRange, ROUTE_PROTOCOL } from '../base/index.ts';
import type { WantedRoute } from '../ports/index.ts';
import type { KernelView } from './view.ts';

/** Metrics are kept below the ones that block, and above 0: IPv6 takes 0 for "the usual one" and reports another. */
const LEAST_METRIC = 1;
const MOST_METRIC = 1_999_999;

/** A destination that may leave in clear text through an uplink, and how it gets out there. */
export interface Bypass {
  readonly destination: IpPrefix;
  readonly ifindex: number;
  /** Undefined: on the link. */
  readonly gateway: IpAddress | undefined;
  readonly metric: number;
}

/** True when `inner` is `outer` or a part of it. */
function covers(outer: IpPrefix, inner: IpPrefix): boolean {
  return outer.length <= inner.length && prefixContains(outer, inner.address);
}

/**
 * Whose link a destination is on: the longest network attached to a device that covers it. On several devices alike, the
 * uplink's own counts. Undefined: none, it lies behind a gateway.
 */
function attachedTo(destination: IpPrefix, ifindex: number, addresses: readonly AddressFact[]): number | undefined {
  let best: AddressFact | undefined;
  for (const fact of addresses) {
    if (fact.prefixLength === 0 || !covers({ address: fact.address, length: fact.prefixLength }, destination)) continue;
    if (!best || fact.prefixLength > best.prefixLength || (fact.prefixLength === best.prefixLength && fact.ifindex === ifindex)) best = fact;
  }
  return best?.ifindex;
}

/** The best default route of a family that is not ours. */
function defaultOf(routes: readonly RouteFact[], family: IpFamily): RouteFact | undefined {
  return routes.find((route) => route.family === family && route.protocol !== ROUTE_PROTOCOL);
}

/**
 * What may pass beside the tunnels now: the bypass lists of the uplinks that are up, best metric first. A destination on
 * the uplink's own link is reached there, any other through the gateway of the uplink's default route; without one it
 * stays blocked. What is on another device's link belongs to that device.
 */
export function bypasses(uplinks: readonly UplinkFacts[], view: KernelView): Bypass[] {
  const out: Bypass[] = [];
  const listed = uplinks.filter((facts) => facts.up && facts.ifindex !== 0 && (facts.bypass ?? []).length > 0);
  if (listed.length === 0) return out;
  const addresses = view.addresses();
  for (const facts of [...listed].sort((a, b) => a.metric - b.metric)) {
    const routes = view.defaultRoutesOf(facts.ifindex);
    const metric = Math.min(Math.max(facts.metric, LEAST_METRIC), MOST_METRIC);
    for (const destination of facts.bypass ?? []) {
      const attached = attachedTo(destination, facts.ifindex, addresses);
      if (attached !== undefined && attached !== facts.ifindex) continue;
      const route = defaultOf(routes, ipFamily(destination.address));
      if (attached === undefined && !route) continue;
      out.push({ destination, ifindex: facts.ifindex, gateway: attached === undefined ? route?.gateway : undefined, metric });
    }
  }
  return out;
}

/** The route of a bypass, to all of it or to a part. */
function routeOf({ ifindex, gateway, metric }: Bypass, destination: IpPrefix): WantedRoute {
  return { destination, via: { kind: 'device', ifindex, ...(gateway === undefined ? {} : { gateway }) }, metric, prefSrc: undefined };
}

/** How a part of a destination passes beside the tunnel. */
interface Beside {
  readonly taken: boolean;
  readonly routes: readonly WantedRoute[];
}

const NOT_BESIDE: Beside = { taken: false, routes: [] };

/** Bypasses among the destinations of tunnels. The longest prefix wins: a bypass counts where a destination covers it, and gives way to a longer destination inside it. */
export class BypassTable {
  readonly #all: readonly Bypass[];
  /** Destinations of tunnels, and bypasses that count. */
  readonly #known = new Set<string>();
  /** Lengths of what is known, longest first, by family. */
  readonly #lengths: { readonly 4: number[]; readonly 6: number[] } = { 4: [], 6: [] };
  /** Bypasses by the destinations that cover them. */
  readonly #under = new Map<string, Bypass[]>();

  constructor(all: readonly Bypass[], destinations: () => readonly IpPrefix[]) {
    this.#all = all;
    if (all.length === 0) return;
    for (const destination of destinations()) this.#add(destination);
    const found = all.map((bypass) => ({ bypass, above: this.#above(bypass.destination, 0) })).filter(({ above }) => above.length > 0);
    this.#all = found.map(({ bypass }) => bypass);
    for (const { bypass, above } of found) {
      for (const key of above) {
        const known = this.#under.get(key);
        if (known) known.push(bypass);
        else this.#under.set(key, [bypass]);
      }
    }
    for (const { destination } of this.#all) this.#add(destination);
  }

  #add(prefix: IpPrefix): void {
    const key = formatPrefix(prefix);
    if (this.#known.has(key)) return;
    this.#known.add(key);
    const lengths = this.#lengths[ipFamily(prefix.address)];
    if (!lengths.includes(prefix.length)) lengths.push(prefix.length);
  }

  /** Keys of what is known, covers `prefix` and has at least `least` bits. */
  #above(prefix: IpPrefix, least: number): string[] {
    const out: string[] = [];
    for (const length of this.#lengths[ipFamily(prefix.address)]) {
      if (length < least || length > prefix.length) continue;
      const key = formatPrefix({ address: prefixRange({ address: prefix.address, length }).start, length });
      if (this.#known.has(key)) out.push(key);
    }
    return out;
  }

  /** The routes of the bypasses that a destination of a tunnel covers, each as a whole. */
  routes(): WantedRoute[] {
    return this.#all.map((bypass) => routeOf(bypass, bypass.destination));
  }

  /**
   * For a destination of which only parts can be routed: how one part passes beside the tunnel. `taken`: the part is inside a bypass, so
   * that no route through the tunnel may be there, which would be as long or longer. No routes although taken: something longer in between decides.
   */
  of(destination: IpPrefix, part: IpPrefix): Beside {
    if (this.#all.length === 0) return NOT_BESIDE;
    const inside = (this.#under.get(formatPrefix(destination)) ?? []).filter((bypass) => covers(bypass.destination, part));
    const own = inside.filter((bypass) => this.#above(part, bypass.destination.length + 1).length === 0);
    return { taken: inside.length > 0, routes: own.map((bypass) => routeOf(bypass, part)) };
  }
}
