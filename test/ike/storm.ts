/**
 * One hub and many routers, each a real engine, with ESP both ways under every SA all the time: what happens when all of them rekey at
 * once. Time is virtual, in whole milliseconds; each router has a latency of its own, and on its line nothing overtakes.
 */
import { after, instant, ip, millis, seconds, toHex, toUtf8, type IpAddress, type Millis, type Path } from '../../src/base/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { IkeEngine, type ChildInstall, type IkeConnection, type IkeEffect, type IkeInput } from '../../src/ike/index.ts';
import { Prng, SimEntropy } from '../sim/prng.ts';
import { addressAfter } from '../bench/flood.ts';
import { connection, ESP_SUITE, HUB, prefixes } from './pair.ts';

export interface StormOptions {
  readonly routers: number;
  readonly seed?: string;
  /** Share of the IKE messages that are lost once the storm has begun; default none. */
  readonly loss?: number;
  /** ms between two packets under one SA; default 20. */
  readonly every?: number;
  /** An ESP packet takes up to so many ms longer than IKE, which overtakes it then; default 0. */
  readonly espLag?: number;
}

/** Who starts the rekeyings. */
export type Starter = 'hub' | 'routers' | 'both';

export interface StormFigures {
  /** Virtual ms until every SA was replaced and the last old one gone. */
  readonly took: number;
  /** Processor time of the hub's engine, ms. */
  readonly hubMs: number;
  readonly sent: number;
  readonly undeliverable: number;
  /** IKE messages of the storm. */
  readonly messages: number;
}

const ROUTERS = ip('10.0.0.0');
/** One-way ms of the routers, from the nearest to the farthest. */
const NEAR = 5;
const FAR = 60;
/** Routers begin one after another at this pace, ms. */
const SETUP_PACE = 2;

const hubSide = (): IkeConnection => ({
  ...connection('responder'), pools: prefixes('10.128.0.0/9'), liveness: seconds(3600),
  children: [{ name: 'lan', localTs: prefixes('10.2.0.0/24'), remoteTs: prefixes('10.128.0.0/9'), espProposals: [ESP_SUITE] }],
});
const routerSide = (index: number): IkeConnection => ({
  ...connection('initiator'), localId: { text: `r${index}.example`, idType: 2, data: toUtf8(`r${index}.example`) }, requestVip: [4], liveness: seconds(3600),
  children: [{ name: 'lan', localTs: [], remoteTs: prefixes('10.2.0.0/24'), espProposals: [ESP_SUITE] }],
});

/** One engine, with the SAs that its effects have installed. */
class End {
  readonly engine: IkeEngine;
  readonly latency: number;
  readonly sas = new Map<number, ChildInstall>();
  /** Inbound SAs by SPI. */
  readonly inbound = new Map<number, number>();
  /** Rekeyed ones that still take what comes late; for seconds, which is longer than anything here is late. */
  readonly lingering = new Set<number>();
  /** Outbound SA in use, by child. */
  readonly inUse = new Map<number, ChildInstall>();
  readonly seen = new Set<number>();
  readonly rekeyed = { ike: new Set<number>(), child: new Set<number>() };
  chains: number[] = [];
  armed = Infinity;
  spent = 0;

  constructor(seed: string, latency: number) {
    this.engine = new IkeEngine({ suite: nodeCrypto(), entropy: new SimEntropy(seed) });
    this.latency = latency;
  }

  note(effect: IkeEffect): void {
    if (effect.type === 'child.install') {
      this.sas.set(effect.sa.handle, effect.sa);
      if (effect.sa.direction === 'in') this.inbound.set(effect.sa.spi, effect.sa.handle);
    } else if (effect.type === 'child.use') {
      const sa = this.sas.get(effect.handle);
      if (sa) this.inUse.set(sa.child, sa);
    } else if (effect.type === 'child.remove') {
      const sa = this.sas.get(effect.handle);
      if (!sa) throw new Error(`SA ${effect.handle} is removed, and not there`);
      this.sas.delete(effect.handle);
      if (effect.lingers === true) this.lingering.add(sa.spi);
      if (sa.direction === 'in') this.inbound.delete(sa.spi);
      else if (this.inUse.get(sa.child) === sa) this.inUse.delete(sa.child);
    } else if (effect.type === 'event') {
      const { event } = effect;
      if (event.type === 'ike.established') this.chains.push(event.chain);
      else if (event.type === 'ike.rekeyed') this.rekeyed.ike.add(event.chain);
      else if (event.type === 'child.rekeyed') this.rekeyed.child.add(event.chain);
      else if (event.type === 'ike.closed' || event.type === 'ike.failed' || event.type === 'child.closed') throw new Error(`${event.type}: ${event.reason}`);
    }
  }

  /** Nothing but the SAs that are used: an IKE SA and a pair of ESP SAs for each of `count` peers. */
  settled(count: number): boolean {
    return this.inUse.size === count && this.sas.size === 2 * count && this.engine.sizes().sas === count && this.rekeyed.ike.size === count && this.rekeyed.child.size === count;
  }
}

export class Storm {
  now = instant(1000);
  readonly hub: End;
  readonly routers: readonly End[];
  readonly #prng: Prng;
  readonly #loss: number;
  readonly #every: number;
  readonly #espLag: number;
  readonly #due = new Map<number, (() => void)[]>();
  /** The router at the other end of each of the hub's chains. */
  readonly #routerOf = new Map<number, End>();
  #raging = false;
  #flowing = false;
  #sent = 0;
  #undeliverable = 0;
  #messages = 0;

  constructor({ routers, seed = 'storm', loss = 0, every = 20, espLag = 0 }: StormOptions) {
    this.#prng = new Prng(seed);
    this.#loss = loss;
    this.#every = every;
    this.#espLag = espLag;
    this.hub = new End(`${seed}/hub`, 0);
    this.routers = Array.from({ length: routers }, (_, i) => new End(`${seed}/r${i}`, this.#prng.range(NEAR, FAR)));
    this.#feed(this.hub, { type: 'connections.set', connections: [hubSide()] });
  }

  /** All routers log in, and traffic flows. */
  connect(): void {
    this.routers.forEach((router, i) => this.#at(i * SETUP_PACE, () => {
      const path: Path = { uplink: 'wan', ifindex: 2, local: { address: addressOf(i), port: 500 }, remote: { address: HUB, port: 500 } };
      this.#feed(router, { type: 'connections.set', connections: [routerSide(i)] });
      this.#feed(router, { type: 'connection.initiate', connection: 'hq', paths: [path] });
    }));
    this.#until(() => this.hub.inUse.size === this.routers.length && this.routers.every((r) => r.inUse.size === 1), seconds(60), 'all routers are in');
    this.#flowing = true;
    this.#esp();
    this.#run(millis(200));
  }

  /** Every Child SA and every IKE SA is rekeyed, all of them in the same millisecond. */
  rage(starter: Starter): StormFigures {
    this.#raging = true;
    this.#messages = 0;
    const before = { at: this.now, spent: this.hub.spent, sent: this.#sent, undeliverable: this.#undeliverable };
    for (const end of [this.hub, ...this.routers]) {
      end.rekeyed.ike.clear();
      end.rekeyed.child.clear();
    }
    const old = new Set([this.hub, ...this.routers].flatMap((end) => [...end.sas.values()].map((sa) => sa.key.reveal()).map(toHex)));
    const starters = [...(starter === 'routers' ? [] : [this.hub]), ...(starter === 'hub' ? [] : this.routers)];
    for (const end of starters) {
      for (const chain of end.chains) {
        this.#feed(end, { type: 'child.rekey', chain, child: 'lan' });
        this.#feed(end, { type: 'ike.rekey', chain });
      }
    }
    const settled = (): boolean => this.hub.settled(this.routers.length) && this.routers.every((router) => router.settled(1));
    this.#until(settled, seconds(120), 'every SA is replaced and the old ones are gone');
    const took = this.now - before.at;
    this.#raging = false;
    this.#flowing = false;
    this.#run(millis(FAR + this.#espLag + 1)); // what is on its way arrives
    for (const end of [this.hub, ...this.routers]) for (const sa of end.sas.values()) if (old.has(toHex(sa.key.reveal()))) throw new Error(`SA ${sa.handle} has an old key`);
    this.#checkPaired();
    return { took, hubMs: this.hub.spent - before.spent, sent: this.#sent - before.sent, undeliverable: this.#undeliverable - before.undeliverable, messages: this.#messages };
  }

  /** Both ends of each SA have its SPI and its key. */
  #checkPaired(): void {
    const text = (end: End, direction: string): string[] => [...end.sas.values()].filter((sa) => sa.direction === direction).map((sa) => `${sa.spi} ${toHex(sa.key.reveal())}`);
    for (const [ours, theirs] of [['in', 'out'], ['out', 'in']] as const) {
      const hub = text(this.hub, ours).sort();
      const routers = this.routers.flatMap((router) => text(router, theirs)).sort();
      if (hub.join() !== routers.join()) throw new Error(`the hub's ${ours}bound SAs are not those of the routers`);
    }
  }

  // ---- time -----------------------------------------------------------------------------------------------------------

  #at(delay: number, what: () => void): void {
    const at = this.now + Math.max(0, Math.ceil(delay));
    const row = this.#due.get(at);
    if (row) row.push(what);
    else this.#due.set(at, [what]);
  }

  /** One millisecond: what is due, also what becomes due by it. */
  #step(): void {
    const row = this.#due.get(this.now) ?? [];
    for (const what of row) what();
    this.#due.delete(this.now);
    this.now = after(this.now, millis(1));
  }

  #run(span: Millis): void {
    for (const end = this.now + span; this.now < end;) this.#step();
  }

  #until(done: () => boolean, limit: Millis, what: string): void {
    for (const end = this.now + limit; !done();) {
      if (this.now > end) throw new Error(`did not come within ${limit} ms: ${what}`);
      this.#run(millis(10));
    }
  }

  // ---- IKE ------------------------------------------------------------------------------------------------------------

  #feed(end: End, input: IkeInput, from?: End): void {
    const start = process.cpuUsage();
    const effects = end.engine.handle(input, this.now);
    const { deadline } = end.engine;
    const used = process.cpuUsage(start);
    end.spent += (used.user + used.system) / 1000;
    for (const effect of effects) {
      end.note(effect);
      if (effect.type === 'child.install' && from) this.#routerOf.set(effect.sa.bundle, from);
      else if (effect.type === 'packet.send') this.#fly(end, effect.path, effect.bytes);
    }
    if (deadline === undefined || deadline >= end.armed) return;
    end.armed = deadline;
    this.#at(deadline - this.now, () => {
      if (deadline !== end.armed) return; // an earlier one was set since
      end.armed = Infinity;
      this.#feed(end, { type: 'tick' });
    });
  }

  #fly(from: End, path: Path, bytes: Uint8Array): void {
    if (this.#raging) this.#messages++;
    if (this.#raging && this.#prng.chance(this.#loss)) return;
    const to = from === this.hub ? this.routers[indexOf(path.remote.address)] : this.hub;
    const arrived: Path = from === this.hub ? { uplink: 'wan', ifindex: 2, local: path.remote, remote: path.local } : { uplink: 'eth0', ifindex: 9, local: path.remote, remote: path.local };
    if (to) this.#at(Math.max(from.latency, to.latency), () => this.#feed(to, { type: 'packet', path: arrived, bytes }, from === this.hub ? undefined : from));
  }

  // ---- ESP ------------------------------------------------------------------------------------------------------------

  /** A packet under every SA that is in use, and again after `every`. */
  #esp(): void {
    if (!this.#flowing) return;
    for (const sa of this.hub.inUse.values()) {
      const router = this.#routerOf.get(sa.bundle);
      if (router) this.#send(router, sa.spi, router.latency);
    }
    for (const router of this.routers) for (const sa of router.inUse.values()) this.#send(this.hub, sa.spi, router.latency);
    this.#at(this.#every, () => this.#esp());
  }

  #send(to: End, spi: number, latency: number): void {
    this.#sent++;
    this.#at(latency + this.#prng.range(0, this.#espLag), () => {
      const handle = to.inbound.get(spi);
      if (handle === undefined) this.#undeliverable += to.lingering.has(spi) ? 0 : 1;
      else if (!to.seen.has(handle)) {
        to.seen.add(handle);
        this.#feed(to, { type: 'child.used', handle });
      }
    });
  }
}

const addressOf = (index: number): IpAddress => addressAfter(ROUTERS, index + 1);

/** Which router has this address. */
function indexOf(address: string): number {
  const [, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  return b * 65_536 + c * 256 + d - 1;
}
