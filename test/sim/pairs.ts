/**
 * Watches the outer addresses of what one host sends and receives, and throws when ESP of an IKE SA leaves on another pair than the one that was set
 * for it (RFC 4555 §1.2: one pair at a time), when a response goes elsewhere than where its request came from (RFC 7296 §2.11), when a keepalive leaves
 * on a pair that carries nothing (RFC 4621 §5.2.3), or when a host floods the net with IKE messages.
 */
import { formatEndpoint, type Path } from '../../src/base/index.ts';
import type { Effect } from '../../src/ports/index.ts';
import type { IkeSight } from './invariants.ts';
import type { OuterPacket } from './packet.ts';

/** IKE messages of one host within `FLOOD_SPAN`; a handshake has five, a storm of retransmissions over three pairs some forty. */
const FLOOD = 200;
const FLOOD_SPAN = 10_000;
/** How many requests are remembered, with where they came from. */
const MOST_REQUESTS = 256;
/** More installed SAs than this belong to nobody: two bundles side by side, each rekeying, hold sixteen. */
const MOST_SAS = 48;

const pairOf = (packet: OuterPacket): string => `${formatEndpoint(packet.source)} -> ${formatEndpoint(packet.destination)}`;

export class PairWatch {
  readonly #host: string;
  /** Paths that were set, by bundle; a bundle without one sends nothing. */
  readonly #paths = new Map<number, Path>();
  /** SAs now installed, by handle; and the bundle of an outbound one by SPI. */
  readonly #installed = new Map<number, { readonly spi: number; readonly out: boolean }>();
  readonly #bundles = new Map<number, number>();
  readonly #asked = new Map<string, Set<string>>();
  readonly #sent: number[] = [];
  /** Set by a story in which a response deliberately goes elsewhere. */
  mayAnswer: (packet: OuterPacket) => boolean = () => false;
  /** Most IKE messages within ten seconds so far. */
  busiest = 0;

  constructor(host: string) {
    this.#host = host;
  }

  /** Pairs on which ESP leaves now, one for each bundle that has SAs. */
  get paths(): readonly Path[] {
    const used = new Set(this.#bundles.values());
    return [...this.#paths].filter(([bundle]) => used.has(bundle)).map(([, path]) => path);
  }

  effect(effect: Effect): void {
    switch (effect.type) {
      case 'esp.path.set':
        if (effect.path) this.#paths.set(effect.bundle, effect.path);
        else this.#paths.delete(effect.bundle);
        return;
      case 'esp.sa.add':
        this.#installed.set(effect.sa.handle, { spi: effect.sa.spi, out: effect.sa.direction === 'out' });
        if (this.#installed.size > MOST_SAS) this.#broken(`${this.#installed.size} SAs are installed`);
        if (effect.sa.direction === 'out') this.#bundles.set(effect.sa.spi, effect.sa.bundle);
        return;
      case 'esp.sa.remove': {
        const gone = this.#installed.get(effect.handle);
        this.#installed.delete(effect.handle);
        if (gone?.out) this.#bundles.delete(gone.spi);
        return;
      }
      default:
    }
  }

  /** An ESP packet on its way; `spi` as in its header. */
  sentEsp(packet: OuterPacket, spi: number): void {
    const bundle = this.#bundles.get(spi);
    const path = bundle === undefined ? undefined : this.#paths.get(bundle);
    if (!path) return this.#broken(`ESP of SPI ${spi.toString(16)} leaves although no pair is set for it`);
    const same = (a: OuterPacket['source'], b: OuterPacket['source']): boolean => a.address === b.address && (packet.protocol !== 'udp' || a.port === b.port);
    if (!same(packet.source, path.local) || !same(packet.destination, path.remote))
      this.#broken(`ESP of SPI ${spi.toString(16)} leaves on ${pairOf(packet)}, the pair is ${formatEndpoint(path.local)} -> ${formatEndpoint(path.remote)}`);
  }

  /** A datagram of one octet. */
  sentKeepalive(packet: OuterPacket): void {
    const pair = pairOf(packet);
    const current = [...this.#paths.values()].map((path) => `${formatEndpoint(path.local)} -> ${formatEndpoint(path.remote)}`);
    if (current.length > 0 && !current.includes(pair)) this.#broken(`a keepalive leaves on ${pair}, where nothing is carried`);
  }

  sentIke(packet: OuterPacket, ike: IkeSight, now: number): void {
    this.#sent.push(now);
    while ((this.#sent[0] ?? now) < now - FLOOD_SPAN) this.#sent.shift();
    this.busiest = Math.max(this.busiest, this.#sent.length);
    if (this.#sent.length > FLOOD) this.#broken(`${this.#sent.length} IKE messages in ten seconds`);
    if (!ike.isResponse) return;
    const asked = this.#asked.get(`${ike.spiI}|${!ike.fromOriginalInitiator}|${ike.messageId}`);
    // What was forgotten is not judged; a request that never came has no answer.
    if (asked ? asked.has(`${formatEndpoint(packet.destination)} -> ${formatEndpoint(packet.source)}`) : this.#asked.size >= MOST_REQUESTS) return;
    if (!this.mayAnswer(packet)) this.#broken(`the response ${ike.messageId} of ${ike.spiI} leaves on ${pairOf(packet)}, ${asked ? `asked was ${[...asked].join(', ')}` : 'and nobody asked'}`);
  }

  receivedIke(packet: OuterPacket, ike: IkeSight): void {
    if (ike.isResponse) return;
    const key = `${ike.spiI}|${ike.fromOriginalInitiator}|${ike.messageId}`;
    const asked = this.#asked.get(key) ?? new Set();
    this.#asked.delete(key);
    this.#asked.set(key, asked.add(pairOf(packet)));
    if (this.#asked.size <= MOST_REQUESTS) return;
    const [oldest] = this.#asked.keys();
    if (oldest !== undefined) this.#asked.delete(oldest);
  }

  #broken(what: string): never {
    throw new Error(`broken invariant at ${this.#host}: ${what}`);
  }
}
