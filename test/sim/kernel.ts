/**
 * A fake kernel of one host: links, addresses, routes of the main table. It tells what rtnetlink tells, keeps silent
 * where Linux keeps silent (IPv4 routes that vanish with their device or last address are not announced), and refuses
 * what Linux refuses. Rendered as sorted text, so that an expectation reads like `ip route`.
 */
import {
  formatPrefix, ipFamily, prefixContains, prefixRange, type AddressFact, type IpAddress, type IpFamily, type IpPrefix, type LinkFact, type RouteFact,
  ROUTE_PROTOCOL, routeKey,
} from '../../src/base/index.ts';
import type { InputOf, KernelInput, KernelOp, WantedRoute } from '../../src/ports/index.ts';

/** errno of Linux (generic ABI). */
export const ERRNO = { ESRCH: 3, EEXIST: 17, ENODEV: 19, EINVAL: 22, ENETDOWN: 100, ENETUNREACH: 101, EADDRNOTAVAIL: 99, EMSGSIZE: 90 } as const;

const RT_TABLE_MAIN = 254;
const RTPROT_KERNEL = 2;
const RTPROT_STATIC = 4;

interface SimLink {
  readonly fact: LinkFact;
  readonly tun: boolean;
}

export type Lookup =
  | { readonly kind: 'device'; readonly ifindex: number; readonly prefSrc: IpAddress | undefined }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'none' };

const familyDefault = (family: IpFamily): IpPrefix => ({ address: (family === 4 ? '0.0.0.0' : '::') as IpAddress, length: 0 });

export class FakeKernel {
  readonly #links = new Map<number, SimLink>();
  #addresses: AddressFact[] = [];
  #routes: RouteFact[] = [];
  #nextIfindex = 1;
  #tell: ((input: KernelInput) => void) | undefined;
  /** Routes that went without a word. */
  #unsaid: RouteFact[] = [];
  /** Called when routes go without a word: who watches looks again, some moments later, by `tellSilent`. */
  onSilence: () => void = () => undefined;
  /** Lets a scenario refuse an operation: a positive errno, or undefined to let it pass. */
  refuse: (op: KernelOp) => number | undefined = () => undefined;

  constructor() {
    const lo = this.addLink('lo', { mtu: 65536, loopback: true });
    this.addAddress(lo, '127.0.0.1' as IpAddress, 8, { global: false });
  }

  /** From now on changes are told to `tell`, after the whole picture. */
  watch(tell: (input: KernelInput) => void): void {
    this.#tell = tell;
    tell(this.snapshot());
  }

  /** What a look at the whole table finds: routes that went without a word, and have not come back. */
  tellSilent(): void {
    const gone = this.#unsaid.filter((fact) => isTold(fact) && !this.#routes.some((r) => routeKey(r) === routeKey(fact)));
    this.#unsaid = [];
    for (const route of gone) this.#tell?.({ type: 'kernel.route', change: 'removed', route });
  }

  unwatch(): void {
    this.#tell = undefined;
  }

  snapshot(): InputOf<'kernel.snapshot'> {
    return {
      type: 'kernel.snapshot',
      links: [...this.#links.values()].map((l) => l.fact),
      addresses: [...this.#addresses],
      routes: this.#routes.filter(isTold),
    };
  }

  // ---- links ---------------------------------------------------------------------------------------------------

  addLink(name: string, options: { mtu?: number; loopback?: boolean; up?: boolean; carrier?: boolean; tun?: boolean } = {}): number {
    const fact: LinkFact = {
      ifindex: this.#nextIfindex++, name, up: options.up ?? true, carrier: options.carrier ?? true, loopback: options.loopback ?? false, mtu: options.mtu ?? 1500,
    };
    this.#links.set(fact.ifindex, { fact, tun: options.tun ?? false });
    this.#tell?.({ type: 'kernel.link', change: 'set', link: fact });
    return fact.ifindex;
  }

  link(ifindex: number): LinkFact | undefined {
    return this.#links.get(ifindex)?.fact;
  }

  linkNamed(name: string): LinkFact | undefined {
    for (const { fact } of this.#links.values()) if (fact.name === name) return fact;
    return undefined;
  }

  isTun(ifindex: number): boolean {
    return this.#links.get(ifindex)?.tun ?? false;
  }

  setLink(ifindex: number, change: { up?: boolean; carrier?: boolean; mtu?: number }): void {
    const old = this.#links.get(ifindex);
    if (!old) throw new Error(`no link ${ifindex}`);
    const fact: LinkFact = { ...old.fact, ...change };
    if (fact.up === old.fact.up && fact.carrier === old.fact.carrier && fact.mtu === old.fact.mtu) return;
    this.#links.set(ifindex, { fact, tun: old.tun });
    this.#tell?.({ type: 'kernel.link', change: 'set', link: fact });
    if (old.fact.up && !fact.up) this.#flush(ifindex);
    if (!old.fact.up && fact.up) for (const address of this.#addresses) if (address.ifindex === ifindex) this.#connect(address);
  }

  removeLink(ifindex: number): void {
    const old = this.#links.get(ifindex);
    if (!old) return;
    this.#flush(ifindex);
    for (const address of this.#addresses.filter((a) => a.ifindex === ifindex)) {
      this.#addresses = this.#addresses.filter((a) => a !== address);
      this.#tell?.({ type: 'kernel.address', change: 'removed', address });
    }
    this.#links.delete(ifindex);
    this.#tell?.({ type: 'kernel.link', change: 'removed', link: { ...old.fact, up: false, carrier: false } });
  }

  // ---- addresses -----------------------------------------------------------------------------------------------

  addAddress(ifindex: number, address: IpAddress, prefixLength: number, options: { global?: boolean; tentative?: boolean; deprecated?: boolean } = {}): void {
    const fact: AddressFact = {
      ifindex, address, prefixLength, tentative: options.tentative ?? false, deprecated: options.deprecated ?? false, secondary: false, global: options.global ?? true,
    };
    this.#addresses = this.#addresses.filter((a) => a.ifindex !== ifindex || a.address !== address);
    this.#addresses.push(fact);
    this.#tell?.({ type: 'kernel.address', change: 'set', address: fact });
    if (this.link(ifindex)?.up) this.#connect(fact);
  }

  removeAddress(ifindex: number, address: IpAddress): void {
    const fact = this.#addresses.find((a) => a.ifindex === ifindex && a.address === address);
    if (!fact) throw new Error(`no address ${address} on link ${ifindex}`);
    this.#addresses = this.#addresses.filter((a) => a !== fact);
    this.#tell?.({ type: 'kernel.address', change: 'removed', address: fact });
    const family = ipFamily(address);
    const connected = connectedPrefix(fact);
    this.#dropRoutes((r) => r.protocol === RTPROT_KERNEL && r.ifindex === ifindex && formatPrefix(r.destination) === formatPrefix(connected), true);
    this.#dropRoutes((r) => r.prefSrc === address, false);
    const last = !this.#addresses.some((a) => a.ifindex === ifindex && ipFamily(a.address) === family);
    // fib_disable_ip(): with the last IPv4 address all IPv4 routes of the device go, and nobody is told.
    if (last && family === 4) this.#dropRoutes((r) => r.ifindex === ifindex && r.family === 4, false);
  }

  addresses(ifindex?: number): readonly AddressFact[] {
    return ifindex === undefined ? this.#addresses : this.#addresses.filter((a) => a.ifindex === ifindex);
  }

  /** The device that has this address and can send from it. */
  owner(address: IpAddress): number | undefined {
    return this.#addresses.find((a) => a.address === address && !a.tentative)?.ifindex;
  }

  // ---- routes --------------------------------------------------------------------------------------------------

  /** What netifd would install: a default route through a gateway. */
  addDefault(ifindex: number, gateway: IpAddress | undefined, metric: number, family: IpFamily = 4): void {
    this.#addRoute({ family, destination: familyDefault(family), type: 'unicast', gateway, ifindex, metric, table: RT_TABLE_MAIN, protocol: RTPROT_STATIC });
  }

  removeDefault(ifindex: number, family: IpFamily = 4): void {
    this.#dropRoutes((r) => r.destination.length === 0 && r.family === family && r.ifindex === ifindex, true);
  }

  hasDefault(ifindex: number, family: IpFamily): boolean {
    return this.#routes.some((r) => r.destination.length === 0 && r.family === family && r.ifindex === ifindex);
  }

  /** Longest prefix, then lowest metric. */
  lookup(destination: IpAddress): Lookup {
    let best: RouteFact | undefined;
    for (const route of this.#routes) {
      if (route.family !== ipFamily(destination) || !prefixContains(route.destination, destination)) continue;
      const longer = route.destination.length - (best?.destination.length ?? -1);
      if (!best || longer > 0 || (longer === 0 && route.metric < best.metric)) best = route;
    }
    if (!best) return { kind: 'none' };
    if (best.type !== 'unicast' || best.ifindex === undefined) return { kind: 'unreachable' };
    return { kind: 'device', ifindex: best.ifindex, prefSrc: best.prefSrc };
  }

  /** Applies in order, goes on after a failure. */
  apply(ops: readonly KernelOp[]): { op: KernelOp; errno: number }[] {
    const failures: { op: KernelOp; errno: number }[] = [];
    for (const op of ops) {
      const errno = this.refuse(op) ?? this.#one(op);
      if (errno !== 0) failures.push({ op, errno });
    }
    return failures;
  }

  /** Links but `lo`, addresses and routes as sorted lines; numbers that depend on history (ifindex) are names. */
  dump(): string {
    const name = (ifindex: number | undefined): string => (ifindex === undefined ? '-' : this.link(ifindex)?.name ?? `#${ifindex}`);
    const lines: string[] = [];
    for (const { fact } of this.#links.values()) if (!fact.loopback) lines.push(`link ${fact.name} ${fact.up ? 'up' : 'down'}${fact.carrier ? '' : ' no-carrier'} mtu ${fact.mtu}`);
    for (const a of this.#addresses) if (a.global) lines.push(`address ${a.address}/${a.prefixLength} dev ${name(a.ifindex)}${a.tentative ? ' tentative' : ''}`);
    for (const fact of this.#routes) {
      const where = fact.type === 'unicast' ? `dev ${name(fact.ifindex)}${fact.gateway ? ` via ${fact.gateway}` : ''}` : fact.type;
      lines.push(`route ${fact.destination.length === 0 ? `default(${fact.family})` : formatPrefix(fact.destination)} ${where} metric ${fact.metric}${fact.prefSrc ? ` src ${fact.prefSrc}` : ''}${fact.protocol === ROUTE_PROTOCOL ? ' proto mobiked' : ''}`);
    }
    return lines.sort().join('\n');
  }

  #one(op: KernelOp): number {
    if (op.op === 'link.set') {
      if (!this.#links.has(op.ifindex)) return ERRNO.ENODEV;
      if (op.mtu < 68) return ERRNO.EINVAL;
      this.setLink(op.ifindex, { up: op.up, mtu: op.mtu });
      return 0;
    }
    if (op.op === 'address.add' || op.op === 'address.delete') {
      if (!this.#links.has(op.ifindex)) return ERRNO.ENODEV;
      const has = this.#addresses.some((a) => a.ifindex === op.ifindex && a.address === op.address);
      if (has === (op.op === 'address.add')) return has ? 0 : ERRNO.EADDRNOTAVAIL;
      if (has) this.removeAddress(op.ifindex, op.address);
      else this.addAddress(op.ifindex, op.address, ipFamily(op.address) === 4 ? 32 : 128);
      return 0;
    }
    return op.op === 'route.add' ? this.#wanted(op.route) : this.#unwanted(op.route);
  }

  #wanted(route: WantedRoute): number {
    const family = ipFamily(route.destination.address);
    if (prefixRange(route.destination).start !== route.destination.address) return ERRNO.EINVAL;
    if (route.via.kind === 'device') {
      const link = this.link(route.via.ifindex);
      if (!link) return ERRNO.ENODEV;
      if (!link.up) return ERRNO.ENETDOWN;
    }
    if (route.prefSrc !== undefined && this.owner(route.prefSrc) === undefined) return ERRNO.EINVAL;
    if (this.#routes.some((r) => sameSlot(r, route))) return ERRNO.EEXIST;
    this.#addRoute({
      family, destination: route.destination, type: route.via.kind === 'device' ? 'unicast' : 'unreachable',
      gateway: route.via.kind === 'device' ? route.via.gateway : undefined, ifindex: route.via.kind === 'device' ? route.via.ifindex : undefined, metric: route.metric, table: RT_TABLE_MAIN, protocol: ROUTE_PROTOCOL,
      ...(route.prefSrc === undefined ? {} : { prefSrc: route.prefSrc }),
    });
    return 0;
  }

  #unwanted(route: WantedRoute): number {
    const before = this.#routes.length;
    const ifindex = route.via.kind === 'device' ? route.via.ifindex : undefined;
    const gateway = route.via.kind === 'device' ? route.via.gateway : undefined;
    const type = route.via.kind === 'device' ? 'unicast' : 'unreachable';
    this.#dropRoutes((r) => r.protocol === ROUTE_PROTOCOL && sameSlot(r, route) && r.type === type && r.ifindex === ifindex && (gateway === undefined || r.gateway === gateway), true);
    return this.#routes.length < before ? 0 : ERRNO.ESRCH;
  }

  #addRoute(route: RouteFact): void {
    this.#routes.push(route);
    if (isTold(route)) this.#tell?.({ type: 'kernel.route', change: 'set', route });
  }

  #connect(address: AddressFact): void {
    const link = this.link(address.ifindex);
    if (!link || link.loopback || (address.prefixLength === 32 && ipFamily(address.address) === 4)) return; // a host is in the local table only
    const destination = connectedPrefix(address);
    if (this.#routes.some((r) => r.ifindex === address.ifindex && formatPrefix(r.destination) === formatPrefix(destination))) return;
    this.#addRoute({
      family: ipFamily(address.address), destination, type: 'unicast', gateway: undefined, ifindex: address.ifindex, metric: 0, table: RT_TABLE_MAIN, protocol: RTPROT_KERNEL,
      prefSrc: address.address,
    });
  }

  #dropRoutes(gone: (route: RouteFact) => boolean, told: boolean): void {
    const dropped = this.#routes.filter(gone);
    this.#routes = this.#routes.filter((r) => !dropped.includes(r));
    if (!told && dropped.length > 0) {
      this.#unsaid.push(...dropped);
      this.onSilence();
    }
    if (told) for (const route of dropped) if (isTold(route)) this.#tell?.({ type: 'kernel.route', change: 'removed', route });
  }

  /** The device went down: IPv6 routes are announced as removed, IPv4 ones just vanish. */
  #flush(ifindex: number): void {
    this.#dropRoutes((r) => r.ifindex === ifindex && r.family === 6, true);
    this.#dropRoutes((r) => r.ifindex === ifindex, false);
  }
}

function connectedPrefix(address: AddressFact): IpPrefix {
  return { address: prefixRange({ address: address.address, length: address.prefixLength }).start, length: address.prefixLength };
}

/** The adapter keeps only default routes of the main table and routes of our own protocol. */
function isTold(route: RouteFact): boolean {
  return route.destination.length === 0 || route.protocol === ROUTE_PROTOCOL;
}

/** Linux holds one route per destination and metric. */
function sameSlot(fact: RouteFact, route: WantedRoute): boolean {
  return fact.metric === route.metric && formatPrefix(fact.destination) === formatPrefix(route.destination);
}
