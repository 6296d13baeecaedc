import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { openScene, SCENE } from '../sim/scene.ts';
import { connect, neverAnew, ping, pingBack, sameSas, watchEsp } from './peer-stories.ts';
import { suite } from './stage.ts';

// strongSwan, testing/tests/ikev2/mobike: a host with a direct interface and one behind a router loses the first. There the policies hold the host's
// own address and follow it; here the networks behind both ends stay what they are.
// Natively against strongSwan: test/interop/strongswan-move.test.ts, the address is lost and UPDATE_SA_ADDRESSES moves the tunnel.
test('strongSwan mobike: the direct interface goes away: the other takes over, same SAs, their counters go on', () => {
  const stage = openScene({ suite, seed: 8001, wan: { rtt: millis(10) }, wwan: { rtt: millis(20) } });
  const { world, router, hub, wan } = stage;
  connect(stage);
  assert.equal(router.uplink, 'wan0');
  const direct = watchEsp(stage, world.link('isp1'));
  const behind = watchEsp(stage, world.link('isp2'));
  assert.equal(ping(stage), 3);
  assert.equal(behind.length, 0);
  wan.remove();
  world.runFor(seconds(1));
  assert.equal(router.uplink, 'wwan0');
  assert.equal(ping(stage), 3);
  assert.equal(pingBack(stage), 3);
  sameSas(direct, behind);
  assert.equal(hub.all('path.moved').length, 1);
  assert.deepEqual(hub.watch.pairs.paths.map((p) => p.remote.address), [SCENE.wwan]);
  neverAnew(stage);
});
