/**
 * Many routers that log in at a hub over real UDP: real engines as initiators, one for each, with source addresses enough that no limit
 * per source rules. And a stranger who only ever sends IKE_SA_INIT requests of new sources, at a fixed rate.
 */
import { createUdpPort, NativeHost, nodeCrypto, nodeEntropy } from '../../src/adapters/node/index.ts';
import { instant, ip, ipFromBytes, toHex, toUtf8, type Instant, type IpAddress, type Path } from '../../src/base/index.ts';
import { IkeEngine, type IkeConnection, type IkeEffect } from '../../src/ike/index.ts';
import type { Input } from '../../src/ports/index.ts';
import { connection, ESP_SUITE, HUB, IKE_SUITE, prefixes, sharedKey } from '../ike/pair.ts';
import { flood } from './flood.ts';

export const PSK = 'a preshared key of a bench';
/** What hub and routers offer: nothing to choose, so that both hubs compute the same. */
export const PROPOSAL = 'aes256gcm16-prfsha256-x25519';
export const SUBNETS = { behindHub: '10.2.0.0/24', virtual: '10.128.0.0/16', sources: '10.9.0.0/24', flood: '11.0.0.0/8' } as const;
/** Routers share this many addresses, .1 and up of `SUBNETS.sources`. */
const SOURCES = 100;
/** A router that is not in by then has failed; ms. */
const PATIENCE = 10_000;
const TICK = 20;
const FLOOD_PORT = 5000;
/** Events with which an attempt is over. */
const ENDS = ['child.established', 'child.closed', 'ike.failed', 'ike.closed'] as const;

export interface Handshakes {
  /** Time each took from its first packet to its Child SA, ms. */
  readonly took: readonly number[];
  readonly failed: number;
  /** From the first packet of the first to the last one's Child SA, ms. */
  readonly wall: number;
}

const now = (): Instant => instant(performance.now());
const sourceOf = (index: number): IpAddress => ipFromBytes(Uint8Array.of(10, 9, 0, 1 + (index % SOURCES))) as IpAddress;
const routerConnection = (index: number): IkeConnection => ({
  ...connection('initiator'), ...sharedKey(PSK), localId: { text: `r${index}.example`, idType: 2, data: toUtf8(`r${index}.example`) }, requestVip: [4],
  remoteId: { text: 'hub.example', idType: 2, data: toUtf8('hub.example') }, ikeProposals: [{ ...IKE_SUITE, text: PROPOSAL, groups: [31] }],
  children: [{ name: 'lan', localTs: [], remoteTs: prefixes(SUBNETS.behindHub), espProposals: [ESP_SUITE] }],
});

interface Trying {
  readonly engine: IkeEngine;
  readonly since: Instant;
  key: string;
}

/** The routers, behind one pair of sockets. An engine is thrown away as soon as its router is in: the hub keeps its SA. */
export class Routers {
  readonly #suite = nodeCrypto();
  readonly #entropy = nodeEntropy();
  readonly #udp = createUdpPort(new NativeHost());
  readonly #trying = new Map<string, Trying>();
  #last = 0;
  #took: number[] = [];
  #failed = 0;
  #over: () => void = () => undefined;

  constructor() {
    this.#udp.perform({ type: 'udp.open', ports: [500, 4500], mark: 0 }, (input) => this.#input(input));
    setInterval(() => this.#tick(), TICK);
  }

  /** `count` routers log in, `width` of them at a time. */
  async handshakes(count: number, width: number): Promise<Handshakes> {
    this.#took = [];
    this.#failed = 0;
    const start = now();
    let left = count;
    await new Promise<void>((resolve) => {
      this.#over = () => {
        if (left > 0) {
          left--;
          this.#start(++this.#last);
        } else if (this.#trying.size === 0) resolve();
      };
      for (let i = 0; i < Math.min(width, count); i++) this.#over();
    });
    return { took: this.#took, failed: this.#failed, wall: now() - start };
  }

  #start(index: number): void {
    const engine = new IkeEngine({ suite: this.#suite, entropy: this.#entropy });
    const trying: Trying = { engine, since: now(), key: '' };
    const path: Path = { uplink: 'wan', ifindex: 0, local: { address: sourceOf(index), port: 500 }, remote: { address: HUB, port: 500 } };
    engine.handle({ type: 'connections.set', connections: [routerConnection(index)] }, trying.since);
    this.#perform(trying, engine.handle({ type: 'connection.initiate', connection: 'hq', paths: [path] }, trying.since));
  }

  #input(input: Input): void {
    if (input.type === 'udp.failed') throw new Error(`port ${input.port}: errno ${input.errno}`);
    if (input.type !== 'udp.received') return;
    const { local, remote, bytes } = input;
    const trying = this.#trying.get(spiKey(bytes, local.port));
    if (trying) this.#perform(trying, trying.engine.handle({ type: 'packet', path: { uplink: 'wan', ifindex: 0, local, remote }, bytes }, now()));
  }

  #perform(trying: Trying, effects: readonly IkeEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'packet.send') {
        const { local, remote } = effect.path;
        trying.key ||= spiKey(effect.bytes, local.port);
        this.#trying.set(trying.key, trying);
        this.#udp.perform({ type: 'udp.send', ifindex: 0, local, remote, bytes: effect.bytes }, (input) => this.#input(input));
      } else if (effect.type === 'event' && ENDS.some((type) => type === effect.event.type)) return this.#done(trying, effect.event.type === 'child.established');
    }
  }

  #done(trying: Trying, good: boolean): void {
    this.#trying.delete(trying.key);
    if (good) this.#took.push(now() - trying.since);
    else this.#failed++;
    this.#over();
  }

  #tick(): void {
    const at = now();
    for (const trying of [...this.#trying.values()]) {
      if (at - trying.since > PATIENCE) this.#done(trying, false);
      else if ((trying.engine.deadline ?? Infinity) <= at) this.#perform(trying, trying.engine.handle({ type: 'tick' }, at));
    }
  }
}

/** The initiator's SPI of a datagram of port 500, or of 4500 with its marker. */
function spiKey(bytes: Uint8Array, port: number): string {
  const at = port === 500 ? 0 : 4;
  return toHex(bytes.subarray(at, at + 8));
}

/** The stranger. */
export class Flooder {
  readonly #udp = createUdpPort(new NativeHost());
  readonly #packets = flood(ip('11.0.0.0'));
  #sent = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    this.#udp.perform({ type: 'udp.open', ports: [FLOOD_PORT], mark: 0 }, () => undefined);
  }

  /** From now on `rate` packets a second. */
  start(rate: number): void {
    const since = performance.now();
    this.#sent = 0;
    this.#timer = setInterval(() => {
      for (const due = ((performance.now() - since) * rate) / 1000; this.#sent < due; this.#sent++) {
        const { source, bytes } = this.#packets.next().value;
        this.#udp.perform({ type: 'udp.send', ifindex: 0, local: { address: source, port: FLOOD_PORT }, remote: { address: HUB, port: 500 }, bytes }, () => undefined);
      }
    }, 2);
  }

  /** Packets sent since the start. */
  get sent(): number {
    return this.#sent;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
