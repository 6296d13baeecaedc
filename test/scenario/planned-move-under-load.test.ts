import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { play, untilOn, untilRest } from './stage.ts';

const RATE = 2000;

for (const [what, wan, wwan] of [['as long as each other', 40, 40], ['20 and 60 ms long', 20, 60]] as const)
  test(`K-8: planned moves under ${RATE} packets a second, there and back between paths ${what}: none is lost, none reordered beyond the difference of the paths, either way`, () => {
    const stage = play({ seed: 630, rate: 50, wan: { rtt: millis(wan) }, wwan: { rtt: millis(wwan) } });
    const { world, router, stream } = stage;
    world.runFor(seconds(10));
    stream.rate = RATE;
    world.runFor(millis(500));
    const mark = stream.mark;
    for (const uplink of ['wwan0', 'wan0'] as const) {
      router.ask('switch', { connection: 'hq', uplink });
      untilOn(stage, uplink, seconds(2));
      world.runFor(millis(500));
    }
    const end = stream.mark;
    stream.rate = 50;
    world.runFor(seconds(3));
    const { sent, lost, duplicated } = stream.result(mark, end);
    assert.ok(sent >= RATE, `${sent} packets`);
    assert.deepEqual([lost, duplicated], [0, 0]);
    // What leaves on the shorter path may overtake what left before on the longer one, half a round trip's difference of it.
    // While packets come to the hub over both, it answers twice as many at a time.
    const most = (Math.abs(wwan - wan) / 2 / 1000) * RATE;
    assert.ok(stream.overtaken.there <= most && stream.overtaken.back <= 2 * most, `${JSON.stringify(stream.overtaken)} overtaken, at most ${most}`);
      untilRest(stage);
  });
