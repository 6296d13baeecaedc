/**
 * The simulated Internet: access links, each between one device of a host and the Internet in the middle, which hands
 * a packet to the link that owns the destination. Seen from the host, a link is: filter boxes, a stateful firewall, impairments
 * and delay, NAT. "up" is host to Internet, "down" the other way.
 */
import { ipFamily, type Endpoint, type IpAddress, type Millis } from '../../src/base/index.ts';
import { Firewall, type FirewallOptions } from './firewall.ts';
import { Nat, type NatOptions } from './nat.ts';
import { isEspInUdp, outerSize, type OuterPacket } from './packet.ts';
import { Prng } from './prng.ts';
import type { World } from './world.ts';

export type Direction = 'up' | 'down';

/** A middle box that swallows a kind of traffic. */
export type Filter = 'esp-in-udp' | 'esp' | 'udp-500' | 'udp-4500' | 'all' | ((packet: OuterPacket, direction: Direction) => boolean);

export interface Impairment {
  /** One way. */
  latency: number;
  /** Adds 0..jitter to each packet; the order is kept. */
  jitter: number;
  /** Probability of a lost packet. */
  loss: number;
  /** Bursty loss (Gilbert-Elliott): probabilities to enter and leave the bad state, and of loss in it. */
  burst: { readonly enter: number; readonly leave: number; readonly loss: number } | undefined;
  duplicate: number;
  /** Probability that a packet is held back and overtaken. */
  reorder: number;
  /** Largest packet the path carries, IP header included; larger ones vanish, and who sent one with DF, or IPv6, is told. */
  pathMtu: number;
}

export interface LinkOptions {
  /** Half of it each way. Default 20 ms. */
  readonly rtt?: Millis;
  readonly jitter?: Millis;
  readonly loss?: number;
  readonly burst?: { readonly enter: number; readonly leave: number; readonly loss: number };
  readonly duplicate?: number;
  readonly reorder?: number;
  readonly pathMtu?: number;
  /** Of its own; or the box of another link, which then serves the hosts of both. */
  readonly nat?: NatOptions | Nat;
  readonly firewall?: FirewallOptions;
  /** Whether routers tell who sent too large a packet (ICMP). Default true; false: a path MTU black hole. */
  readonly icmp?: boolean;
  readonly filters?: readonly Filter[];
}

/** The host's end of a link. */
export interface LinkEnd {
  readonly addresses: () => readonly IpAddress[];
  receive(packet: OuterPacket): void;
  carrier(up: boolean): void;
  /** ICMP: a router says that this packet of the host was too big, and what it carries. Anybody may have sent it. */
  tooBig?(about: OuterPacket, mtu: number): void;
}

/** Packets seen on a link, at the host's end of it. */
export type Tap = (packet: OuterPacket, direction: Direction) => void;

/** How long an overtaken packet is held back. */
const REORDER_HOLD = 15;

export class Link {
  readonly name: string;
  readonly nat: Nat | undefined;
  readonly firewall: Firewall | undefined;
  icmp: boolean;
  readonly up: Impairment;
  readonly down: Impairment;
  readonly counts = { up: 0, down: 0, lost: 0 };
  filters: Filter[];
  readonly #world: World;
  readonly #prng: Prng;
  readonly #taps: Tap[] = [];
  readonly #bad = { up: false, down: false };
  readonly #last = { up: 0, down: 0 };
  readonly #holes = { up: false, down: false };
  #carrier = true;
  #epoch = 0;
  #end: LinkEnd | undefined;

  constructor(world: World, name: string, options: LinkOptions) {
    this.#world = world;
    this.name = name;
    this.#prng = new Prng(`${world.seed}|link ${name}`);
    this.nat = options.nat instanceof Nat ? options.nat : options.nat ? new Nat(options.nat) : undefined;
    this.firewall = options.firewall ? new Firewall(options.firewall) : undefined;
    this.icmp = options.icmp ?? true;
    this.filters = [...(options.filters ?? [])];
    const impairment = (): Impairment => ({
      latency: (options.rtt ?? 20) / 2,
      jitter: options.jitter ?? 0,
      loss: options.loss ?? 0,
      burst: options.burst,
      duplicate: options.duplicate ?? 0,
      reorder: options.reorder ?? 0,
      pathMtu: options.pathMtu ?? 1500,
    });
    this.up = impairment();
    this.down = impairment();
  }

  get carrier(): boolean {
    return this.#carrier;
  }

  /** Packets get through in both directions: carrier, and nothing on the way that loses or swallows them. */
  get whole(): boolean {
    const loses = (way: Impairment): boolean => way.loss > 0 || way.burst !== undefined;
    return this.#carrier && !this.#holes.up && !this.#holes.down && !loses(this.up) && !loses(this.down) && this.filters.length === 0;
  }

  attach(end: LinkEnd): void {
    if (this.#end) throw new Error(`link ${this.name} has its host already`);
    this.#end = end;
  }

  /** The device left the host: nothing is delivered to it any more. */
  detach(): void {
    this.#end = undefined;
    this.#epoch++;
  }

  /** Changes the impairment of one direction or both. */
  set(change: Partial<Impairment>, direction: Direction | 'both' = 'both'): void {
    if (direction !== 'down') Object.assign(this.up, change);
    if (direction !== 'up') Object.assign(this.down, change);
  }

  /** Packets vanish although carrier, address and route remain. */
  blackHole(direction: Direction | 'both' = 'both'): void {
    if (direction !== 'down') this.#holes.up = true;
    if (direction !== 'up') this.#holes.down = true;
    this.#world.trace(`link ${this.name}: black hole (${direction})`);
  }

  /** Ends a black hole. */
  heal(): void {
    this.#holes.up = false;
    this.#holes.down = false;
    this.#world.trace(`link ${this.name}: heals`);
  }

  /** Carrier off: the device knows at once, packets in flight are lost. */
  unplug(): void {
    this.#plug(false);
  }

  /** Carrier on. */
  plug(): void {
    this.#plug(true);
  }

  #plug(carrier: boolean): void {
    if (this.#carrier === carrier) return;
    this.#carrier = carrier;
    this.#epoch++;
    this.#world.trace(`link ${this.name}: carrier ${carrier ? 'on' : 'off'}`);
    this.#end?.carrier(carrier);
  }

  tap(tap: Tap): void {
    this.#taps.push(tap);
  }

  /** True when a packet to `address` belongs on this link. */
  owns(address: IpAddress): boolean {
    if (this.nat && ipFamily(address) === 4) return address === this.nat.publicAddress;
    return this.holds(address);
  }

  /** True when the host behind this link has `address` itself. */
  holds(address: IpAddress): boolean {
    return this.#end?.addresses().includes(address) ?? false;
  }

  /** From the host. */
  transmit(packet: OuterPacket): void {
    for (const tap of this.#taps) tap(packet, 'up');
    if (this.#tooBig(packet, 'up')) return this.#tellLater(() => this.tell(packet, this.up.pathMtu), 'up');
    this.#carry(packet, 'up', (arrived) => {
      this.firewall?.outbound(arrived, this.#world.now);
      if (this.nat?.passes(arrived) === false) this.counts.lost++;
      else this.#world.net.route(this.nat ? this.nat.outbound(arrived, this.#world.now) : arrived, this.nat);
    });
  }

  /** From the Internet; `inside` is the packet as it is behind the NAT, undefined when nobody there asked for it. */
  deliver(packet: OuterPacket, inside: OuterPacket | undefined): void {
    if (!inside || (this.firewall && !this.firewall.inbound(inside, this.#world.now))) {
      this.counts.lost++;
      return;
    }
    if (this.#tooBig(inside, 'down')) return this.#tellLater(() => this.#world.net.tell(packet, this.down.pathMtu), 'down');
    this.#carry(inside, 'down', (arrived) => {
      for (const tap of this.#taps) tap(arrived, 'down');
      this.#end?.receive(arrived);
    });
  }

  /** An ICMP message "too big" about a packet of the host, with the host's own address in it, arrives at the host. */
  tell(about: OuterPacket, mtu: number): void {
    this.#end?.tooBig?.(about, mtu);
  }

  /** The same from the Internet, about a packet as it looks there. */
  tellOutside(about: OuterPacket, mtu: number): void {
    const back = this.nat ? this.nat.inbound({ ...about, source: about.destination, destination: about.source }, this.#world.now) : undefined;
    if (!this.nat || back) this.tell(back ? { ...about, source: back.destination } : about, mtu);
  }

  /** A packet that nobody on the way may cut, and that is too big for it. */
  #tooBig(packet: OuterPacket, direction: Direction): boolean {
    const whole = packet.protocol !== 'raw' && (packet.dontFragment === true || ipFamily(packet.source.address) === 6);
    return whole && this.#carrier && !this.#holes[direction] && outerSize(packet) > this[direction].pathMtu;
  }

  #tellLater(tell: () => void, direction: Direction): void {
    this.counts[direction]++;
    this.counts.lost++;
    if (this.icmp) this.#world.after(this[direction].latency, tell);
  }

  #carry(packet: OuterPacket, direction: Direction, arrive: (packet: OuterPacket) => void): void {
    const way = this[direction];
    this.counts[direction]++;
    if (!this.#carrier || this.#holes[direction] || this.#loses(way, direction) || this.#filtered(packet, direction) || outerSize(packet) > way.pathMtu) {
      this.counts.lost++;
      return;
    }
    const copies = this.#prng.chance(way.duplicate) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      let at = this.#world.now + way.latency + (way.jitter > 0 ? this.#prng.unit() * way.jitter : 0);
      if (this.#prng.chance(way.reorder)) at += REORDER_HOLD;
      else this.#last[direction] = at = Math.max(at, this.#last[direction]);
      const epoch = this.#epoch;
      const kept = { ...packet, bytes: packet.bytes.slice() };
      this.#world.after(at - this.#world.now, () => {
        if (epoch === this.#epoch && !this.#holes[direction]) arrive(kept);
        else this.counts.lost++;
      });
    }
  }

  #loses(way: Impairment, direction: Direction): boolean {
    if (this.#prng.chance(way.loss)) return true;
    if (!way.burst) return false;
    this.#bad[direction] = this.#bad[direction] ? !this.#prng.chance(way.burst.leave) : this.#prng.chance(way.burst.enter);
    return this.#bad[direction] && this.#prng.chance(way.burst.loss);
  }

  #filtered(packet: OuterPacket, direction: Direction): boolean {
    const port = (number: number): boolean => packet.protocol === 'udp' && (packet.source.port === number || packet.destination.port === number);
    for (const filter of this.filters) {
      if (typeof filter === 'function' ? filter(packet, direction) : filter === 'all' || (filter === 'esp' ? packet.protocol === 'esp' : filter === 'esp-in-udp' ? isEspInUdp(packet) : port(filter === 'udp-500' ? 500 : 4500))) return true;
    }
    return false;
  }
}

/** The middle: knows every link and finds the one a packet goes to. */
export class Net {
  readonly #world: World;
  readonly #links = new Map<string, Link>();
  /** Packets to an address nobody has. */
  unroutable = 0;

  constructor(world: World) {
    this.#world = world;
  }

  link(name: string, options?: LinkOptions): Link {
    const known = this.#links.get(name);
    if (known) {
      if (options) throw new Error(`link ${name} exists already`);
      return known;
    }
    const made = new Link(this.#world, name, options ?? {});
    this.#links.set(name, made);
    return made;
  }

  /** `local` of some host as `remote` sees it, through the NAT it is behind; undefined when nobody has it or the NAT knows no mapping. */
  seenAs(local: Endpoint, remote: Endpoint): Endpoint | undefined {
    for (const link of this.#links.values()) if (link.holds(local.address)) return link.nat ? link.nat.seenAs('udp', local, remote) : local;
    return undefined;
  }

  /** ICMP: whoever sent the packet is told that it was too big. */
  tell(about: OuterPacket, mtu: number): void {
    if (about.protocol === 'raw') return;
    for (const link of this.#links.values()) if (link.owns(about.source.address)) return link.tellOutside(about, mtu);
  }

  /** `from`: the NAT it left through, which may not let it in again. */
  route(packet: OuterPacket, from?: Nat): void {
    if (packet.protocol === 'raw') return;
    let nobody: Link | undefined;
    for (const link of this.#links.values()) {
      if (!link.owns(packet.destination.address)) continue;
      const { nat } = link;
      if (!nat || ipFamily(packet.destination.address) === 6) return link.deliver(packet, packet);
      if (nat === from && !nat.hairpin) break;
      // Several hosts may stand behind one box.
      const inside = nat.inbound(packet, this.#world.now);
      if (inside && link.holds(inside.destination.address)) return link.deliver(packet, inside);
      nobody = link;
    }
    if (nobody) nobody.deliver(packet, undefined);
    else this.unroutable++;
  }
}
