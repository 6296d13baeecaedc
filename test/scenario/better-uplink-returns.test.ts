import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, minutes, seconds } from '../../src/base/index.ts';
import { SCENE } from '../sim/scene.ts';
import { during, measured, play, record, untilOn, untilRest } from './stage.ts';

test('D59-2 K-8: the better uplink returns: taken after the hold-down, nothing is lost, the old path is still received', () => {
  const stage = play({ seed: 61, rate: 25 });
  const { world, router, stream } = stage;
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(20));
  const old = record(stage, world.link('isp2'));
  const mark = stream.mark;
  world.link('isp1').plug();
  const took = untilOn(stage, 'wan0', seconds(60));
  const movedAt = world.now;
  assert.ok(took >= 10_000 && took < 14_000, `returned after ${took} ms`);
  world.runFor(seconds(5));
  const { lost, duplicated } = stream.result(mark, stream.mark - 10);
  measured('planned return, packets lost', lost);
  assert.equal(lost, 0);
  assert.equal(duplicated, 0);
  assert.ok(old.some((p) => p.direction === 'down' && p.kind === 'esp' && p.at > movedAt), 'ESP arrived on the old path after the move and was not lost');
  assert.equal(router.all('path.moved').at(-1)?.reasons[0], 'better_metric');
  untilRest(stage);
});

test('D59-2: an uplink that comes and goes every five seconds is not taken', () => {
  const stage = play({ seed: 62, rate: 10 });
  const { world, router } = stage;
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(2));
  const { lost } = during(stage, minutes(2), () => {
    for (let i = 0; i < 20; i++) {
      world.after(i * 10_000, () => world.link('isp1').plug());
      world.after(i * 10_000 + 5000, () => world.link('isp1').unplug());
    }
  });
  assert.equal(lost, 0);
  assert.equal(router.all('path.moved').length, 1);
  assert.equal(router.uplink, 'wwan0');
});

test('D59-2: the standby is slow (400 ms) and lossy (5 %): the return still loses nothing of its own', () => {
  const stage = play({ seed: 63, rate: 20, wwan: { rtt: millis(400), nat: { publicAddress: SCENE.wwanPublic } } });
  const { world, stream } = stage;
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(20));
  const mark = stream.mark;
  world.link('isp1').plug();
  untilOn(stage, 'wan0', seconds(60));
  world.runFor(seconds(5));
  assert.equal(stream.result(mark, stream.mark - 30).lost, 0);
});
