import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { measured, play, untilRest } from './stage.ts';

// The last point of the hub's own rekeying is the one that the random driver found (seed 3357): the replaced SA waited on.
for (const side of ['router', 'hub'] as const) {
  test(`I2.8-3 I2.21.4-1: the hub is killed at every point of an IKE SA's rekeying by the ${side}: a new tunnel, and nothing of the old goes on`, () => {
    let worst = 0;
    for (const point of [1, 16, 29, 31, 46, 61]) {
      const stage = play({ seed: 800 + point, rate: 10 });
      const { world, router, hub, stream } = stage;
      stage[side].ask('rekey', { name: 'hq' });
      world.runFor(millis(point));
      hub.crash();
      world.runFor(millis(500));
      hub.start();
      const at = world.now;
      const mark = stream.mark;
      world.runUntil(() => stream.result(mark, stream.mark).answered > 0, seconds(10), `traffic (killed ${point} ms into it)`);
      worst = Math.max(worst, world.now - at);
      world.runFor(seconds(25));
      const before = router.counts.ikeSent;
      world.runFor(seconds(20));
      assert.ok(router.counts.ikeSent - before <= 2, `${point} ms: ${router.counts.ikeSent - before} IKE messages in 20 s`);
      untilRest(stage);
    }
    measured(`hub killed mid IKE rekey by the ${side}: traffic after its return, worst`, worst);
  });
}
