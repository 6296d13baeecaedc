import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { openScene } from '../sim/scene.ts';
import { child, connect, leased, neverAnew, ping, sameSas, virtualIp, watchEsp } from './peer-stories.ts';
import { suite } from './stage.ts';

// strongSwan, testing/tests/ikev2/mobike-virtual-ip.
// Natively: as strongswan-mobike; not with an address from strongSwan's pool.
test('strongSwan mobike-virtual-ip X-14: with a virtual address the policies stay as they are when the direct interface goes away', () => {
  const stage = openScene({ suite, seed: 8002, wan: { rtt: millis(10) }, wwan: { rtt: millis(20) } });
  virtualIp(stage);
  const { world, router, wan } = stage;
  connect(stage);
  const own = leased(stage);
  const { local_ts: local, remote_ts: remote } = child(stage);
  assert.deepEqual([local, remote], [[`${own}/32`], ['10.2.0.0/24']]);
  const direct = watchEsp(stage, world.link('isp1'));
  const behind = watchEsp(stage, world.link('isp2'));
  assert.equal(ping(stage, own), 3);
  wan.remove();
  world.runFor(seconds(1));
  assert.equal(router.uplink, 'wwan0');
  assert.equal(ping(stage, own), 3);
  sameSas(direct, behind);
  assert.equal(leased(stage), own);
  assert.deepEqual([child(stage)['local_ts'], child(stage)['remote_ts']], [local, remote]);
  neverAnew(stage);
});
