import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, minutes, seconds } from '../../src/base/index.ts';
import { SCENE } from '../sim/scene.ts';
import { during, measured, play, untilOn, untilRest } from './stage.ts';

const INSIDE = ip('10.99.0.2');
const STATIC = {
  hubDevices: [{ name: 'eth0', link: 'hub', metric: 1, addresses: [{ address: INSIDE, length: 24 }], options: { rtt: millis(0), nat: { publicAddress: SCENE.hub, oneToOne: INSIDE } } }],
} as const;

for (const behind of [true, false]) {
  test(`D5.2.4-1: the hub is behind a static NAT, the router ${behind ? 'behind NATs of its own' : 'is not'}: set-up, a lost address, a black hole, the NAT of the router restarted`, () => {
    const links = behind ? {} : { wan: { rtt: millis(30) }, wwan: { rtt: millis(60) } };
    const stage = play({ seed: 8601, ...STATIC, ...links });
    const { world, router, hub, wan } = stage;
    assert.ok(['remote', 'both'].includes(String(router.connection()['nat'])), `the router sees the hub's NAT: ${String(router.connection()['nat'])}`);
    assert.ok(['local', 'both'].includes(String(hub.connection()['nat'])), `the hub sees its own: ${String(hub.connection()['nat'])}`);
    assert.deepEqual(hub.watch.pairs.paths.map((p) => p.local.address), [INSIDE]);
    const lost = during(stage, seconds(5), () => wan.disconnect());
    measured('hub behind a static NAT, address lost, outage', lost.outage);
    assert.ok(lost.outage < 300, `outage ${lost.outage} ms`);
    assert.equal(router.uplink, 'wwan0');
    wan.connect();
    untilOn(stage, 'wan0', seconds(60));
    const hole = during(stage, seconds(8), () => world.link('isp1').blackHole());
    assert.ok(hole.outage < 3000, `outage ${hole.outage} ms`);
    world.link('isp1').heal();
    world.link('isp2').nat?.reboot();
    world.runFor(minutes(3));
    untilOn(stage, 'wan0', minutes(6));
    const mark = stage.stream.mark;
    world.runFor(seconds(3));
    assert.equal(stage.stream.result(mark, stage.stream.mark - 10).lost, 0);
    assert.equal(router.all('connection.established').length, 1);
    untilRest(stage);
  });
}
