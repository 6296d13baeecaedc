import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, minutes, seconds } from '../../src/base/index.ts';
import { isEspInUdp, type OuterPacket } from '../sim/index.ts';
import { SCENE, type DaemonHost } from '../sim/scene.ts';
import { Sender } from './large-packets.ts';
import { play, untilRest } from './stage.ts';

/** Nobody asks; what is known, a router told. */
const QUIET = { connection: ["option mtu_probe 'off'"], hubConnection: ["option mtu_probe 'off'"] };
const COPY = { connection: [...QUIET.connection, "option df 'copy'"], hubConnection: [...QUIET.hubConnection, "option df 'copy'"] };
/** Narrow in the middle; only wan. */
const NARROW = 1300;
/** What is left of it inside: 20 IP, 8 UDP, 8 ESP, 8 IV, 16 ICV and 2 of trailer are outside, and blocks have 4 octets. */
const INSIDE = 1238;

const lines = (host: DaemonHost): string[] => host.logs.filter((l) => l.level === 'info' && (l.text.includes('octets and no more') || l.text.includes('tried again') || l.text.includes('ignored'))).map((l) => l.text);

for (const side of ['router', 'hub'] as const) {
  test(`ES3-4 RFC 4301 §8.2: df copy: the ${side} learns a narrow path from one lost packet, tells inside once, and tries larger ones after ten minutes`, () => {
    const stage = play({ seed: 700, rate: 4, ...COPY, prepare: ({ world }) => world.link('isp1').set({ pathMtu: NARROW }) });
    const { world } = stage;
    const sender = new Sender(stage, side);
    sender.run(40);
    // The first found it out, perhaps another was on its way; the next one was told.
    assert.deepEqual(sender.told, [INSIDE]);
    assert.ok(sender.sent - sender.arrived.length <= 3, `${sender.sent - sender.arrived.length} of ${sender.sent} lost`);
    assert.ok(sender.arrived.every((size) => size === INSIDE));
    assert.equal(lines(stage[side]).length, 1, lines(stage[side]).join('\n'));
    assert.match(lines(stage[side])[0] ?? '', /carries packets of 1300 octets and no more: 1238 inside/);
    assert.equal(lines(stage[side === 'router' ? 'hub' : 'router']).length, 0);
    assert.equal((stage[side].connection()['path'] as { mtu?: number }).mtu, NARROW, 'people see it');
    // Ten minutes later, and the way has become wide.
    world.link('isp1').set({ pathMtu: 1500 });
    world.runFor(minutes(10));
    sender.size = 1400;
    sender.arrived = [];
    sender.run(10);
    assert.deepEqual(sender.told, [INSIDE]);
    assert.deepEqual(new Set(sender.arrived), new Set([1400]));
    assert.match(lines(stage[side])[1] ?? '', /larger packets are tried again/);
    assert.equal('mtu' in (stage[side].connection()['path'] as object), false);
    untilRest(stage);
  });
}

test('ES3-4: what was learned is of that path: another uplink carries large packets at once, and the way back is known', () => {
  const stage = play({ seed: 701, ...COPY, prepare: ({ world }) => world.link('isp1').set({ pathMtu: NARROW }) });
  const { world, router } = stage;
  const sender = new Sender(stage, 'router');
  sender.run(5);
  world.link('isp1').unplug();
  world.runFor(seconds(5));
  assert.equal(router.uplink, 'wwan0');
  sender.size = 1400;
  sender.arrived = [];
  sender.run(5);
  assert.deepEqual(sender.arrived, [1400, 1400, 1400, 1400, 1400]);
  world.link('isp1').plug();
  world.runFor(seconds(30));
  assert.equal(router.uplink, 'wan0');
  sender.run(5);
  assert.deepEqual(sender.told, [INSIDE, INSIDE]);
  assert.equal(lines(router).length, 1, 'it was known still');
});

test('ES3-4: outer IPv6 is never cut on its way: the path MTU is learned without any option', () => {
  const wan = { rtt: millis(30), pathMtu: 1400 };
  const stage = play({ seed: 702, ipv6: true, wan, ...QUIET });
  const sender = new Sender(stage, 'router');
  sender.run(20);
  // No NAT is here: without the eight octets of UDP.
  assert.deepEqual(sender.told, [1326]);
  assert.ok(sender.arrived.length >= 17 && sender.arrived.every((size) => size === 1326));
});

test('ES3-4: a forged too big (wrong SPI, address, port, old sequence number, absurd MTU) changes nothing', () => {
  const stage = play({ seed: 703, ...COPY });
  const { world, router } = stage;
  const link = world.link('isp1');
  const esp: OuterPacket[] = [];
  link.tap((packet, direction) => {
    if (direction === 'up' && isEspInUdp(packet)) esp.push(packet);
  });
  const sender = new Sender(stage, 'router');
  sender.run(10);
  const real = esp.at(-1);
  assert.ok(real);
  const changed = (at: number, by: number): OuterPacket => {
    const bytes = real.bytes.slice();
    bytes[at] = (bytes[at] ?? 0) ^ by;
    return { ...real, bytes };
  };
  const forged: readonly OuterPacket[] = [
    changed(0, 0x80), changed(3, 1), changed(4, 0x40), changed(6, 0x80), { ...real, bytes: real.bytes.subarray(0, 7) }, { ...real, bytes: new Uint8Array(100) },
    { ...real, destination: { ...real.destination, port: 4501 } }, { ...real, destination: { ...real.destination, address: SCENE.server } },
    { ...real, source: { ...real.source, port: 500 } }, { ...real, source: { ...real.source, address: ip('192.168.1.3') } }, { ...real, protocol: 'tcp' },
  ];
  for (const packet of forged) link.tell(packet, 600);
  for (const absurd of [0, 68, 575]) link.tell(real, absurd);
  sender.run(10);
  assert.deepEqual(sender.told, []);
  assert.deepEqual(sender.arrived.slice(-5), [1400, 1400, 1400, 1400, 1400]);
  assert.equal(lines(router).length, 1, 'the absurd is said once');
  assert.match(lines(router)[0] ?? '', /ignored/);
  // The right one does, once the port listens again.
  world.runFor(seconds(1));
  link.tell(real, 1300);
  sender.run(10);
  assert.deepEqual(sender.told, [INSIDE]);
});

test('ES3-4: df clear never sets DF outside', () => {
  const stage = play({ seed: 704, ...QUIET });
  let whole = 0;
  for (const link of ['isp1', 'hub']) stage.world.link(link).tap((packet) => (whole += packet.dontFragment === true ? 1 : 0));
  new Sender(stage, 'router').run(5);
  assert.equal(whole, 0);
});
