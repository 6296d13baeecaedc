import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, seconds, type JsonObject } from '../../src/base/index.ts';
import { Prng, type OuterPacket } from '../sim/index.ts';
import { SCENE } from '../sim/scene.ts';
import { play, record, untilRest } from './stage.ts';

const COUNT = 100_000;

/** What must not change: the connection's document without counters and times, and the SAs. */
function state(host: ReturnType<typeof play>['router']): unknown {
  const scrub = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(scrub);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).filter(([key]) => !key.endsWith('_ms') && !key.endsWith('packets') && !key.endsWith('bytes')).map(([key, v]) => [key, scrub(v)]));
  };
  return scrub([host.connection() as JsonObject, host.watch.spis('in'), host.watch.spis('out'), host.kernel.dump()]);
}

test('M5.4-1 I2.4-2 I3.14-2: garbage, mutations and replays of real traffic to both ends: no state changes, no packet is lost', () => {
  const stage = play({ seed: 610, rate: 20 });
  const { world, router, hub, wan, stream } = stage;
  const seen: OuterPacket[] = [];
  for (const p of [world.link('isp1'), world.link('hub')]) for (const list of [record(stage, p)]) world.after(4900, () => seen.push(...list.map((x) => x.packet)));
  router.ask('rekey', { name: 'lan' });
  world.runFor(seconds(1));
  hub.ask('rekey', { name: 'hq' });
  world.runFor(seconds(4));
  assert.ok(seen.length > 100);
  untilRest(stage);
  const before = [state(router), state(hub)];
  const events = [router.events.length, hub.events.length];
  const mark = stream.mark;
  const prng = new Prng(610);
  const sources = [SCENE.hub, SCENE.wanPublic, SCENE.wwanPublic, ip('198.51.100.66')];
  for (let i = 0; i < COUNT; i++) {
    let bytes: Uint8Array;
    if (prng.chance(0.3)) bytes = prng.bytes(prng.range(0, 120));
    else {
      bytes = prng.pick(seen).bytes.slice();
      // One in four is a plain replay.
      for (let n = prng.range(0, 3); n > 0; n--) bytes[prng.range(0, Math.min(bytes.length, 60) - 1)] = prng.u32() & 255;
      if (prng.chance(0.1)) bytes = bytes.slice(0, prng.range(0, bytes.length));
    }
    const port = prng.chance(0.8) ? 4500 : 500;
    const [host, local, ifindex] = prng.chance(0.5) ? ([router, SCENE.wan, wan.ifindex] as const) : ([hub, SCENE.hub, hub.device('eth0').ifindex] as const);
    const remote = { address: prng.pick(sources), port: prng.pick([500, 4500, 20_000, 20_001, 20_002]) };
    const marked = bytes.length > 4 && bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0;
    const datagram = { ifindex, local: { address: local, port }, remote, bytes };
    // A replayed request is answered to where it came from.
    host.watch.pairs.mayAnswer = ({ source, destination }) => source.address === local && source.port === port && destination.address === remote.address && destination.port === remote.port;
    if (port === 500 || marked) host.push({ type: 'udp.received', ...datagram });
    else if (bytes.length > 4) for (const input of host.plane.inbound(datagram, world.now).inputs) host.push(input);
    if (i % 100 === 0) world.runFor(millis(20));
  }
  world.runFor(seconds(5));
  assert.deepEqual([state(router), state(hub)], before);
  assert.deepEqual([router.events.length, hub.events.length], events);
  const { lost, duplicated } = stream.result(mark, stream.mark - 10);
  assert.equal(lost, 0);
  assert.equal(duplicated, 0);
  world.runFor(seconds(40));
  untilRest(stage);
});
