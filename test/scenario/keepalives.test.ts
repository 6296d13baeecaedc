import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, minutes, seconds } from '../../src/base/index.ts';
import { during, measured, play, record, untilOn } from './stage.ts';

test('N-i NK-1 NK-2: one octet 0xff every 20 s on the current path only; on an unmetered one a check instead', () => {
  const metered = ['wan0', 'wwan0'].map((name) => `config uplink '${name}'\n option device '${name}'\n option metered '1'\n option keepalive '20'\n`).join('');
  const stage = play({ seed: 590, router: metered }, false);
  const { world } = stage;
  const first = record(stage, world.link('isp1'));
  const second = record(stage, world.link('isp2'));
  world.runFor(minutes(10));
  const keepalives = first.filter((p) => p.kind === 'keepalive');
  assert.ok(keepalives.length >= 19 && keepalives.length <= 30, `${keepalives.length} in ten minutes`);
  assert.ok(keepalives.every((p) => p.direction === 'up' && p.packet.bytes.length === 1 && p.packet.bytes[0] === 0xff));
  assert.equal(second.filter((p) => p.kind === 'keepalive').length, 0);
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(minutes(2));
  assert.ok(second.some((p) => p.kind === 'keepalive'), 'after a move they are sent on the new path');
  const free = play({ seed: 590 }, false);
  const passed = record(free, free.world.link('isp1'));
  free.world.runFor(minutes(2));
  assert.equal(passed.filter((p) => p.kind === 'keepalive').length, 0);
  assert.ok(passed.filter((p) => p.direction === 'up' && p.kind === 'ike' && !p.isResponse).length >= 4);
});

test('NK-2: none while traffic flows', () => {
  const stage = play({ seed: 591, rate: 5 });
  const passed = record(stage, stage.world.link('isp1'));
  stage.world.runFor(minutes(3));
  assert.equal(passed.filter((p) => p.kind === 'keepalive').length, 0);
});

test('D5.2.3-1: none without a NAT', () => {
  const stage = play({ seed: 592, wan: { rtt: millis(30) }, wwan: { rtt: millis(60) } }, false);
  const passed = record(stage, stage.world.link('isp1'));
  stage.world.runFor(minutes(5));
  assert.equal(passed.filter((p) => p.kind === 'keepalive').length, 0);
});

test('an idle hour sends little, and little of it on the standby; a metered standby is asked every five minutes at most', () => {
  for (const metered of [false, true]) {
    const sections = `config uplink 'a'\n option device 'wan0'\nconfig uplink 'b'\n option device 'wwan0'\n option metered '${metered ? 1 : 0}'\n`;
    const stage = play({ seed: 593, router: sections }, false);
    const { world } = stage;
    world.runFor(minutes(10));
    const first = record(stage, world.link('isp1'));
    const second = record(stage, world.link('isp2'));
    world.runFor(minutes(60));
    const name = metered ? 'metered' : 'unmetered';
    measured(`idle hour, datagrams both ways on the current path (standby ${name})`, first.length);
    measured(`idle hour, datagrams both ways on the ${name} standby`, second.length);
    assert.ok(first.length < 500, `${first.length} on the current path`);
    const probes = second.filter((p) => p.direction === 'up');
    assert.ok(probes.length <= (metered ? 13 : 65), `${probes.length} probes`);
    if (metered) for (let i = 1; i < probes.length; i++) assert.ok((probes[i]?.at ?? 0) - (probes[i - 1]?.at ?? 0) >= 300_000 * 0.99, 'five minutes between two');
  }
});

test('D5.1.3-2: under 30 % loss on both uplinks the tunnel stays up and IKE stays within its budget', () => {
  const stage = play({ seed: 594, rate: 10 });
  const { world, router } = stage;
  const before = router.counts.ikeSent;
  const { answered, sent } = during(stage, minutes(3), () => {
    world.link('isp1').set({ loss: 0.16 });
    world.link('isp2').set({ loss: 0.16 });
  });
  const rate = (router.counts.ikeSent - before) / 180;
  measured('30 % loss: IKE datagrams a second', rate);
  assert.ok(rate < 2, `${rate} a second`);
  assert.ok(answered / sent > 0.6, `${answered} of ${sent}`);
  assert.equal(router.all('connection.closed').length, 0);
  world.link('isp1').set({ loss: 0 });
  world.link('isp2').set({ loss: 0 });
  world.runFor(seconds(30));
});
