import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { SCENE, type Scene } from '../sim/scene.ts';
import { during, measured, play, untilOn, untilRest } from './stage.ts';

const PLAIN = { wan: { rtt: millis(30) }, wwan: { rtt: millis(60) } };

test('outer IPv6: address lost, back again', () => {
  const stage = play({ seed: 580, ipv6: true, ...PLAIN });
  const { world, router, wan } = stage;
  const { outage } = during(stage, seconds(5), () => wan.loseAddress(SCENE.wan6));
  measured('outer IPv6, address lost, outage', outage);
  assert.ok(outage < 300, `outage ${outage} ms`);
  assert.equal(router.uplink, 'wwan0');
  untilRest(stage);
  const { lost } = during(stage, seconds(30), () => wan.connect());
  assert.equal(lost, 0);
  assert.equal(router.uplink, 'wan0');
  assert.equal(world.link('isp1').nat, undefined);
});

test('outer IPv6: black hole', () => {
  const stage = play({ seed: 581, ipv6: true, ...PLAIN });
  stage.world.runFor(seconds(5));
  const { outage } = during(stage, seconds(5), () => stage.world.link('isp1').blackHole());
  assert.ok(outage < 2500, `outage ${outage} ms`);
  untilRest(stage);
});

/** wan speaks IPv4 only and wwan IPv6 only; the hub has both, and the router knows both. */
const mixed = ({ router, hub, wwan }: Scene): void => {
  wwan.disconnect();
  wwan.connect([{ address: SCENE.wwan6, length: 64 }]);
  hub.device('eth0').connect([{ address: SCENE.hub6, length: 64 }]);
  router.config = router.config.replace(`list remote_addrs '${SCENE.hub}'`, `list remote_addrs '${SCENE.hub}'\n list remote_addrs '${SCENE.hub6}'`);
};

test('K-3 D5.1.2-2: from IPv4 behind a NAT to IPv6 without, and back', () => {
  const stage = play({ seed: 582, prepare: mixed });
  const { world, router } = stage;
  assert.equal(router.uplink, 'wan0');
  const { outage } = during(stage, seconds(3), () => world.link('isp1').unplug());
  measured('IPv4 to IPv6, outage', outage);
  assert.ok(outage < 300, `outage ${outage} ms`);
  assert.match(JSON.stringify(router.connection()['path']), /2001:db8:2::2/);
  // The hub asks for encapsulation by a wrong hash of its own, so a NAT seems to be before it; ours is gone.
  assert.ok(['none', 'remote'].includes(String(router.connection()['nat'])));
  untilRest(stage);
  const { lost } = during(stage, seconds(20), () => world.link('isp1').plug());
  assert.equal(lost, 0);
  untilOn(stage, 'wan0', seconds(10));
  untilRest(stage);
});

test('D2-1: both families on one uplink, the IPv6 address still tentative: IPv4 carries, nothing waits', () => {
  const stage = play({
    seed: 583,
    prepare: (scene) => {
      const { router, hub, wan } = scene;
      router.kernel.addAddress(wan.ifindex, SCENE.wan6, 64, { tentative: true });
      wan.addDefault(6);
      hub.device('eth0').connect([{ address: SCENE.hub6, length: 64 }]);
      router.config = router.config.replace(`list remote_addrs '${SCENE.hub}'`, `list remote_addrs '${SCENE.hub6}'\n list remote_addrs '${SCENE.hub}'`);
    },
  });
  assert.match(JSON.stringify(stage.router.connection()['path']), /192\.168\.1\.2/);
  const { lost } = during(stage, seconds(5), () => stage.router.kernel.addAddress(stage.wan.ifindex, SCENE.wan6, 64));
  assert.equal(lost, 0);
});
