import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, minutes, seconds, type JsonObject } from '../../src/base/index.ts';
import type { Scene } from '../sim/scene.ts';
import { Sender } from './large-packets.ts';
import { EXCHANGE, play, record, untilRest, type Passed } from './stage.ts';

/** Routers on it do not tell, and nobody cuts: fragments are dropped with IPv4, and there are none with IPv6. */
const SILENT = { pathMtu: 1400, icmp: false } as const;
const isOn = (stage: Scene, uplink: string): void => assert.equal(stage.router.uplink, uplink);
const mtuOf = (stage: Scene, side: 'router' | 'hub'): unknown => (stage[side].connection()['path'] as JsonObject | undefined)?.['mtu'];

for (const ipv6 of [false, true])
  test(`F-4: the tunnel moves to an uplink that silently swallows large packets: both ends find out in seconds, and large packets of both sides pass (outer IPv${ipv6 ? 6 : 4})`, () => {
    const stage = play({ seed: 720 + Number(ipv6), ipv6, wwan: { rtt: millis(60), ...SILENT } });
    const { world } = stage;
    const [up, down] = [new Sender(stage, 'router'), new Sender(stage, 'hub')];
    up.run(5);
    down.run(5);
    assert.deepEqual([up.told, down.told, up.arrived.length, down.arrived.length], [[], [], 5, 5]);
    stage.router.ask('switch', { connection: 'hq', uplink: 'wwan0' });
    world.runFor(seconds(8));
    isOn(stage, 'wwan0');
    for (const side of ['router', 'hub'] as const) assert.equal(mtuOf(stage, side), 1400, side);
    for (const sender of [up, down]) {
      sender.arrived = [];
      sender.run(10);
      assert.equal(sender.told.length, 1);
      assert.equal(sender.arrived.length, 9, 'all but the one that was told');
    }
    // Back where all passes: at once, since it is known.
    stage.router.ask('switch', { connection: 'hq', uplink: 'wan0' });
    world.runFor(seconds(1));
    up.size = 1400;
    up.arrived = [];
    up.run(5);
    assert.equal(up.arrived.length, 5);
    untilRest(stage);
  });

test('F-4: a path that carries what its link does costs one exchange of each end, and none for ten minutes after', () => {
  let passed: readonly Passed[] = [];
  const stage = play({ seed: 722, prepare: (scene) => (passed = record(scene, scene.world.link('isp1'))) }, false);
  const { world } = stage;
  world.runFor(seconds(5));
  const large = passed.filter((p) => p.kind === 'ike' && p.packet.dontFragment === true);
  assert.deepEqual(large.map((p) => [p.direction, p.exchange, p.packet.bytes.length]).sort(), [['down', EXCHANGE.INFORMATIONAL, 1472], ['up', EXCHANGE.INFORMATIONAL, 1472]]);
  world.runFor(minutes(9));
  assert.equal(passed.filter((p) => p.packet.dontFragment === true).length, 2);
});

test('F-4: `mtu_probe off` at both ends: no packet is padded', () => {
  const off = ["option mtu_probe 'off'"];
  const stage = play({ seed: 723, connection: off, hubConnection: off }, false);
  const passed = record(stage, stage.world.link('isp1'));
  stage.world.runFor(seconds(30));
  assert.ok(passed.every((p) => p.packet.bytes.length < 600));
});
