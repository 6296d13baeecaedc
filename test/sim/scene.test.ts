import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { openScene } from './scene.ts';

const suite = nodeCrypto();

test('the scene: a tunnel comes up, carries a stream, moves when the uplink is unplugged, and ends when asked', () => {
  const { world, router, hub, stream, ...scene } = openScene({ seed: 1, suite });
  const took = scene.establish();
  assert.ok(took < 500, `${took} ms`);
  const [first] = router.events;
  assert.deepEqual([first?.event.type, first?.seq, first?.time, first?.time_synced], ['daemon.started', 1, '2025-06-15T15:06:40.000Z', true]);
  stream.start();
  world.runFor(seconds(5));
  assert.equal(stream.result(0, stream.mark - 10).lost, 0);
  assert.equal(router.uplink, 'wan0');
  const mark = stream.mark;
  world.link('isp1').unplug();
  world.runUntil(() => router.all('path.moved').length > 0, seconds(2), 'the move');
  world.runFor(seconds(3));
  assert.equal(router.uplink, 'wwan0');
  const { lost, outage } = stream.result(mark, stream.mark - 20);
  assert.ok(outage < 300, `outage ${outage} ms, ${lost} lost`);
  stream.stop(); // after a clean stop nothing holds its packets back
  world.runFor(millis(50));
  router.terminate();
  world.runUntil(() => !router.running, seconds(2), 'the end');
  assert.equal(router.exitCode, 0);
  assert.deepEqual(hub.all('connection.closed').length, 1, 'the hub was told');
});

test('the scene over IPv6', () => {
  const { world, router, stream, ...scene } = openScene({ seed: 2, suite, ipv6: true, wan: { rtt: millis(30) }, wwan: { rtt: millis(60) } });
  scene.establish();
  stream.start();
  world.runFor(seconds(2));
  assert.equal(stream.result(0, stream.mark - 10).lost, 0);
  assert.equal(router.uplink, 'wan0');
});
