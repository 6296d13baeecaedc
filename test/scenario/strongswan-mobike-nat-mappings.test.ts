import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, minutes, seconds } from '../../src/base/index.ts';
import { openScene, SCENE } from '../sim/scene.ts';
import { leased, neverAnew, ping, pingBack, virtualIp } from './peer-stories.ts';
import { measured, suite } from './stage.ts';

// strongSwan, testing/tests/ikev2/mobike-nat-mappings: the check runs every 5 s there, and the story waits for the first of them before the NAT is
// restarted, since the baseline is taken from it. Here the baseline is there from the beginning, and the story does not wait.
// Natively against strongSwan: test/interop/strongswan-move.test.ts, the NAT gets another public address.
test('strongSwan mobike-nat-mappings: the NAT is restarted while the tunnel is idle: a check finds the new mapping, and who is behind the hub reaches us again', () => {
  const stage = openScene({ suite, seed: 8004, wan: { rtt: millis(20), nat: { publicAddress: SCENE.wanPublic } }, connection: ["option liveness '5'"] });
  virtualIp(stage);
  const { world, router, hub } = stage;
  stage.wwan.remove();
  hub.start();
  router.start();
  world.runUntil(() => router.up && hub.up, seconds(5), 'the tunnel');
  world.runFor(millis(200));
  const own = leased(stage);
  const port = hub.watch.pairs.paths[0]?.remote.port ?? 0;
  assert.equal(ping(stage, own), 3);
  assert.equal(pingBack(stage, own), 3);
  world.link('isp1').nat?.reboot();
  assert.equal(pingBack(stage, own), 0, 'nobody reaches us now');
  const took = world.runUntil(() => router.all('nat.mapping_changed').length > 0, minutes(2), 'the new mapping to be seen');
  measured('NAT restarted while idle, seen after', took);
  assert.ok(took < 7000, `${took} ms`);
  world.runFor(seconds(1));
  const now = hub.watch.pairs.paths[0]?.remote;
  assert.equal(now?.address, SCENE.wanPublic);
  assert.notEqual(now?.port, port);
  assert.equal(pingBack(stage, own), 3);
  assert.equal(ping(stage, own), 3);
  neverAnew(stage);
});
