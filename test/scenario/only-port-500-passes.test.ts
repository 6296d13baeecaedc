import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds } from '../../src/base/index.ts';
import { openScene } from '../sim/scene.ts';
import { measured, suite, untilRest } from './stage.ts';

// Found by random worlds 111, 145, 5154, 5170 and 5259: IKE_SA_INIT was answered over the first uplink for ever, and IKE_AUTH never.
test('M3.1-1: the preferred uplink lets port 500 through and swallows 4500: the tunnel is set up over the other one within seconds', () => {
  const stage = openScene({ suite, seed: 8300 });
  const { world, router, hub, stream } = stage;
  world.link('isp1').filters.push('udp-4500');
  const took = stage.establish(seconds(15));
  measured('port 4500 blocked on the first uplink, set up after', took);
  assert.ok(took < 6000, `${took} ms`);
  assert.equal(router.uplink, 'wwan0');
  stream.start();
  world.runFor(seconds(60));
  assert.equal(stream.result(0, stream.mark - 10).lost, 0);
  assert.equal((hub.ask('connections') as readonly unknown[]).length, 1);
  untilRest(stage);
});

test('M3.1-1: the same when the tunnel is set up anew', () => {
  const stage = openScene({ suite, seed: 8301 });
  const { world, router } = stage;
  stage.establish();
  world.link('isp1').filters.push('udp-4500');
  router.crash();
  world.runFor(seconds(1));
  router.start();
  const took = world.runUntil(() => router.up, seconds(15), 'the tunnel');
  assert.ok(took < 6000, `${took} ms`);
  assert.equal(router.uplink, 'wwan0');
  world.runFor(seconds(1));
  untilRest(stage);
});
