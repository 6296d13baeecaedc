import type { AddressFact, LinkFact, RouteFact } from '../../base/index.ts';
import { addressKey, routeKey } from '../../base/index.ts';
import type { KernelInput } from '../../ports/index.ts';

/** One change as rtnetlink tells it. */
export type KernelChange = Extract<KernelInput, { type: 'kernel.link' | 'kernel.address' | 'kernel.route' }>;

/** Most facts kept of each kind; further ones are left out. */
const MOST = 65_536;

function same(a: object | undefined, b: object): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

/**
 * What the kernel said so far, so that only real changes are delivered: the kernel repeats itself (every router
 * advertisement renews an address) and is silent about some losses (IPv4 routes when their device goes).
 */
export class KernelPicture {
  readonly links = new Map<number, LinkFact>();
  readonly addresses = new Map<string, AddressFact>();
  readonly routes = new Map<string, RouteFact>();

  /** Facts left out because there were too many. */
  overflowed = 0;

  /** Takes a change in and returns what really changed by it, consequences after their cause. */
  change(change: KernelChange): KernelChange[] {
    switch (change.type) {
      case 'kernel.link':
        return this.#link(change);
      case 'kernel.address':
        return this.#keep(this.addresses, addressKey(change.address), change, change.address);
      case 'kernel.route':
        return this.#keep(this.routes, routeKey(change.route), change, change.route);
    }
  }

  #keep<K, F extends object>(map: Map<K, F>, key: K, change: KernelChange, fact: F): KernelChange[] {
    const old = map.get(key);
    if (change.change === 'removed') return map.delete(key) ? [change] : [];
    if (same(old, fact)) return [];
    if (old === undefined && map.size >= MOST) {
      this.overflowed++;
      return [];
    }
    map.set(key, fact);
    return [change];
  }

  #link(change: Extract<KernelChange, { type: 'kernel.link' }>): KernelChange[] {
    const { ifindex, up } = change.link;
    const out = this.#keep(this.links, ifindex, change, change.link);
    const gone = change.change === 'removed';
    if (up && !gone) return out;
    for (const [key, address] of this.addresses) {
      if (!gone || address.ifindex !== ifindex) continue;
      this.addresses.delete(key);
      out.push({ type: 'kernel.address', change: 'removed', address });
    }
    for (const [key, route] of this.routes) {
      // Linux drops the IPv4 routes of a device that goes down and tells nobody; IPv6 tells (RTM_DELROUTE).
      if (route.ifindex !== ifindex || route.type === 'unreachable' || (!gone && route.family === 6)) continue;
      this.routes.delete(key);
      out.push({ type: 'kernel.route', change: 'removed', route });
    }
    return out;
  }

  /** The changes that lead from the routes here to `next`, which replace them. */
  replaceRoutes(next: ReadonlyMap<string, RouteFact>): KernelChange[] {
    const out: KernelChange[] = [];
    for (const [key, route] of this.routes) {
      if (next.has(key)) continue;
      this.routes.delete(key);
      out.push({ type: 'kernel.route', change: 'removed', route });
    }
    for (const route of next.values()) out.push(...this.change({ type: 'kernel.route', change: 'set', route }));
    return out;
  }

  snapshot(): Extract<KernelInput, { type: 'kernel.snapshot' }> {
    return { type: 'kernel.snapshot', links: [...this.links.values()], addresses: [...this.addresses.values()], routes: [...this.routes.values()] };
  }
}
