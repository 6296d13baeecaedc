import { test } from 'node:test';
import assert from 'node:assert/strict';
import { minutes } from '../../src/base/index.ts';
import { EXCHANGE, play, record } from './stage.ts';

for (const rate of [3, 5, 10, 50]) {
  test(`I2.4-3: ${rate} packets a second, all answered: they show that the peer lives, and no check is sent`, () => {
    // The standby is never probed here: one uplink only, so that every INFORMATIONAL request is a check.
    const stage = play({ seed: 91, rate, prepare: ({ wwan }) => wwan.remove() });
    const passed = record(stage, stage.world.link('isp1'));
    stage.world.runFor(minutes(1));
    const checks = passed.filter((p) => p.direction === 'up' && p.exchange === EXCHANGE.INFORMATIONAL && !p.isResponse);
    assert.equal(checks.length, 0);
  });
}
