import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds } from '../../src/base/index.ts';
import { SCENE } from '../sim/scene.ts';
import { during, measured, play, record, untilRest, updateSent } from './stage.ts';

test('D59-1 D5.1.1-1: carrier goes while address and route stay: the tunnel moves at once', () => {
  const stage = play({ seed: 21 });
  const { world, router, wan } = stage;
  const second = record(stage, world.link('isp2'));
  const at = world.now;
  const { outage, lost } = during(stage, seconds(5), () => world.link('isp1').unplug());
  assert.deepEqual(wan.addresses, [SCENE.wan], 'the address is still there');
  assert.ok(updateSent(second, at) < 50);
  assert.ok(outage < 300, `outage ${outage} ms`);
  assert.ok(lost <= 10, `${lost} packets lost`);
  measured('carrier lost, outage', outage);
  assert.equal(router.uplink, 'wwan0');
  assert.equal(router.all('path.moved')[0]?.reasons[0], 'carrier_lost');
  untilRest(stage);
});

test('D59-1: `ip link set down` moves as well', () => {
  const stage = play({ seed: 22 });
  const { router, wan } = stage;
  const { outage } = during(stage, seconds(5), () => wan.setDown());
  assert.ok(outage < 300, `outage ${outage} ms`);
  assert.equal(router.uplink, 'wwan0');
  untilRest(stage);
});

test('D59-1: only the default route goes, as ubus never tells', () => {
  const stage = play({ seed: 23 });
  const { router, wan } = stage;
  const { outage } = during(stage, seconds(5), () => wan.removeDefault(4));
  assert.ok(outage < 300, `outage ${outage} ms`);
  assert.equal(router.uplink, 'wwan0');
  assert.equal(router.all('path.moved')[0]?.reasons[0], 'route_lost');
  untilRest(stage);
});
