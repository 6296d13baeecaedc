import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { SCENE } from '../sim/scene.ts';
import { during, measured, play, untilOn, untilRest } from './stage.ts';

for (const gap of [1, 10, 29, 31, 50, 90]) {
  test(`M3.5-9 M3.5-18: moved away and, ${gap} ms later, moved back: both sides end on the last path`, () => {
    const stage = play({ seed: 300 + gap });
    const { world, router, hub, wan, wwan } = stage;
    const { outage } = during(stage, seconds(5), () => {
      wan.loseAddress(SCENE.wan);
      world.runFor(millis(gap));
      wan.connect();
      wwan.disconnect();
    });
    measured(`two moves ${gap} ms apart, outage`, outage);
    assert.equal(router.uplink, 'wan0');
    assert.ok(outage < 1000, `outage ${outage} ms`);
    assert.match(JSON.stringify(hub.connection()['path']), /198\.51\.100\.10/);
    untilRest(stage);
  });
}

test('M3.5-9: switched back and forth by the user five times within a round trip', () => {
  const stage = play({ seed: 310 });
  const { world, router, hub } = stage;
  world.runFor(seconds(5));
  const { lost } = during(stage, seconds(5), () => {
    for (const uplink of ['wwan0', 'wan0', 'wwan0', 'wan0', 'wwan0']) {
      router.ask('switch', { connection: 'hq', uplink });
      world.runFor(millis(5));
    }
  });
  assert.equal(router.uplink, 'wwan0');
  assert.ok(lost <= 3, `${lost} lost`);
  assert.match(JSON.stringify(hub.connection()['path']), /203\.0\.113\.20/);
  untilRest(stage);
  untilOn(stage, 'wwan0');
});
