import { test } from 'node:test';
import assert from 'node:assert/strict';
import { minutes, seconds } from '../../src/base/index.ts';
import { during, play, untilOn, untilRest } from './stage.ts';

test('F-9: the better uplink returns, but is dead behind its modem: never taken, nothing is lost', () => {
  const stage = play({ seed: 71, rate: 5 });
  const { world, router } = stage;
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(10));
  world.link('isp1').blackHole();
  const { lost, outage } = during(stage, minutes(10), () => world.link('isp1').plug());
  assert.equal(lost, 0);
  assert.equal(outage, 0);
  assert.equal(router.uplink, 'wwan0');
  assert.equal(router.all('path.moved').length, 1);
  world.link('isp1').heal();
  const took = untilOn(stage, 'wan0', minutes(6));
  assert.ok(took >= 10_000, `${took} ms`);
  untilRest(stage);
});

test('F-9: it lets IKE through one way only: probes go out and nothing comes back', () => {
  const stage = play({ seed: 72, rate: 10 });
  const { world, router } = stage;
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(10));
  world.link('isp1').blackHole('down');
  const { lost } = during(stage, minutes(3), () => world.link('isp1').plug());
  assert.equal(lost, 0);
  assert.equal(router.uplink, 'wwan0');
});

test('F-9: it answers twice and dies within the hold-down: not taken', () => {
  const stage = play({ seed: 73, rate: 10 });
  const { world, router } = stage;
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(10));
  const { lost } = during(stage, minutes(2), () => {
    world.link('isp1').plug();
    world.after(7000, () => world.link('isp1').blackHole());
  });
  assert.equal(lost, 0);
  assert.equal(router.uplink, 'wwan0');
});
