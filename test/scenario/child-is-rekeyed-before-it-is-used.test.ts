import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { openScene } from '../sim/scene.ts';
import { suite, untilRest } from './stage.ts';

// Found by the random driver, seed 801: the first packet under the old SA came when the new one was in use already.
for (const at of [1, 5, 10, 14, 16, 20, 25, 29, 31, 40]) {
  test(`I2.8-1: the hub rekeys a Child SA ${at} ms after it made it, before any packet came on it: traffic flows both ways`, () => {
    const stage = openScene({ suite, seed: 700 + at });
    const { world, router, hub, stream } = stage;
    hub.start();
    router.start();
    world.runUntil(() => hub.up, seconds(2), 'the hub');
    world.runFor(millis(at));
    hub.ask('rekey', { name: 'lan' });
    world.runUntil(() => router.up, seconds(2), 'the router');
    // The first packet leaves on the old SA, when the hub is about to hear that the new one stands.
    world.runFor(millis(at + 2));
    stream.start();
    world.runFor(seconds(2));
    const mark = stream.mark;
    world.runFor(seconds(2));
    assert.equal(stream.result(mark, stream.mark - 10).lost, 0);
    untilRest(stage);
  });
}
