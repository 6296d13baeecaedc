import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds } from '../../src/base/index.ts';
import { during, measured, play, untilOn, untilRest } from './stage.ts';

test('reload without a change: nothing happens', () => {
  const stage = play({ seed: 520 });
  const { router } = stage;
  const spis = router.watch.spis('in');
  const { lost } = during(stage, seconds(3), () => router.reload());
  assert.equal(lost, 0);
  assert.deepEqual(router.watch.spis('in'), spis);
  assert.equal(router.all('connection.closed').length, 0);
  untilRest(stage);
});

test('reload with a changed mqtt section only: the tunnel does not notice', () => {
  const stage = play({ seed: 521 });
  const { router } = stage;
  const spis = router.watch.spis('in');
  const { lost } = during(stage, seconds(5), () => {
    router.config += "config mqtt 'report'\n option broker 'mqtt://192.0.2.99'\n";
    router.reload();
  });
  assert.equal(lost, 0);
  assert.deepEqual(router.watch.spis('in'), spis);
  assert.equal(router.all('connection.closed').length, 0);
});

test('reload with live options (lifetimes, liveness, uplinks, log level): the tunnel does not notice', () => {
  const stage = play({ seed: 522 });
  const { router } = stage;
  const spis = router.watch.spis('in');
  const { lost } = during(stage, seconds(3), () => {
    router.config = router.config.replace(" option role 'initiator'", " option role 'initiator'\n option liveness '30'\n option child_lifetime '1800'\n list uplink 'wan0'\n list uplink 'wwan0'").replace("log_level 'debug'", "log_level 'info'");
    router.reload();
  });
  assert.equal(lost, 0);
  assert.deepEqual(router.watch.spis('in'), spis);
});

test('reload that forbids the uplink in use: the tunnel moves to one that is allowed', () => {
  const stage = play({ seed: 523 });
  const { world, router } = stage;
  world.runFor(seconds(5));
  const { lost } = during(stage, seconds(3), () => {
    router.config = router.config.replace(" option role 'initiator'", " option role 'initiator'\n list uplink 'wwan0'");
    router.reload();
  });
  assert.equal(router.uplink, 'wwan0');
  assert.ok(lost <= 5, `${lost} lost`);
  untilRest(stage);
});

test('reload with a changed child: the connection is made anew with the new selectors, within a second', () => {
  const stage = play({ seed: 524 });
  const { world, router, hub, stream } = stage;
  const widen = (text: string): string => text.replace("list remote_ts '10.2.0.0/24'", "list remote_ts '10.2.0.0/23'").replace("list local_ts '10.2.0.0/24'", "list local_ts '10.2.0.0/23'");
  hub.config = widen(hub.config);
  router.config = widen(router.config);
  const { outage } = during(stage, seconds(10), () => {
    hub.reload();
    router.reload();
  });
  measured('reload with a changed child, outage', outage);
  assert.match(JSON.stringify(router.connection()), /10\.2\.0\.0\/23/);
  const mark = stream.mark;
  world.runFor(seconds(2));
  assert.equal(stream.result(mark, stream.mark - 10).lost, 0);
  assert.ok(outage < 3000, `outage ${outage} ms`);
  untilRest(stage);
});

test('reload with a broken section: its last good form keeps running', () => {
  const stage = play({ seed: 525 });
  const { router } = stage;
  const spis = router.watch.spis('in');
  const good = router.config;
  const { lost } = during(stage, seconds(3), () => {
    router.lenient = true;
    router.config = good.replace("option role 'initiator'", "option role 'pilot'");
    router.reload();
  });
  assert.equal(lost, 0);
  assert.deepEqual(router.watch.spis('in'), spis);
  assert.ok(router.logs.some((l) => l.level === 'error' && l.text.includes('role')));
});

test('reload that removes the connection, and one that puts it back', () => {
  // Without traffic: what a removed connection protected is free to leave.
  const stage = play({ seed: 526 }, false);
  const { world, router, hub } = stage;
  const good = router.config;
  router.config = good.slice(0, good.indexOf("config connection"));
  router.reload();
  world.runFor(seconds(2));
  assert.equal(router.watch.spis('in').length, 0);
  assert.equal(hub.watch.spis('in').length, 0);
  router.config = good;
  router.reload();
  world.runUntil(() => router.up && hub.up, seconds(3), 'the tunnel');
  world.runFor(seconds(1));
  untilRest(stage);
  untilOn(stage, 'wan0');
});
