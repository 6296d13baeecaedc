import { test } from 'node:test';
import assert from 'node:assert/strict';
import { minutes, seconds, type JsonObject } from '../../src/base/index.ts';
import { during, measured, play, untilOn, untilRest } from './stage.ts';

test('down and up of the connection: Delete, blocked meanwhile, and back', () => {
  const stage = play({ seed: 530, rate: 50 });
  const { world, router, hub } = stage;
  router.ask('down', { name: 'hq' });
  world.runFor(seconds(3));
  assert.equal(router.watch.spis('in').length, 0);
  assert.equal(hub.watch.spis('in').length, 0);
  assert.equal(router.connection()['state'], 'down');
  const { blocked } = router.counts;
  world.runFor(minutes(2));
  assert.ok(router.counts.blocked > blocked + 5000, 'nothing leaves in clear text');
  assert.equal(router.connection()['state'], 'down', 'it stays down');
  router.ask('up', { name: 'hq' });
  const took = world.runUntil(() => router.up, seconds(2), 'the tunnel');
  measured('command up: tunnel after', took);
  world.runFor(seconds(1));
  untilRest(stage);
});

test('down and up of a child: only the child goes, and comes back', () => {
  const stage = play({ seed: 531 });
  const { world, router, stream } = stage;
  router.ask('down', { name: 'lan' });
  world.runFor(seconds(2));
  untilRest(stage, seconds(5), 0);
  assert.equal(router.all('connection.closed').length, 0, 'the IKE SA stays');
  world.runFor(minutes(1));
  assert.equal(router.watch.spis('in').length, 0, 'it stays down');
  router.ask('up', { name: 'lan' });
  world.runFor(seconds(2));
  const mark = stream.mark;
  world.runFor(seconds(2));
  assert.equal(stream.result(mark, stream.mark - 10).lost, 0);
  untilRest(stage);
});

test('down while it cannot be told: the state goes all the same', () => {
  const stage = play({ seed: 532 });
  const { world, router } = stage;
  world.link('isp1').blackHole();
  world.link('isp2').blackHole();
  router.ask('down', { name: 'hq' });
  world.runFor(seconds(12));
  assert.equal(router.watch.spis('in').length, 0);
  world.link('isp1').heal();
  world.link('isp2').heal();
  router.ask('up', { name: 'hq' });
  world.runUntil(() => router.up, seconds(3), 'the tunnel');
  world.runFor(seconds(20));
  untilRest(stage);
});

test('M2.1-3: switch moves without loss, stays there, and explains itself; and back', () => {
  const stage = play({ seed: 533 });
  const { world, router } = stage;
  world.runFor(seconds(10));
  const { lost } = during(stage, seconds(60), () => router.ask('switch', { connection: 'hq', uplink: 'wwan0' }));
  assert.equal(lost, 0);
  assert.equal(router.uplink, 'wwan0', 'the better metric does not take it back');
  const [explained] = router.ask('explain', { connection: 'hq' }) as readonly JsonObject[];
  assert.equal(explained?.['forced'], 'wwan0');
  assert.equal(router.all('path.moved').at(-1)?.reasons[0], 'forced');
  router.ask('switch', { connection: 'hq', uplink: 'wan0' });
  untilOn(stage, 'wan0', seconds(2));
  world.runFor(seconds(1));
  untilRest(stage);
});

test('M2.1-3: a switch with a time: status and explain tell what is left of it; then the better uplink is gone back to without loss', () => {
  const stage = play({ seed: 537 });
  const { world, router } = stage;
  world.runFor(seconds(10));
  router.ask('switch', { connection: 'hq', uplink: 'wwan0', for: '2m' });
  world.runFor(seconds(20));
  assert.deepEqual([router.connection()['forced'], router.connection()['forced_ms']], ['wwan0', 100_000]);
  const [explained] = router.ask('explain', { connection: 'hq' }) as readonly JsonObject[];
  assert.deepEqual([explained?.['why'], explained?.['forced_ms']], ['wwan0 is in use because the user chose it for a while', 100_000]);
  const { lost } = during(stage, seconds(115), () => undefined);
  assert.equal(lost, 0);
  untilOn(stage, 'wan0');
  assert.equal(router.connection()['forced'], null);
  assert.equal(router.all('path.moved').at(-1)?.reasons[0], 'better_metric');
  untilRest(stage);
});

test('the uplink that was forced dies: the connection leaves it all the same', () => {
  const stage = play({ seed: 534 });
  const { world, router } = stage;
  router.ask('switch', { connection: 'hq', uplink: 'wwan0' });
  world.runFor(seconds(2));
  const { outage } = during(stage, seconds(3), () => world.link('isp2').unplug());
  assert.ok(outage < 300, `${outage} ms`);
  assert.equal(router.uplink, 'wan0');
});

test('switch to what cannot be is refused, saying why', () => {
  const stage = play({ seed: 535 }, false);
  const { world, router } = stage;
  assert.throws(() => router.ask('switch', { connection: 'hq', uplink: 'dsl' }), /there is no such uplink/);
  assert.throws(() => router.ask('switch', { connection: 'x', uplink: 'wan0' }), /there is no such connection/);
  for (const time of ['0', '-1', '2x', '366d', 'for ever']) assert.throws(() => router.ask('switch', { connection: 'hq', uplink: 'wwan0', for: time }), /is no time to switch for/, time);
  assert.equal(router.uplink, 'wan0');
  world.link('isp2').unplug();
  world.runFor(seconds(1));
  assert.throws(() => router.ask('switch', { connection: 'hq', uplink: 'wwan0' }), /the uplink is down/);
  assert.throws(() => router.ask('down', { name: 'x' }), /there is no enabled connection or child 'x'/);
  assert.throws(() => router.ask('rekey', { name: 'x' }), /there is no/);
});

for (const side of ['router', 'hub'] as const) {
  for (const name of ['hq', 'lan']) {
    test(`I2.8-1 I2.8-3: rekey of ${name} by the ${side}: nothing is lost`, () => {
      const stage = play({ seed: 536 });
      const { router } = stage;
      const spis = router.watch.spis('in');
      const { lost } = during(stage, seconds(3), () => stage[side].ask('rekey', { name }));
      assert.equal(lost, 0);
      assert.equal(router.all(name === 'hq' ? 'ike.rekeyed' : 'child.rekeyed').length, 1);
      if (name === 'lan') assert.notDeepEqual(router.watch.spis('in'), spis);
      untilRest(stage);
    });
  }
}

test('every command answers with a document', () => {
  const stage = play({ seed: 537 });
  for (const command of ['status', 'uplinks', 'connections', 'events', 'explain'] as const) assert.equal(typeof stage.router.ask(command), 'object');
  for (const command of ['status', 'uplinks', 'connections', 'events', 'explain'] as const) assert.equal(typeof stage.hub.ask(command), 'object');
  assert.equal(stage.hub.connection()['peer'], 'router.example');
});
