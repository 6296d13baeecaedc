import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, seconds } from '../../src/base/index.ts';
import { openScene, SCENE } from '../sim/scene.ts';
import { connect, leased, neverAnew, ping, sameSas, virtualIp, watchEsp } from './peer-stories.ts';
import { suite } from './stage.ts';

// libreswan, testing/pluto/ikev2-mobike-06: behind a NAT that gives each address ports of its own, everything (0.0.0.0/0) goes into the tunnel; the only
// address and its route go, the new address comes after two seconds and its route after two more. Would anything leave in clear text meanwhile?
test('libreswan ikev2-mobike-06 K-7: behind a NAT, with all traffic in the tunnel: address and route go, come back one after the other, and nothing leaves in clear text', () => {
  const stage = openScene({ suite, seed: 8106, wan: { rtt: millis(10), nat: { publicAddress: SCENE.wanPublic } } });
  virtualIp(stage, '0.0.0.0/0');
  const { world, hub, wan, wwan } = stage;
  wwan.remove();
  const anywhere = ip('198.18.0.80');
  connect(stage);
  const own = leased(stage);
  const esp = watchEsp(stage, world.link('isp1'));
  assert.equal(ping(stage, own, anywhere), 3);
  const before = esp.splice(0);
  const port = hub.watch.pairs.paths[0]?.remote.port;
  world.runFor(seconds(5));
  wan.disconnect();
  world.runFor(seconds(1));
  assert.equal(ping(stage, own, anywhere), 0);
  stage.router.kernel.addAddress(wan.ifindex, ip('192.168.33.222'), 24);
  world.runFor(seconds(1));
  assert.equal(ping(stage, own, anywhere), 0, 'an address without a route');
  wan.addDefault(4);
  world.runFor(seconds(2));
  assert.equal(ping(stage, own, anywhere), 3);
  sameSas(before, esp);
  const [now] = hub.watch.pairs.paths;
  assert.equal(now?.remote.address, SCENE.wanPublic);
  assert.notEqual(now?.remote.port, port);
  neverAnew(stage);
});
