import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, minutes, seconds } from '../../src/base/index.ts';
import type { NatOptions } from '../sim/index.ts';
import { SCENE, type SceneOptions } from '../sim/scene.ts';
import { during, measured, play, untilRest } from './stage.ts';

const OTHER = ip('192.0.2.2');
const NEW = ip('192.0.2.99');
const NAME = 'vpn.example.com';
const TWO: Pick<SceneOptions, 'hubDevices'> = {
  hubDevices: [{ name: 'eth0', link: 'hub', metric: 1, addresses: [{ address: SCENE.hub, length: 24 }, { address: OTHER, length: 24 }], options: { rtt: millis(0) } }],
};

/** From the one that lets everybody in to the one that is called symmetric. */
const BOXES: readonly Pick<NatOptions, 'mapping' | 'filtering'>[] = [
  { mapping: 'endpoint-independent', filtering: 'open' },
  { mapping: 'endpoint-independent', filtering: 'address-restricted' },
  { mapping: 'address-dependent', filtering: 'port-restricted' },
  { mapping: 'endpoint-dependent', filtering: 'port-restricted' },
];

for (const box of BOXES) {
  const kind = `${String(box.mapping)} mapping, ${String(box.filtering)} filtering`;

  test(`N-c N-d M2.3-1: behind a NAT (${kind}) the hub's address goes, another it had announced is there: the same IKE SA is carried on within 3 s`, () => {
    const stage = play({ seed: 8701, ...TWO, wan: { rtt: millis(30), nat: { publicAddress: SCENE.wanPublic, ...box } } });
    const { world, router, hub } = stage;
    const eth = hub.device('eth0');
    world.runFor(seconds(10));
    const before = hub.watch.pairs.paths[0]?.remote;
    const { outage } = during(stage, seconds(10), () => eth.loseAddress(SCENE.hub));
    measured(`hub's address goes, another was announced (${kind}), outage`, outage);
    assert.ok(outage < 3000, `outage ${outage} ms`);
    assert.equal(router.all('connection.established').length, 1, 'nothing is set up anew');
    assert.equal(router.watch.pairs.paths[0]?.remote.address, OTHER);
    const now = hub.watch.pairs.paths[0];
    assert.equal(now?.local.address, OTHER);
    // NAT state is of the pair: a box that maps by destination has another mapping for the other address.
    if (box.mapping !== 'endpoint-independent' && router.uplink === 'wan0') assert.notEqual(now?.remote.port, before?.port);
    untilRest(stage);
  });

  test(`N-c M2.3-1: behind a NAT (${kind}) the hub moves to an address nobody was told: nothing is promised; the name leads to it`, () => {
    const stage = play({
      seed: 8702, rate: 5, remoteAddrs: [NAME], prepare: ({ world }) => world.dns.set(NAME, [SCENE.hub]), wan: { rtt: millis(30), nat: { publicAddress: SCENE.wanPublic, ...box } },
    });
    const { world, router, hub, stream } = stage;
    const eth = hub.device('eth0');
    eth.loseAddress(SCENE.hub);
    eth.connect([{ address: NEW, length: 24 }]);
    world.dns.set(NAME, [NEW]);
    const at = world.now;
    const mark = stream.mark;
    world.runUntil(() => stream.result(mark, stream.mark).answered > 0, minutes(6), 'traffic to the new address');
    measured(`hub moves to an address nobody was told (${kind}), traffic after`, world.now - at);
    assert.equal(router.watch.pairs.paths.at(-1)?.remote.address, NEW);
    world.runFor(minutes(8));
    assert.equal((hub.ask('connections') as readonly unknown[]).length, 1, 'of the old SA nothing is left');
    untilRest(stage);
  });
}

// Found by random world 20215: set up anew over IPv6, the connection left that pair at once for an unproven IPv4 one, and so on for ever.
test('D5.1.2-2 M3.5-2: the hub loses its only IPv4 address: the one uplink with IPv6 carries on, and is not left for one that cannot reach it', () => {
  const stage = play({
    seed: 8703,
    hubDevices: [{ name: 'eth0', link: 'hub', metric: 1, addresses: [{ address: SCENE.hub, length: 24 }, { address: SCENE.hub6, length: 64 }], options: { rtt: millis(0) } }],
    remoteAddrs: [SCENE.hub, SCENE.hub6],
    prepare: ({ wwan }) => wwan.connect([{ address: SCENE.wwan6, length: 64 }]),
  });
  const { world, router, hub, stream } = stage;
  assert.equal(router.uplink, 'wan0');
  const { outage } = during(stage, seconds(20), () => hub.device('eth0').loseAddress(SCENE.hub));
  measured("the hub's only IPv4 address goes, outage", outage);
  assert.ok(outage < 5000, `outage ${outage} ms`);
  assert.equal(router.uplink, 'wwan0');
  const moves = router.all('path.moved').length;
  const mark = stream.mark;
  world.runFor(minutes(2));
  assert.equal(stream.result(mark, stream.mark - 10).lost, 0);
  assert.equal(router.all('path.moved').length, moves, 'no further move');
  assert.ok(router.all('connection.established').length <= 2);
  untilRest(stage);
});
