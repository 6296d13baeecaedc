import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds } from '../../src/base/index.ts';
import { during, play, untilRest } from './stage.ts';

test('the wall clock is set, set back and set forward: only the stamps of events change', () => {
  const stage = play({ seed: 540 });
  const { world, router } = stage;
  const spis = router.watch.spis('in');
  const { lost } = during(stage, seconds(10), () => {
    for (const [unixAtZero, synced] of [[0, false], [4_000_000_000_000, true], [1_500_000_000_000, true], [1_750_000_000_000, true]] as const) {
      router.push({ type: 'clock.wall', unixAtZero, synced });
      world.runFor(seconds(1));
    }
  });
  assert.equal(lost, 0);
  assert.deepEqual(router.watch.spis('in'), spis);
  world.link('isp1').unplug();
  world.runFor(seconds(2));
  const last = router.events.at(-1);
  assert.match(last?.time ?? '', /^2025-06-15T/);
  assert.equal(last?.time_synced, true);
  untilRest(stage);
});

test('a late, an early and a double tick are harmless', () => {
  const stage = play({ seed: 541, ticks: 'sloppy' });
  const { world } = stage;
  const { outage } = during(stage, seconds(10), () => world.link('isp1').unplug());
  assert.ok(outage < 320, `${outage} ms`);
  untilRest(stage);
});

test('the router sleeps for ten minutes: nothing is handled meanwhile, and the tunnel is back soon after', () => {
  const stage = play({ seed: 542, rate: 5 });
  const { world, stream } = stage;
  // Suspend: the monotonic clock goes on for the others; here nothing arrives and nothing leaves.
  world.link('isp1').blackHole();
  world.link('isp2').blackHole();
  stream.stop();
  world.runFor(seconds(600));
  world.link('isp1').heal();
  world.link('isp2').heal();
  stream.start();
  world.runFor(seconds(70));
  const mark = stream.mark;
  world.runFor(seconds(5));
  assert.equal(stream.result(mark, stream.mark - 5).lost, 0);
});
