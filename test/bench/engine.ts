/**
 * What the IKE engine costs as a responder, without network and data plane: handshakes a second, alone and in a flood of half-open
 * requests; octets and time per IKE SA with one Child SA at 100, 1,000 and 10,000 of them; a tick with 10,000; a storm of rekeyings.
 * Only time spent inside the responder counts; the initiators are real engines.
 */
import v8 from 'node:v8';
import vm from 'node:vm';
import { nodeCrypto, nodeEntropy } from '../../src/adapters/node/index.ts';
import { after, instant, ip, minutes, seconds, toUtf8, type Instant, type Path } from '../../src/base/index.ts';
import { IkeEngine, type IkeConnection, type IkeEffect, type IkeInput } from '../../src/ike/index.ts';
import { connection, ESP_SUITE, HUB, prefixes } from '../ike/pair.ts';
import { Storm } from '../ike/storm.ts';
import { addressAfter, flood } from './flood.ts';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;
const heapNow = (): number => {
  for (let i = 0; i < 3; i++) collect();
  return process.memoryUsage().heapUsed;
};

/** Processor time of this process in ms: others on the machine do not count. */
const computed = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

export interface Figure {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  readonly below?: number;
}

const HUB_SIDE: IkeConnection = {
  ...connection('responder'), pools: prefixes('10.128.0.0/9'), poolDns: [],
  children: [{ name: 'lan', localTs: prefixes('10.2.0.0/24'), remoteTs: prefixes('10.128.0.0/9'), espProposals: [ESP_SUITE] }],
};
const router = (index: number): IkeConnection => ({
  ...connection('initiator'), localId: { text: `r${index}.example`, idType: 2, data: toUtf8(`r${index}.example`) }, requestVip: [4],
  children: [{ name: 'lan', localTs: [], remoteTs: prefixes('10.2.0.0/24'), espProposals: [ESP_SUITE] }],
});
const ROUTERS = ip('10.0.0.0');
const STRANGERS = ip('11.0.0.0');

/** A responder whose time is counted. */
class Responder {
  readonly engine = new IkeEngine({ suite: nodeCrypto(), entropy: nodeEntropy() });
  now: Instant = instant(1000);
  spent = 0;

  constructor() {
    this.engine.handle({ type: 'connections.set', connections: [HUB_SIDE] }, this.now);
  }

  feed(input: IkeInput): IkeEffect[] {
    const start = computed();
    const effects = this.engine.handle(input, this.now);
    void this.engine.deadline; // what the loop asks after every input
    this.spent += computed() - start;
    return effects;
  }

  /** One router's way in; returns how long the responder computed, in ms. */
  handshake(index: number, between: () => void = () => undefined): number {
    const side = new IkeEngine({ suite: nodeCrypto(), entropy: nodeEntropy() });
    const before = this.spent;
    const local = addressAfter(ROUTERS, index);
    side.handle({ type: 'connections.set', connections: [router(index)] }, this.now);
    const path: Path = { uplink: 'wan', ifindex: 2, local: { address: local, port: 500 }, remote: { address: HUB, port: 500 } };
    let out = side.handle({ type: 'connection.initiate', connection: 'hq', paths: [path] }, this.now);
    for (let trips = 0; trips < 8; trips++) {
      const back: IkeEffect[] = [];
      for (const effect of out) {
        if (effect.type === 'event' && effect.event.type === 'child.established') return this.spent - before;
        if (effect.type === 'packet.send') back.push(...this.feed({ type: 'packet', path: { uplink: 'eth0', ifindex: 9, local: effect.path.remote, remote: effect.path.local }, bytes: effect.bytes }));
      }
      between();
      out = back.flatMap((effect) => (effect.type === 'packet.send' ? side.handle({ type: 'packet', path: { ...path, local: effect.path.remote, remote: effect.path.local }, bytes: effect.bytes }, this.now) : []));
    }
    throw new Error(`router ${index} did not get in`);
  }
}

export const quantile = (values: readonly number[], share: number): number => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;

/** The figures; `most` bounds the number of IKE SAs (a smaller one for a test of the bench itself). */
export function engineFigures(most = 10_000, say: (text: string) => void = () => undefined): Figure[] {
  const out: Figure[] = [];
  const warm = new Responder();
  for (let i = 0; i < Math.min(200, most); i++) warm.handshake(i);

  say('  handshakes');
  const alone = new Responder();
  const quiet = Array.from({ length: Math.min(1_000, most) }, (_, i) => alone.handshake(i));
  out.push({ figure: 'handshakes a second as responder (one core, PSK, x25519)', value: Math.round(1000 / (quiet.reduce((a, b) => a + b, 0) / quiet.length)), unit: '' });
  out.push({ figure: 'handshake, p50', value: quantile(quiet, 0.5), unit: 'ms' }, { figure: 'handshake, p99', value: quantile(quiet, 0.99), unit: 'ms' });

  say('  handshakes in a flood');
  const flooded = new Responder();
  const packets = flood(STRANGERS);
  let floodTime = 0;
  let floodCount = 0;
  const burst = (count: number) => (): void => {
    const before = flooded.spent;
    for (let i = 0; i < count; i++) {
      const { source, bytes } = packets.next().value;
      flooded.feed({ type: 'packet', path: { uplink: 'eth0', ifindex: 9, local: { address: HUB, port: 500 }, remote: { address: source, port: 500 } }, bytes });
    }
    floodTime += flooded.spent - before;
    floodCount += count;
  };
  burst(1_000)();
  const busy = Array.from({ length: Math.min(500, most) }, (_, i) => {
    // 100 packets of the flood before each message of the honest: they are in its way.
    const spent = flooded.handshake(i, burst(100));
    flooded.now = after(flooded.now, seconds(1));
    flooded.feed({ type: 'tick' });
    return spent;
  });
  out.push({ figure: 'handshake in a half-open flood of 100 packets for each of its own, p50', value: quantile(busy, 0.5), unit: 'ms' }, { figure: 'the same, p99', value: quantile(busy, 0.99), unit: 'ms' });
  out.push({ figure: 'a packet of the flood', value: (1000 * floodTime) / floodCount, unit: 'µs' });

  for (const count of [100, 1_000, 10_000].filter((n) => n <= most)) {
    say(`  ${count} IKE SAs`);
    const before = heapNow();
    const hub = new Responder();
    for (let i = 0; i < count; i++) hub.handshake(i);
    const bytes = (heapNow() - before) / count;
    out.push({ figure: `heap for each IKE SA with a Child SA, of ${count}`, value: bytes / 1000, unit: 'kB', below: 20 });
    out.push({ figure: `computing for each, handshake included, of ${count}`, value: hub.spent / count, unit: 'ms' });
    const idle = tickTime(hub, 100, 1);
    out.push({ figure: `an idle tick with ${count} IKE SAs`, value: 1000 * idle, unit: 'µs' });
    if (count !== Math.min(10_000, most)) continue;
    hub.now = after(hub.now, minutes(3)); // liveness checks of all are due
    const start = hub.spent;
    hub.feed({ type: 'tick' });
    out.push({ figure: `a tick in which all ${count} ask for a sign of life`, value: hub.spent - start, unit: 'ms' });
  }

  const routers = Math.min(1_000, most);
  say(`  a rekey storm of ${routers} IKE SAs`);
  const storm = new Storm({ routers });
  storm.connect();
  const { took, hubMs, sent, undeliverable } = storm.rage('both');
  out.push({ figure: `storm: ${routers} Child SAs and IKE SAs rekeyed at once, from both sides: ESP packets lost of ${sent}`, value: undeliverable, unit: '', below: 1 });
  out.push({ figure: 'storm: until the last old SA is gone, round trips of 10 to 120 ms', value: took, unit: 'ms' }, { figure: "storm: the hub's computing", value: hubMs, unit: 'ms' });
  return out;
}

/** The mean time of ticks that find nothing due. */
function tickTime(hub: Responder, rounds: number, step: number): number {
  const start = hub.spent;
  for (let i = 0; i < rounds; i++) {
    hub.now = instant(hub.now + step);
    hub.feed({ type: 'tick' });
  }
  return (hub.spent - start) / rounds;
}
