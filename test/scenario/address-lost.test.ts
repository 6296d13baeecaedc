import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, seconds } from '../../src/base/index.ts';
import { SCENE } from '../sim/scene.ts';
import { during, measured, play, record, untilOn, untilRest, updateSent } from './stage.ts';

test('D59-1 M3.5-3 M3.5-7: the address of the current uplink goes: update within 50 ms, outage under 300 ms', () => {
  const stage = play({ seed: 11 });
  const { world, router, hub, wan } = stage;
  const second = record(stage, world.link('isp2'));
  const at = world.now;
  const { outage, lost } = during(stage, seconds(5), () => wan.loseAddress(SCENE.wan));
  measured('address lost, update sent after', updateSent(second, at));
  measured('address lost, outage', outage);
  assert.ok(updateSent(second, at) < 50, `update after ${updateSent(second, at)} ms`);
  assert.ok(outage < 300, `outage ${outage} ms`);
  assert.ok(lost <= 10, `${lost} packets lost`);
  const [moved] = router.all('path.moved');
  assert.deepEqual([moved?.from_uplink, moved?.to_uplink], ['wan0', 'wwan0']);
  assert.deepEqual(moved?.reasons[0], 'address_lost');
  assert.equal(hub.all('path.moved').length, 1);
  untilRest(stage);
});

test('M3.5-2: another address replaces it on the same uplink: the tunnel stays there, from the new address', () => {
  const stage = play({ seed: 12 });
  const { router, wan } = stage;
  const { outage } = during(stage, seconds(5), () => {
    wan.connect([{ address: ip('192.168.1.77'), length: 24 }]);
    wan.loseAddress(SCENE.wan);
  });
  assert.ok(outage < 300, `outage ${outage} ms`);
  untilOn(stage, 'wan0');
  untilRest(stage);
  assert.match(JSON.stringify(router.connection()), /192\.168\.1\.77:4500/);
});

test('M3.5-4: both uplinks lose and regain addresses in turn, and no packet is answered twice', () => {
  const stage = play({ seed: 13, rate: 20 });
  const { world, wan, wwan, stream } = stage;
  for (let round = 0; round < 3; round++) {
    wan.disconnect();
    world.runFor(seconds(3));
    wan.connect();
    untilOn(stage, 'wan0', seconds(60));
    world.runFor(seconds(3));
    wwan.disconnect();
    world.runFor(seconds(1));
    wwan.connect();
    world.runFor(seconds(3));
  }
  const { lost, duplicated } = stream.result(0, stream.mark - 10);
  assert.ok(lost < 16, `${lost} lost in three rounds`);
  assert.equal(duplicated, 0);
  untilRest(stage);
});
