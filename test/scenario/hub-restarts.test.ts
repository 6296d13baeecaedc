import { test } from 'node:test';
import assert from 'node:assert/strict';
import { minutes, seconds } from '../../src/base/index.ts';
import { during, measured, play, untilRest } from './stage.ts';

test('I2.21.4-1 F-8: the hub is killed and starts without its state, under traffic: a new tunnel within seconds', () => {
  const stage = play({ seed: 410 });
  const { world, router, hub } = stage;
  const { outage } = during(stage, seconds(20), () => {
    hub.crash();
    world.runFor(seconds(1));
    hub.start();
  });
  measured('hub killed, back after 1 s, outage', outage);
  assert.ok(outage < 6000, `outage ${outage} ms`);
  assert.equal(router.up, true);
  untilRest(stage);
});

test('I2.21.4-1: the same with an idle tunnel: found by the liveness check', () => {
  const stage = play({ seed: 411 }, false);
  const { world, router, hub, stream } = stage;
  hub.crash();
  world.runFor(seconds(3));
  hub.start();
  world.runUntil(() => router.all('connection.established').length > 1, minutes(2), 'a new tunnel');
  world.runFor(seconds(3));
  stream.start();
  world.runFor(seconds(3));
  assert.equal(stream.result(0, stream.mark - 10).lost, 0);
  untilRest(stage);
});

test('F-8: the hub is away for ten minutes: the tunnel is up within a minute of its return', () => {
  const stage = play({ seed: 412, rate: 5 });
  const { world, router, hub, stream } = stage;
  hub.crash();
  world.runFor(minutes(10));
  hub.start();
  const at = world.now;
  world.runUntil(() => hub.up, seconds(70), 'a new tunnel');
  measured('hub away for 10 minutes: up after its return', world.now - at);
  world.runFor(seconds(5));
  const mark = stream.mark;
  world.runFor(seconds(5));
  assert.equal(stream.result(mark, stream.mark - 5).lost, 0);
  assert.equal(router.up, true);
  untilRest(stage);
});

test('I2.21.4-1: a clean stop of the hub: Delete, and the router comes back when it does', () => {
  const stage = play({ seed: 413, rate: 20 });
  const { world, router, hub } = stage;
  hub.terminate();
  world.runUntil(() => !hub.running, seconds(2), 'the end of the hub');
  world.runFor(seconds(1));
  assert.equal(router.all('connection.closed').length, 1);
  world.runFor(seconds(10));
  hub.start();
  world.runUntil(() => hub.up && router.up, seconds(30), 'a new tunnel');
  world.runFor(seconds(3));
  untilRest(stage);
});

test('the hub that waits for a dead router says so, and does not speak of what only an initiator does', () => {
  const stage = play({ seed: 414 });
  const { world, router, hub } = stage;
  router.crash();
  hub.ask('rekey', { name: 'lan' });
  world.runFor(seconds(20));
  assert.equal(hub.all('path.doubtful').length, 0);
  assert.ok(hub.logs.some((l) => l.text.includes('does not answer on any path')));
  assert.equal(hub.logs.filter((l) => l.text.includes('set up anew')).length, 0);
});
