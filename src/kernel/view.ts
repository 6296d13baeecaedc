import type { AddressFact, LinkFact, RouteFact } from '../base/index.ts';
import { addressKey, routeKey, ROUTE_PROTOCOL } from '../base/index.ts';
import type { KernelInput } from '../ports/index.ts';

/** RT_TABLE_MAIN. */
export const MAIN_TABLE = 254;
/** Most facts kept of each kind; what comes after is left out. Far above any router, so that nothing can grow for ever. */
export const MOST_FACTS = 65_536;

function keep<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (map.has(key) || map.size < MOST_FACTS) map.set(key, value);
}

/** What the kernel has, as far as it was reported: links, addresses, default routes and our own routes. */
export class KernelView {
  readonly #links = new Map<number, LinkFact>();
  readonly #addresses = new Map<string, AddressFact>();
  readonly #routes = new Map<string, RouteFact>();
  #ready = false;

  /** True once a whole picture was reported: before that, nothing found means nothing known. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Takes a report in; `kernel.applied` changes nothing here. */
  handle(input: KernelInput): void {
    switch (input.type) {
      case 'kernel.snapshot':
        this.#ready = true;
        this.#links.clear();
        this.#addresses.clear();
        this.#routes.clear();
        for (const link of input.links) keep(this.#links, link.ifindex, link);
        for (const address of input.addresses) keep(this.#addresses, addressKey(address), address);
        for (const route of input.routes) keep(this.#routes, routeKey(route), route);
        return;
      case 'kernel.link':
        if (input.change === 'set') keep(this.#links, input.link.ifindex, input.link);
        else this.#removeLink(input.link.ifindex);
        return;
      case 'kernel.address':
        if (input.change === 'set') keep(this.#addresses, addressKey(input.address), input.address);
        else this.#addresses.delete(addressKey(input.address));
        return;
      case 'kernel.route':
        if (input.change === 'set') keep(this.#routes, routeKey(input.route), input.route);
        else this.#routes.delete(routeKey(input.route));
        return;
      case 'kernel.applied':
        return;
    }
  }

  /** Addresses and routes of a device do not outlive it, whatever was reported of them. */
  #removeLink(ifindex: number): void {
    this.#links.delete(ifindex);
    for (const [key, address] of this.#addresses) if (address.ifindex === ifindex) this.#addresses.delete(key);
    for (const [key, route] of this.#routes) if (route.ifindex === ifindex) this.#routes.delete(key);
  }

  link(ifindex: number): LinkFact | undefined {
    return this.#links.get(ifindex);
  }

  linkByName(name: string): LinkFact | undefined {
    for (const link of this.#links.values()) if (link.name === name) return link;
    return undefined;
  }

  links(): LinkFact[] {
    return [...this.#links.values()];
  }

  addresses(): AddressFact[] {
    return [...this.#addresses.values()];
  }

  addressesOf(ifindex: number): AddressFact[] {
    return this.addresses().filter((address) => address.ifindex === ifindex);
  }

  routes(): RouteFact[] {
    return [...this.#routes.values()];
  }

  /** Unicast default routes of the main table, best metric first. */
  defaultRoutes(): RouteFact[] {
    const all = this.routes().filter((route) => route.destination.length === 0 && route.table === MAIN_TABLE && route.type === 'unicast');
    return all.sort((a, b) => a.metric - b.metric);
  }

  defaultRoutesOf(ifindex: number): RouteFact[] {
    return this.defaultRoutes().filter((route) => route.ifindex === ifindex);
  }

  /** Routes of the main table that carry our protocol: ours, or a crashed predecessor's. */
  ownRoutes(): RouteFact[] {
    return this.routes().filter((route) => route.protocol === ROUTE_PROTOCOL && route.table === MAIN_TABLE);
  }
}
