import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { during, measured, play, untilOn, untilRest } from './stage.ts';

test('I2.4-4: the router is killed and starts again: INITIAL_CONTACT removes its old SAs at the hub', () => {
  const stage = play({ seed: 420 });
  const { world, router, hub } = stage;
  const { outage } = during(stage, seconds(10), () => {
    router.crash();
    world.runFor(millis(500));
    router.start();
  });
  measured('router killed, back after 0.5 s, outage', outage);
  assert.ok(outage < 2500, `outage ${outage} ms`);
  assert.ok(router.counts.blocked > 0, 'packets met the unreachable route while the daemon was away');
  untilRest(stage);
  assert.equal((hub.ask('connections') as readonly unknown[]).length, 1, 'one IKE SA at the hub');
});

test('I2.4-4: killed in the middle of a move', () => {
  const stage = play({ seed: 421 });
  const { world, router } = stage;
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(millis(20));
  router.crash();
  world.runFor(seconds(1));
  router.start();
  world.runUntil(() => router.up, seconds(5), 'the tunnel');
  world.runFor(seconds(3));
  untilRest(stage);
});

test('I2.4-4: a restart while the hub cannot be reached, then it can', () => {
  const stage = play({ seed: 422 });
  const { world, router } = stage;
  router.crash();
  world.link('hub').blackHole();
  router.start();
  world.runFor(seconds(120));
  assert.equal(router.up, false);
  world.link('hub').heal();
  world.runUntil(() => router.up, seconds(70), 'the tunnel');
  world.runFor(seconds(3));
  untilRest(stage);
});
