import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { during, measured, play, untilRest } from './stage.ts';

// The request is on its way up to 15 ms, its answer is back after 30 ms, the Delete and its answer take as long again.
const POINTS = [0, 1, 10, 16, 29, 31, 40, 46, 59, 61];

for (const side of ['router', 'hub'] as const) {
  test(`X-1 M3.5-6 M3.5-7: the uplink dies at every point of a IKE SA's rekeying by the ${side}: SAs pair up, none is left over`, () => {
    let worst = 0;
    for (const point of POINTS) {
      const stage = play({ seed: 200 + point, rate: 20 });
      const { world, router } = stage;
      const { outage, lost } = during(stage, seconds(3), () => {
        stage[side].ask('rekey', { name: 'hq' });
        world.runFor(millis(point));
        world.link('isp1').unplug();
      });
      worst = Math.max(worst, outage);
      assert.equal(router.uplink, 'wwan0');
      assert.ok(outage < 500, `${point} ms into it: outage ${outage} ms, ${lost} lost`);
      untilRest(stage);
      assert.equal(stage[side].all('ike.rekeyed').length, 1, `${point} ms into it`);
    }
    measured(`uplink dies mid IKE rekey by the ${side}, worst outage`, worst);
  });
}
