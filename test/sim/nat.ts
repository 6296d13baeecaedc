/**
 * A NAT box in the words of RFC 4787: how mappings are chosen (§4.1), whether the port is kept (§4.2.1), who may answer
 * through one (§5), when one is forgotten (§4.3), whether those behind it reach each other by their outer addresses
 * (hairpinning, §6), and what a reboot does to all mappings. A static one (1:1) keeps nothing: one inner address is one outer one, whoever
 * begins. Only IPv4 is translated; IPv6 passes as it is. Several links may stand behind one box.
 */
import { formatEndpoint, ipFamily, type Endpoint, type IpAddress, type Millis, seconds } from '../../src/base/index.ts';
import type { OuterPacket } from './packet.ts';

export interface NatOptions {
  readonly publicAddress: IpAddress;
  /** One outer port per inner endpoint, another one for each remote address, or for each remote endpoint ("symmetric"). Default independent. */
  readonly mapping?: NatMapping;
  /** Default `port-restricted`. */
  readonly filtering?: 'open' | 'address-restricted' | 'port-restricted';
  /** Idle time after which a mapping is forgotten. Default 120 s (RFC 4787 §4.3 REQ-5 has no less). */
  readonly expiry?: Millis;
  /** Idle time of a mapping through which nothing left 2 s or more after it was made (Linux: 30 s, beside 120 s). Default: the same. */
  readonly young?: Millis;
  /** Whether packets from outside also keep a mapping alive. Default false. */
  readonly inboundRefresh?: boolean;
  /** The inner port is kept outside while nobody else has it (RFC 4787 §4.2.1). Default false. */
  readonly keepPort?: boolean;
  /** Packets from inside to the outer address come back in (RFC 4787 §6). Default false. */
  readonly hairpin?: boolean;
  /** A static 1:1 NAT: this inner address is the public one, ports and all protocols as they are, in both directions. */
  readonly oneToOne?: IpAddress;
}

export type NatMapping = 'endpoint-independent' | 'address-dependent' | 'endpoint-dependent';

interface Mapping {
  readonly inner: Endpoint;
  readonly outerPort: number;
  readonly protocol: OuterPacket['protocol'];
  used: number;
  readonly made: number;
  settled: boolean;
  /** Remote endpoints (and bare addresses) that were sent to. */
  readonly remotes: Set<string>;
}

const NOTHING = new Uint8Array(0);

/** Age at which a packet from inside makes a mapping an old one. */
const SETTLES = 2000;

/** Bound of the mapping table; the least recently used goes first. */
const MOST_MAPPINGS = 4096;

export class Nat {
  readonly publicAddress: IpAddress;
  mapping: NatMapping;
  filtering: 'open' | 'address-restricted' | 'port-restricted';
  expiry: Millis;
  young: Millis | undefined;
  inboundRefresh: boolean;
  readonly keepPort: boolean;
  readonly hairpin: boolean;
  readonly oneToOne: IpAddress | undefined;
  readonly #byInner = new Map<string, Mapping>();
  readonly #byPort = new Map<string, Mapping>();
  #nextPort = 20_000;

  constructor(options: NatOptions) {
    this.publicAddress = options.publicAddress;
    this.mapping = options.mapping ?? 'endpoint-independent';
    this.filtering = options.filtering ?? 'port-restricted';
    this.expiry = options.expiry ?? seconds(120);
    this.young = options.young;
    this.inboundRefresh = options.inboundRefresh ?? false;
    this.keepPort = options.keepPort ?? false;
    this.hairpin = options.hairpin ?? false;
    this.oneToOne = options.oneToOne;
  }

  /** Whether the box knows what to do with a packet: in ESP without UDP it finds no port to tell flows apart by. */
  passes(packet: OuterPacket): boolean {
    return packet.protocol !== 'esp' || this.oneToOne !== undefined || ipFamily(packet.source.address) === 6;
  }

  /** A packet from inside as it looks outside. */
  outbound(packet: OuterPacket, now: number): OuterPacket {
    if (packet.protocol === 'raw' || ipFamily(packet.source.address) === 6) return packet;
    if (this.oneToOne !== undefined) return packet.source.address === this.oneToOne ? { ...packet, source: { ...packet.source, address: this.publicAddress } } : packet;
    const key = this.#key(packet);
    let found = this.#byInner.get(key);
    if (found && now - found.used > this.#lifetime(found)) {
      this.#drop(key, found);
      found = undefined;
    }
    if (!found) found = this.#map(key, packet, now);
    found.used = now;
    if (now - found.made >= SETTLES) found.settled = true;
    found.remotes.add(formatEndpoint(packet.destination)).add(packet.destination.address);
    return { ...packet, source: { address: this.publicAddress, port: found.outerPort } };
  }

  /** A packet from outside as it looks inside; undefined: nobody asked for it. */
  inbound(packet: OuterPacket, now: number): OuterPacket | undefined {
    if (packet.protocol === 'raw' || ipFamily(packet.source.address) === 6) return packet;
    if (this.oneToOne !== undefined) return { ...packet, destination: { ...packet.destination, address: this.oneToOne } };
    const found = this.#byPort.get(`${packet.protocol}|${packet.destination.port}`);
    if (!found || now - found.used > this.#lifetime(found)) return undefined;
    if (this.filtering === 'port-restricted' && !found.remotes.has(formatEndpoint(packet.source))) return undefined;
    if (this.filtering === 'address-restricted' && !found.remotes.has(packet.source.address)) return undefined;
    if (this.inboundRefresh) found.used = now;
    return { ...packet, destination: found.inner };
  }

  /** Number of mappings now known. */
  get size(): number {
    return this.#byInner.size;
  }

  /** Where `inner` is seen from outside by `remote`; undefined without a mapping. Looks, and changes nothing. */
  seenAs(protocol: OuterPacket['protocol'], inner: Endpoint, remote: Endpoint): Endpoint | undefined {
    if (ipFamily(inner.address) === 6) return inner;
    if (this.oneToOne !== undefined) return { ...inner, address: this.publicAddress };
    const found = this.#byInner.get(this.#key({ protocol, source: inner, destination: remote, bytes: NOTHING }));
    return found ? { address: this.publicAddress, port: found.outerPort } : undefined;
  }

  /** Forgets every mapping; new ones get ports never used before. */
  reboot(): void {
    this.#byInner.clear();
    this.#byPort.clear();
    this.#nextPort += 1000;
  }

  #key(packet: OuterPacket): string {
    const inner = `${packet.protocol}|${formatEndpoint(packet.source)}`;
    if (this.mapping === 'endpoint-independent') return inner;
    return `${inner}|${this.mapping === 'address-dependent' ? packet.destination.address : formatEndpoint(packet.destination)}`;
  }

  #map(key: string, packet: OuterPacket, now: number): Mapping {
    if (this.#byInner.size >= MOST_MAPPINGS) {
      let oldest: [string, Mapping] | undefined;
      for (const entry of this.#byInner) if (!oldest || entry[1].used < oldest[1].used) oldest = entry;
      if (oldest) this.#drop(...oldest);
    }
    const taken = (port: number): boolean => this.#byPort.has(`${packet.protocol}|${port}`);
    let { port } = packet.source;
    while (!this.keepPort || taken(port)) {
      port = this.#nextPort++;
      if (this.#nextPort > 60_000) this.#nextPort = 20_000;
      if (!taken(port)) break;
    }
    const made: Mapping = { inner: packet.source, outerPort: port, protocol: packet.protocol, used: now, made: now, settled: false, remotes: new Set() };
    this.#byInner.set(key, made);
    this.#byPort.set(`${packet.protocol}|${port}`, made);
    return made;
  }

  #lifetime(mapping: Mapping): Millis {
    return mapping.settled ? this.expiry : (this.young ?? this.expiry);
  }

  #drop(key: string, mapping: Mapping): void {
    this.#byInner.delete(key);
    this.#byPort.delete(`${mapping.protocol}|${mapping.outerPort}`);
  }
}
