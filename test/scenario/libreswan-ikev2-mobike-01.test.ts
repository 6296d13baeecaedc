import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, seconds } from '../../src/base/index.ts';
import { openScene, SCENE } from '../sim/scene.ts';
import { connect, neverAnew, ping, sameSas, virtualIp, leased, watchEsp } from './peer-stories.ts';
import { suite, untilOn } from './stage.ts';

// libreswan, testing/pluto/ikev2-mobike-01 and -05-gcm (the same with AES-GCM, whose key material a kernel once forgot in a move; ours is AES-GCM) and -03
// (the same with an address from the hub's pool): a host has two addresses on one device, and the one in use is removed together with its default route.
for (const name of ['ikev2-mobike-01 and -05-gcm', 'ikev2-mobike-03'] as const) {
  test(`libreswan ${name}: of two addresses on one device the one in use is removed, with its route: the other takes over`, () => {
    const stage = openScene({ suite, seed: 8101, wan: { rtt: millis(10) } });
    if (name === 'ikev2-mobike-03') virtualIp(stage);
    const { world, router, hub, wan, wwan } = stage;
    wwan.remove();
    const second = ip('192.168.8.22');
    wan.connect([{ address: second, length: 24 }]);
    connect(stage);
    const source = name === 'ikev2-mobike-03' ? leased(stage) : SCENE.client;
    const esp = watchEsp(stage, world.link('isp1'));
    assert.equal(ping(stage, source), 3);
    const first = hub.watch.pairs.paths[0]?.remote.address;
    const other = first === second ? SCENE.wan : second;
    const before = esp.splice(0);
    world.runFor(seconds(5));
    wan.removeDefault(4);
    wan.loseAddress(first ?? SCENE.wan);
    wan.addDefault(4);
    world.runFor(seconds(2));
    assert.equal(ping(stage, source), 3);
    assert.deepEqual(hub.watch.pairs.paths.map((p) => p.remote.address), [other]);
    sameSas(before, esp);
    untilOn(stage, 'wan0');
    assert.equal(router.uplink, 'wan0');
    neverAnew(stage);
  });
}
