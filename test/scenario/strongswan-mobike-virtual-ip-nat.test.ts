import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { openScene, SCENE } from '../sim/scene.ts';
import { connect, leased, neverAnew, ping, sameSas, virtualIp, watchEsp } from './peer-stories.ts';
import { suite, untilOn } from './stage.ts';

// strongSwan, testing/tests/ikev2/mobike-virtual-ip-nat, with prefer_best_path there: ports of the NAT begin at 1024.
// Natively against strongSwan: test/interop/strongswan-move.test.ts, from an open uplink to one behind a NAT and back.
test('strongSwan mobike-virtual-ip-nat: from the direct interface behind a NAT and back to it when it returns, one SA all the time', () => {
  const stage = openScene({ suite, seed: 8003, wan: { rtt: millis(10) }, wwan: { rtt: millis(20), nat: { publicAddress: SCENE.wwanPublic } } });
  virtualIp(stage);
  const { world, router, hub, wan } = stage;
  connect(stage);
  const own = leased(stage);
  const direct = watchEsp(stage, world.link('isp1'));
  const behind = watchEsp(stage, world.link('isp2'));
  assert.equal(ping(stage, own), 3);
  const first = direct.splice(0);
  wan.setDown();
  world.runFor(seconds(1));
  assert.equal(router.uplink, 'wwan0');
  assert.equal(ping(stage, own), 3);
  assert.ok(behind.every((p) => p.protocol === 'udp'), 'behind a NAT ESP is in UDP');
  const [seen] = hub.watch.pairs.paths;
  assert.equal(seen?.remote.address, SCENE.wwanPublic);
  assert.notEqual(seen?.remote.port, 4500, 'the port is the NAT\'s');
  sameSas(first, behind);
  wan.setUp();
  untilOn(stage, 'wan0', seconds(30));
  world.runFor(seconds(1));
  assert.equal(ping(stage, own), 3);
  sameSas(behind, direct);
  assert.deepEqual(hub.watch.pairs.paths.map((p) => p.remote.address), [SCENE.wan]);
  neverAnew(stage);
});
