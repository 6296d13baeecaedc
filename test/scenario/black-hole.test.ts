import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, minutes, seconds } from '../../src/base/index.ts';
import { Download, during, measured, play, untilOn, untilRest } from './stage.ts';

for (const direction of ['both', 'up', 'down'] as const) {
  test(`D59-1 D5.1.2-1 D6.2-2: packets vanish (${direction}) although carrier, address and route remain: traffic is back within 2.5 s`, () => {
    const stage = play({ seed: 31 });
    const { world, router } = stage;
    // The standby has answered a probe, as it has within seconds of any handshake.
    world.runFor(seconds(10));
    const { outage } = during(stage, seconds(10), () => world.link('isp1').blackHole(direction));
    assert.equal(router.uplink, 'wwan0');
    measured(`black hole (${direction}), outage`, outage);
    assert.ok(outage < 2500, `outage ${outage} ms`);
    assert.equal(router.all('path.moved')[0]?.reasons[0], 'black_hole');
    untilRest(stage);
  });
}

test('D59-1: a standby that was never asked is taken as well', () => {
  const stage = play({ seed: 32 }, false);
  const { world, router, stream } = stage;
  stream.start();
  world.runFor(millis(500));
  const { outage } = during(stage, seconds(10), () => world.link('isp1').blackHole());
  assert.equal(router.uplink, 'wwan0');
  measured('black hole, standby never asked, outage', outage);
  assert.ok(outage < 6000, `outage ${outage} ms`);
});

test('D59-1: under download only', () => {
  const stage = play({ seed: 33 }, false);
  const { world, router } = stage;
  const download = new Download(stage);
  world.runFor(seconds(10));
  const mark = download.mark;
  world.link('isp1').blackHole();
  untilOn(stage, 'wwan0', seconds(12));
  world.runFor(seconds(2));
  const end = download.mark;
  world.runFor(seconds(1));
  const { outage } = download.result(mark, end);
  measured('black hole under download only, outage', outage);
  assert.ok(outage < 8000, `outage ${outage} ms`);
  assert.equal(router.all('path.moved')[0]?.reasons[0], 'black_hole');
});

test('M3.10-1: an idle tunnel finds the hole by its liveness check', () => {
  const stage = play({ seed: 34 }, false);
  const { world, stream } = stage;
  world.runFor(seconds(30));
  world.link('isp1').blackHole();
  const took = untilOn(stage, 'wwan0', minutes(2));
  assert.ok(took < 70_000, `${took} ms`);
  world.runFor(seconds(1));
  stream.start();
  world.runFor(seconds(5));
  assert.equal(stream.result(0, stream.mark - 10).lost, 0);
});

test('D5.1.3-2: on a metered uplink the check comes later, but it comes', () => {
  const sections = "config uplink 'a'\n option device 'wan0'\n option metered '1'\nconfig uplink 'b'\n option device 'wwan0'\n";
  const stage = play({ seed: 35, router: sections });
  const { world, router } = stage;
  world.runFor(seconds(10));
  const { outage } = during(stage, seconds(15), () => world.link('isp1').blackHole());
  assert.equal(router.uplink, 'b');
  measured('black hole on a metered uplink, outage', outage);
  assert.ok(outage < 10_000, `outage ${outage} ms`);
});

test('D5.1.3-2: 10 % loss is no black hole: five minutes with hardly a move', () => {
  const stage = play({ seed: 36, rate: 10 });
  const { world, router } = stage;
  world.link('isp1').set({ loss: 0.1 });
  world.runFor(minutes(5));
  assert.ok(router.all('path.moved').length <= 2, `${router.all('path.moved').length} moves`);
});
