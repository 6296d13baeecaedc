import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { portion } from '../tools/thorough.ts';
import { during, play, untilRest } from './stage.ts';

const GAPS = portion([-16, -1, 0, 14, 25], 2);

for (const [routerName, hubName] of [['lan', 'lan'], ['hq', 'hq'], ['hq', 'lan'], ['lan', 'hq']] as const) {
  test(`I2.25-1 I2.25-2: the router rekeys ${routerName} while the hub rekeys ${hubName}: nothing is lost, SAs pair up in the end`, () => {
    for (const gap of GAPS) {
      const stage = play({ seed: 900 + gap, rate: 20 });
      const { world, router, hub } = stage;
      const spis = router.watch.spis('in');
      const { lost } = during(stage, seconds(30), () => {
        const [first, second] = gap < 0 ? [hub, router] : [router, hub];
        first.ask('rekey', { name: first === router ? routerName : hubName });
        world.runFor(millis(Math.abs(gap)));
        second.ask('rekey', { name: second === router ? routerName : hubName });
      });
      assert.equal(lost, 0, `hub ${gap} ms after the router`);
      assert.equal(router.all('connection.closed').length + hub.all('connection.closed').length, 0);
      if (routerName === 'lan' || hubName === 'lan') assert.notDeepEqual(router.watch.spis('in'), spis, `hub ${gap} ms after the router: rekeyed at last`);
      if (routerName === 'hq' || hubName === 'hq') assert.ok(router.all('ike.rekeyed').length > 0, `hub ${gap} ms after the router: rekeyed at last`);
      untilRest(stage);
    }
  });
}
