/**
 * A NAT box in the words of RFC 4787: how mappings are chosen (§4.1), who may answer through one (§5), when one is
 * forgotten (§4.3), and what a reboot does to them all. Only IPv4 is translated; IPv6 passes as it is.
 */
import { formatEndpoint, ipFamily, type Endpoint, type IpAddress, type Millis, seconds } from '../../src/base/index.ts';
import type { OuterPacket } from './packet.ts';

export interface NatOptions {
  readonly publicAddress: IpAddress;
  /** One outer port per inner endpoint, or another one for each remote endpoint ("symmetric"). Default independent. */
  readonly mapping?: 'endpoint-independent' | 'endpoint-dependent';
  /** Default `port-restricted`. */
  readonly filtering?: 'open' | 'address-restricted' | 'port-restricted';
  /** Idle time after which a mapping is forgotten. Default 120 s (RFC 4787 §4.3 REQ-5 has no less). */
  readonly expiry?: Millis;
  /** Whether packets from outside also keep a mapping alive. Default false. */
  readonly inboundRefresh?: boolean;
}

interface Mapping {
  readonly inner: Endpoint;
  readonly outerPort: number;
  readonly protocol: OuterPacket['protocol'];
  used: number;
  /** Remote endpoints (and bare addresses) that were sent to. */
  readonly remotes: Set<string>;
}

/** Bound of the mapping table; the least recently used goes first. */
const MOST_MAPPINGS = 4096;

export class Nat {
  readonly publicAddress: IpAddress;
  mapping: 'endpoint-independent' | 'endpoint-dependent';
  filtering: 'open' | 'address-restricted' | 'port-restricted';
  expiry: Millis;
  inboundRefresh: boolean;
  readonly #byInner = new Map<string, Mapping>();
  readonly #byPort = new Map<string, Mapping>();
  #nextPort = 20_000;

  constructor(options: NatOptions) {
    this.publicAddress = options.publicAddress;
    this.mapping = options.mapping ?? 'endpoint-independent';
    this.filtering = options.filtering ?? 'port-restricted';
    this.expiry = options.expiry ?? seconds(120);
    this.inboundRefresh = options.inboundRefresh ?? false;
  }

  /** A packet from inside as it looks outside. */
  outbound(packet: OuterPacket, now: number): OuterPacket {
    if (packet.protocol === 'raw' || ipFamily(packet.source.address) === 6) return packet;
    const key = this.#key(packet);
    let found = this.#byInner.get(key);
    if (found && now - found.used > this.expiry) {
      this.#drop(key, found);
      found = undefined;
    }
    if (!found) found = this.#map(key, packet, now);
    found.used = now;
    found.remotes.add(formatEndpoint(packet.destination)).add(packet.destination.address);
    return { ...packet, source: { address: this.publicAddress, port: found.outerPort } };
  }

  /** A packet from outside as it looks inside; undefined: nobody asked for it. */
  inbound(packet: OuterPacket, now: number): OuterPacket | undefined {
    if (packet.protocol === 'raw' || ipFamily(packet.source.address) === 6) return packet;
    const found = this.#byPort.get(`${packet.protocol}|${packet.destination.port}`);
    if (!found || now - found.used > this.expiry) return undefined;
    if (this.filtering === 'port-restricted' && !found.remotes.has(formatEndpoint(packet.source))) return undefined;
    if (this.filtering === 'address-restricted' && !found.remotes.has(packet.source.address)) return undefined;
    if (this.inboundRefresh) found.used = now;
    return { ...packet, destination: found.inner };
  }

  /** Forgets every mapping; new ones get ports never used before. */
  reboot(): void {
    this.#byInner.clear();
    this.#byPort.clear();
    this.#nextPort += 1000;
  }

  #key(packet: OuterPacket): string {
    const inner = `${packet.protocol}|${formatEndpoint(packet.source)}`;
    return this.mapping === 'endpoint-independent' ? inner : `${inner}|${formatEndpoint(packet.destination)}`;
  }

  #map(key: string, packet: OuterPacket, now: number): Mapping {
    if (this.#byInner.size >= MOST_MAPPINGS) {
      let oldest: [string, Mapping] | undefined;
      for (const entry of this.#byInner) if (!oldest || entry[1].used < oldest[1].used) oldest = entry;
      if (oldest) this.#drop(...oldest);
    }
    let port: number;
    do {
      port = this.#nextPort++;
      if (this.#nextPort > 60_000) this.#nextPort = 20_000;
    } while (this.#byPort.has(`${packet.protocol}|${port}`));
    const made: Mapping = { inner: packet.source, outerPort: port, protocol: packet.protocol, used: now, remotes: new Set() };
    this.#byInner.set(key, made);
    this.#byPort.set(`${packet.protocol}|${port}`, made);
    return made;
  }

  #drop(key: string, mapping: Mapping): void {
    this.#byInner.delete(key);
    this.#byPort.delete(`${mapping.protocol}|${mapping.outerPort}`);
  }
}
