import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { Download, measured, play } from './stage.ts';

test('F-1 I2.8-1: download only: after the set-up the hub sends within a round trip, as the router shows at once that it uses the SA', () => {
  const stage = play({ seed: 720 }, false);
  const { world, router } = stage;
  const download = new Download(stage, 50);
  world.runFor(seconds(1));
  router.crash();
  router.start();
  world.runUntil(() => router.up, seconds(2), 'the tunnel');
  const mark = download.mark;
  world.runFor(seconds(1));
  const end = download.mark;
  world.runFor(seconds(1));
  const { lost } = download.result(mark, end);
  measured('download only, packets lost after set-up', lost);
  assert.ok(lost <= 3, `${lost} lost`);
});

test('F-1 I2.8-1: the same for a child that is brought up by itself', () => {
  const stage = play({ seed: 721 }, false);
  const { world, router } = stage;
  const download = new Download(stage, 50);
  router.ask('down', { name: 'lan' });
  world.runFor(seconds(1));
  router.ask('up', { name: 'lan' });
  world.runFor(millis(100));
  const mark = download.mark;
  world.runFor(seconds(1));
  const end = download.mark;
  world.runFor(seconds(1));
  assert.ok(download.result(mark, end).lost <= 3, `${download.result(mark, end).lost} lost`);
});

test('I2.8-1: a rekeying under download only loses nothing', () => {
  for (const side of ['router', 'hub'] as const) {
    const stage = play({ seed: 722 }, false);
    const { world } = stage;
    const download = new Download(stage, 50);
    world.runFor(seconds(1));
    const mark = download.mark;
    stage[side].ask('rekey', { name: 'lan' });
    world.runFor(seconds(2));
    const end = download.mark;
    world.runFor(seconds(1));
    assert.equal(download.result(mark, end).lost, 0, side);
  }
});
