import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds } from '../../src/base/index.ts';
import { openScene, tunnelRoute } from '../sim/scene.ts';
import { suite, untilRest } from './stage.ts';

test('the kernel refuses the route into the tunnel, and takes it later: told once, tried again, nothing leaks meanwhile', () => {
  const stage = openScene({ suite, seed: 510, rate: 50 });
  const { world, router, hub, stream } = stage;
  let refusals = 0;
  router.kernel.refuse = (op) => (op.op === 'route.add' && op.route.via.kind === 'device' && refusals++ < 3 ? 105 : undefined);
  hub.start();
  router.start();
  world.runUntil(() => router.up, seconds(5), 'the IKE SA');
  stream.start();
  world.runFor(seconds(2));
  assert.equal(tunnelRoute(router), false);
  assert.ok(router.counts.blocked > 50, 'the unreachable route holds');
  world.runFor(seconds(25));
  assert.equal(tunnelRoute(router), true);
  const failures = router.all('kernel.failed');
  assert.equal(failures.length, 1);
  assert.equal(failures[0]?.errno, 105);
  const mark = stream.mark;
  world.runFor(seconds(2));
  assert.equal(stream.result(mark, stream.mark - 10).lost, 0);
  untilRest(stage);
});

test('somebody removes our routes: they are put back', () => {
  const stage = openScene({ suite, seed: 511, rate: 50 });
  const { world, router } = stage;
  stage.establish();
  world.runFor(seconds(1));
  const before = router.kernel.dump();
  for (const route of router.kernel.snapshot().routes.filter((r) => r.protocol !== 4))
    router.kernel.apply([{ op: 'route.delete', route: { destination: route.destination, via: route.ifindex === undefined ? { kind: 'unreachable' } : { kind: 'device', ifindex: route.ifindex }, metric: route.metric, prefSrc: undefined } }]);
  assert.notEqual(router.kernel.dump(), before);
  world.runFor(seconds(10));
  assert.equal(router.kernel.dump(), before);
});

test('the TUN device cannot be made: told, and tried again', () => {
  const stage = openScene({ suite, seed: 512, rate: 50 });
  const { world, router, hub } = stage;
  const taken = ['mobiked0', 'mobiked1', 'mobiked2', 'mobiked3'].map((name) => router.kernel.addLink(name));
  hub.start();
  router.start();
  world.runUntil(() => router.up, seconds(5), 'the IKE SA');
  assert.ok(router.all('kernel.failed').length > 0);
  for (const ifindex of taken) router.kernel.removeLink(ifindex);
  world.runUntil(() => tunnelRoute(router), seconds(60), 'the route into the tunnel');
});
