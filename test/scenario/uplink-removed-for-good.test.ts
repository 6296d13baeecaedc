import { test } from 'node:test';
import assert from 'node:assert/strict';
import { minutes, seconds } from '../../src/base/index.ts';
import { during, EXCHANGE, measured, play, record, untilOn, untilRest } from './stage.ts';

test('D59-1: the device of the first uplink is removed for good: outage under 300 ms, then quiet', () => {
  const stage = play({ seed: 81, rate: 25 });
  const { world, router, wan } = stage;
  const { outage, lost } = during(stage, seconds(10), () => wan.remove());
  measured('device removed, outage', outage);
  assert.ok(outage < 300, `outage ${outage} ms`);
  assert.ok(lost <= 10, `${lost} lost`);
  assert.equal(router.uplink, 'wwan0');
  untilRest(stage);
  stage.stream.stop();
  world.runFor(seconds(1));
  const sent = world.link('isp1').counts.up;
  world.runFor(minutes(10));
  assert.equal(world.link('isp1').counts.up, sent, 'nothing more is sent there');
  assert.equal(router.all('path.moved').length, 1);
});

test('M3.5-2: the device comes back under another index, with another address: the tunnel returns', () => {
  const stage = play({ seed: 82, rate: 20 });
  const { world, wan, stream } = stage;
  const before = wan.ifindex;
  wan.remove();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(20));
  const mark = stream.mark;
  wan.create();
  assert.notEqual(wan.ifindex, before);
  wan.connect();
  untilOn(stage, 'wan0', seconds(60));
  world.runFor(seconds(5));
  assert.equal(stream.result(mark, stream.mark - 10).lost, 0);
  // D5.5.2-3: what comes in under the new index counts, so that traffic needs no checks (the random driver's seed 5110).
  const passed = record(stage, world.link('isp1'));
  world.runFor(seconds(20));
  assert.equal(passed.filter((p) => p.direction === 'up' && p.exchange === EXCHANGE.INFORMATIONAL && !p.isResponse).length, 0);
  untilRest(stage);
});
