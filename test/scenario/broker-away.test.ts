import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, minutes, seconds, type JsonObject } from '../../src/base/index.ts';
import { MessageBroker } from '../sim/index.ts';
import type { Scene } from '../sim/scene.ts';
import { thorough } from '../tools/thorough.ts';
import { during, measured, play, untilOn, untilRest } from './stage.ts';

const ADDRESS = ip('192.0.2.99');

/** `config mqtt` towards a broker on the Internet. */
const section = (more = ''): string => `config mqtt 'report'\n option broker 'mqtt://${ADDRESS}'\n option interval '600'\n${more}`;

function withBroker(seed: number, more = '', rate = 2): { stage: Scene; broker: MessageBroker } {
  let broker: MessageBroker | undefined;
  const stage = play({
    seed, rate, router: section(more),
    prepare: ({ world }) => {
      broker = new MessageBroker(world, { address: ADDRESS, port: 1883 });
      broker.attach(world.link('broker', {}));
    },
  });
  assert.ok(broker);
  return { stage, broker };
}

/** The numbers of the events a subscriber saw, in order. */
const seen = (broker: MessageBroker): number[] => broker.seen.filter((m) => m.topic === 'mobiked/router/event').map((m) => Number((JSON.parse(m.payload) as JsonObject)['seq']));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

test("the report of a failover goes out over the new path, at once", () => {
  const { stage, broker } = withBroker(500);
  const { world } = stage;
  world.runFor(seconds(5));
  const at = world.now;
  world.link('isp1').unplug();
  world.runUntil(() => broker.seen.some((m) => m.payload.includes('path.moved')), seconds(10), 'the report');
  measured('failover to its report at the broker', world.now - at);
  assert.ok(world.now - at < 3000, `${world.now - at} ms`);
  assert.ok(!broker.seen.some((m) => m.payload.includes('offline')), 'the will is not sent for it');
  untilRest(stage);
});

test('the broker is away for an hour while uplinks fail over: no event is lost, none is repeated as new', () => {
  const { stage, broker } = withBroker(501);
  const { world, router } = stage;
  world.runFor(seconds(5));
  broker.stop();
  const FAILOVERS = thorough ? 12 : 4;
  for (let i = 0; i < FAILOVERS; i++) {
    world.link('isp1').unplug();
    untilOn(stage, 'wwan0');
    world.runFor(minutes(2));
    world.link('isp1').plug();
    world.runFor(minutes(3));
  }
  broker.start();
  world.runFor(minutes(3));
  const count = router.events.at(-1)?.seq ?? 0;
  assert.ok(count > (50 * FAILOVERS) / 12, `${count} events`);
  const numbers = seen(broker);
  assert.deepEqual([...new Set(numbers)].sort((a, b) => a - b), upTo(count));
  assert.deepEqual(numbers, upTo(count), 'in order, each once');
  untilRest(stage);
});

test('the broker comes and goes during failovers: repeated ones carry the same number, and none is missing', () => {
  const { stage, broker } = withBroker(502);
  const { world, router } = stage;
  world.runFor(seconds(5));
  for (let i = 0; i < 8; i++) {
    world.after(i * 200, () => broker.stop());
    world.after(i * 200 + 3000 + i * 500, () => broker.start());
    world.link('isp1').unplug();
    untilOn(stage, 'wwan0');
    world.runFor(seconds(20));
    world.link('isp1').plug();
    world.runFor(seconds(40));
  }
  world.runFor(minutes(2));
  const count = router.events.at(-1)?.seq ?? 0;
  assert.deepEqual([...new Set(seen(broker))].sort((a, b) => a - b), upTo(count));
  const bodies = new Map<number, string>();
  for (const m of broker.seen.filter((x) => x.topic.endsWith('/event'))) {
    const seq = Number((JSON.parse(m.payload) as JsonObject)['seq']);
    assert.equal(bodies.get(seq) ?? m.payload, m.payload, 'an event is repeated with the same octets');
    bodies.set(seq, m.payload);
  }
});

test('beyond its bound the queue drops the oldest, and says so', () => {
  const { stage, broker } = withBroker(503, " option queue '10'\n");
  const { world } = stage;
  world.runFor(seconds(5));
  broker.stop();
  for (let i = 0; i < 5; i++) {
    world.link('isp1').unplug();
    untilOn(stage, 'wwan0');
    world.runFor(seconds(20));
    world.link('isp1').plug();
    world.runFor(minutes(4));
  }
  broker.start();
  world.runFor(minutes(3));
  const drops = broker.seen.filter((m) => m.payload.includes('events.dropped'));
  assert.ok(drops.length > 0, 'the drop is an event itself');
});

test('a broker inside the tunnel: its connection is kept across a move', () => {
  let connections = 0;
  const stage = play({ seed: 504, rate: 5, router: "config mqtt 'report'\n option broker 'mqtt://10.2.0.50'\n option interval '600'\n" });
  const { world, router, hub } = stage;
  const broker = new MessageBroker(world, { address: ip('10.2.0.50'), port: 1883 });
  let lastPort = 0;
  hub.listenInner(6, broker.endpoint, (packet, reply) => {
    if (packet.source.port !== lastPort) connections++;
    lastPort = packet.source.port;
    broker.receive(packet.source, packet.payload, new Uint8Array([0x63, 0x6c, 0x65, 0x61, 0x72, 0x21, 0x7e, 0x7e]), reply);
  });
  world.runUntil(() => broker.clients.length === 1, seconds(90), 'the session');
  const before = connections;
  during(stage, seconds(20), () => world.link('isp1').unplug());
  assert.ok(broker.seen.some((m) => m.payload.includes('path.moved')));
  assert.equal(connections, before, 'the same TCP connection');
  assert.equal(router.uplink, 'wwan0');
});
