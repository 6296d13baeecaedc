import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, seconds } from '../../src/base/index.ts';
import { openScene } from '../sim/scene.ts';
import { connect, leased, neverAnew, ping, sameSas, virtualIp, watchEsp } from './peer-stories.ts';
import { suite } from './stage.ts';
import { SCENE } from '../sim/scene.ts';

// libreswan, testing/pluto/ikev2-mobike-02: the only address goes and a new one comes at once, with another default route; -04: it comes after five
// seconds without any (a laptop's lid), where the host has an address from the hub's pool.
const STORIES = [
  { name: 'ikev2-mobike-02', away: 0, address: '192.168.8.22', pool: false },
  { name: 'ikev2-mobike-04', away: 5, address: '192.168.33.209', pool: true },
  { name: 'ikev2-mobike-04, the same address', away: 5, address: SCENE.wan, pool: true },
] as const;

for (const { name, away, address, pool } of STORIES) {
  test(`libreswan ${name}: the only address goes, ${away} s later there is one: the SA moves there`, () => {
    const stage = openScene({ suite, seed: 8102, wan: { rtt: millis(10) } });
    if (pool) virtualIp(stage);
    const { world, hub, wan, wwan } = stage;
    wwan.remove();
    connect(stage);
    const source = pool ? leased(stage) : SCENE.client;
    const esp = watchEsp(stage, world.link('isp1'));
    assert.equal(ping(stage, source), 3);
    const before = esp.splice(0);
    world.runFor(seconds(5));
    wan.disconnect();
    world.runFor(seconds(away));
    if (away > 0) assert.equal(ping(stage, source), 0, 'nothing passes, and nothing leaves in clear text');
    wan.connect([{ address: ip(address), length: 24 }]);
    world.runFor(seconds(2));
    assert.equal(ping(stage, source), 3);
    assert.deepEqual(hub.watch.pairs.paths.map((p) => p.remote.address), [address]);
    sameSas(before, esp);
    assert.deepEqual(stage.router.all('path.moved').map((event) => event.to_uplink), ['wan0'], 'it is told, also of the same address');
    neverAnew(stage);
  });
}
