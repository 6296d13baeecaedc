import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, minutes, seconds } from '../../src/base/index.ts';
import { SCENE } from '../sim/scene.ts';
import { thorough } from '../tools/thorough.ts';
import { play, untilRest } from './stage.ts';

test('I2.8-1 I2.8-3: Child SA and IKE SA are rekeyed every few seconds on a line that reorders: no packet is lost', () => {
  const nat = { publicAddress: SCENE.wanPublic };
  const stage = play({ seed: 630, rate: 100, wan: { rtt: millis(30), nat, reorder: 0.2, jitter: millis(8) }, connection: ["option child_lifetime '20'", "option ike_lifetime '60'"] }, false);
  const { world, router, stream } = stage;
  stream.start();
  const MINUTES = thorough ? 4 : 2;
  world.runFor(minutes(MINUTES));
  stream.stop();
  world.runFor(seconds(5));
  assert.ok(router.all('child.rekeyed').length >= 2.5 * MINUTES, `${router.all('child.rekeyed').length} rekeyings of the Child SA`);
  assert.ok(router.all('ike.rekeyed').length >= 0.75 * MINUTES, `${router.all('ike.rekeyed').length} of the IKE SA`);
  assert.deepEqual([stream.result().lost, stream.result().duplicated], [0, 0]);
  untilRest(stage);
});
