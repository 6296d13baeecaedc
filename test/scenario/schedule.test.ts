import { test } from 'node:test';
import assert from 'node:assert/strict';
import { minutes, seconds, type JsonObject } from '../../src/base/index.ts';
import { during, play, untilOn, untilRest } from './stage.ts';

/** Wall time at virtual time 0 such that it is Monday 07:50 in a zone two hours ahead. */
const MORNING = Date.UTC(2026, 10, 23, 5, 50);
const SECTIONS = "config uplink 'wan0'\n option device 'wan0'\n option metric '10'\n list schedule '18:00-08:00'\nconfig uplink 'wwan0'\n option device 'wwan0'\n option metric '20'\n";

test('an uplink that is for the night only is left in the morning without loss, and refused to the user by day', () => {
  const stage = play({ seed: 6041, rate: 3, router: SECTIONS });
  const { world, router } = stage;
  router.push({ type: 'clock.wall', unixAtZero: MORNING - world.now, synced: true, zone: minutes(120) });
  world.runFor(minutes(9));
  assert.equal(router.uplink, 'wan0');
  const { lost } = during(stage, minutes(2), () => undefined);
  assert.equal(lost, 0);
  untilOn(stage, 'wwan0');
  assert.equal(router.all('path.moved').at(-1)?.reasons[0], 'outside_schedule');
  assert.throws(() => router.ask('switch', { connection: 'hq', uplink: 'wan0' }), /the uplink's schedule does not allow it now/);
  const [explained] = router.ask('explain', { connection: 'hq' }) as readonly JsonObject[];
  assert.match(JSON.stringify(explained?.['uplinks']), /wan0: cannot be used: it is outside its schedule/);
  const [uplink] = router.ask('uplinks') as readonly JsonObject[];
  assert.deepEqual([uplink?.['schedule'], uplink?.['in_schedule']], [['18:00-08:00'], false]);
  world.runFor(seconds(1));
  untilRest(stage);
});

test('without another uplink it is kept, and no schedule counts while the clock is not set', () => {
  const stage = play({ seed: 6042, rate: 3, router: SECTIONS });
  const { world, router } = stage;
  router.push({ type: 'clock.wall', unixAtZero: MORNING + minutes(60) - world.now, synced: false, zone: minutes(120) });
  world.runFor(minutes(2));
  assert.equal(router.uplink, 'wan0');
  world.link('isp2').unplug();
  world.runFor(seconds(5));
  router.push({ type: 'clock.wall', unixAtZero: MORNING + minutes(60) - world.now, synced: true, zone: minutes(120) });
  world.runFor(minutes(2));
  assert.equal(router.uplink, 'wan0');
  const [explained] = router.ask('explain', { connection: 'hq' }) as readonly JsonObject[];
  assert.equal(explained?.['why'], 'wan0 is in use although it is outside its schedule: no other uplink has answered');
  untilRest(stage);
});
