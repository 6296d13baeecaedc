import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, seconds } from '../../src/base/index.ts';
import { MessageBroker } from '../sim/index.ts';
import { measured, play } from './stage.ts';

const ours = (dump: string): string[] => dump.split('\n').filter((line) => line.includes('proto mobiked') || line.includes('link mobiked'));

test('SIGTERM: Delete and the offline message within 2 s, routes are gone, the hub knows', () => {
  let broker: MessageBroker | undefined;
  const stage = play({
    seed: 550, rate: 20, router: "config mqtt 'report'\n option broker 'mqtt://192.0.2.99'\n",
    prepare: ({ world }) => {
      broker = new MessageBroker(world, { address: ip('192.0.2.99'), port: 1883 });
      broker.attach(world.link('broker', {}));
    },
  });
  const { world, router, hub } = stage;
  world.runFor(seconds(3));
  router.terminate();
  const took = world.runUntil(() => !router.running, seconds(2), 'the end');
  measured('SIGTERM to the end of the process', took);
  assert.equal(router.exitCode, 0);
  assert.equal(hub.watch.spis('in').length, 0);
  world.runFor(seconds(1));
  assert.equal(broker?.retained.get('mobiked/router/availability')?.includes('offline'), true);
  assert.deepEqual(ours(router.kernel.dump()), []);
});

test('SIGTERM while both uplinks are dead: the end comes within 2 s all the same', () => {
  const stage = play({ seed: 551 });
  const { world, router, stream } = stage;
  world.link('isp1').blackHole();
  world.link('isp2').blackHole();
  world.runFor(seconds(5));
  router.terminate();
  // The Delete waits for an answer; meanwhile packets still meet what blocks them (a leak would break an invariant).
  world.runFor(millis(1200));
  stream.stop();
  world.runUntil(() => !router.running, millis(800), 'the end');
  assert.deepEqual(ours(router.kernel.dump()), []);
});

test('block_on_stop keeps the unreachable routes through a clean stop', () => {
  const stage = play({ seed: 552, connection: ["option block_on_stop '1'"] });
  const { world, router } = stage;
  router.terminate();
  world.runUntil(() => !router.running, seconds(2), 'the end');
  assert.match(ours(router.kernel.dump()).join('\n'), /10\.2\.0\.0\/24 unreachable/);
  const { blocked } = router.counts;
  world.runFor(seconds(2));
  assert.ok(router.counts.blocked > blocked);
});

test('kill -9: device and routes stay and hold packets back, and the next life takes them over', () => {
  const stage = play({ seed: 553, rate: 50 });
  const { world, router, stream } = stage;
  router.crash();
  const left = ours(router.kernel.dump());
  assert.match(left.join('\n'), /10\.2\.0\.0\/24 unreachable/);
  const { blocked } = router.counts;
  world.runFor(seconds(5));
  assert.ok(router.counts.blocked - blocked >= 249, 'not one packet left');
  router.start();
  world.runUntil(() => router.up, seconds(2), 'the tunnel');
  world.runFor(seconds(1));
  const mark = stream.mark;
  world.runFor(seconds(1));
  assert.equal(stream.result(mark, stream.mark - 5).lost, 0);
  assert.deepEqual(ours(router.kernel.dump()), left);
});
