// A hub with several addresses: one dies, one is withdrawn, the hub moves; the router is behind NATs of several kinds, or behind none.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, minutes, seconds, type IpAddress } from '../../src/base/index.ts';
import type { LinkOptions } from '../sim/net.ts';
import { SCENE, type Scene } from '../sim/scene.ts';
import { during, measured, play, untilRest, type PlayOptions } from './stage.ts';

const HUB2 = ip('192.0.2.2');
const NEW = ip('192.0.2.77');
const at = (address: IpAddress): { address: IpAddress; length: number } => ({ address, length: 24 });
const link = (rtt: number, nat?: LinkOptions['nat']): LinkOptions => ({ rtt: millis(rtt), ...(nat ? { nat } : {}) });
const NATS = {
  'no NAT': undefined,
  'an open NAT': { publicAddress: SCENE.wanPublic, filtering: 'open' },
  'an address-restricted NAT': { publicAddress: SCENE.wanPublic, filtering: 'address-restricted' },
  'a symmetric, port-restricted NAT': { publicAddress: SCENE.wanPublic, filtering: 'port-restricted', mapping: 'endpoint-dependent' },
} as const;

/** The hub has both addresses on one device; the router knows the first by its configuration. */
function twoAddresses(seed: number, more: Partial<PlayOptions> = {}): Scene {
  return play({ seed, hubDevices: [{ name: 'eth0', link: 'hub', options: { rtt: millis(0) }, addresses: [at(SCENE.hub), at(HUB2)], metric: 1 }], ...more });
}
/** The peer's end of the router's path. */
const remoteOf = (stage: Scene): string => String(stage.router.connection()['remote'] ?? stage.router.connection()['path'] ?? '');
const reasons = (stage: Scene): readonly string[] => stage.router.all('path.moved').at(-1)?.reasons ?? [];
for (const [what, nat] of Object.entries(NATS)) {
  test(`N-c N-d M2.3-1 M3.6-8 M3.6-9: the address of the hub in use dies, the router is behind ${what}: it goes on at the announced one, within 3 s`, () => {
    const stage = twoAddresses(701, { wan: link(30, nat) });
    const { hub, router, world } = stage;
    world.runFor(seconds(10));
    const { outage, lost } = during(stage, seconds(12), () => hub.device('eth0').loseAddress(SCENE.hub));
    measured(`hub address dies, ${what}, outage`, outage);
    assert.ok(outage <= 3000, `outage ${outage} ms, ${lost} lost`);
    assert.equal(router.uplink, 'wan0', 'the uplink was not at fault');
    assert.ok(remoteOf(stage).includes(HUB2), remoteOf(stage));
    assert.match(reasons(stage)[0] ?? '', /^peer_address_(dead|withdrawn)$/);
    untilRest(stage);
  });
}

test('N-d: the hub is silent at the address in use and has not noticed, as when a provider of it fails', () => {
  const stage = twoAddresses(702, { wan: link(30, NATS['an address-restricted NAT']) });
  const { world, router } = stage;
  world.runFor(seconds(10));
  world.link('hub').filters.push((packet) => packet.destination.address === SCENE.hub || packet.source.address === SCENE.hub);
  const { outage } = during(stage, seconds(12), () => undefined);
  measured('hub address silent, outage', outage);
  assert.ok(outage <= 3000, `outage ${outage} ms`);
  assert.deepEqual([router.uplink, reasons(stage)[0]], ['wan0', 'peer_address_dead']);
  // It comes back: nothing that works is left for it.
  world.link('hub').filters.length = 0;
  world.runFor(minutes(3));
  assert.ok(remoteOf(stage).includes(HUB2));
  untilRest(stage);
});

test('M3.5-2: both addresses of the hub in the configuration, nothing announced: the second is tried when the first falls silent', () => {
  const stage = twoAddresses(703, { remoteAddrs: [SCENE.hub, HUB2], hubConnection: ["option announce_addresses '0'"] });
  const { world, router, hub } = stage;
  world.runFor(seconds(10));
  assert.ok(!router.logs.some((l) => l.text.includes('can be reached at')), 'nothing was announced');
  const { outage } = during(stage, seconds(12), () => hub.device('eth0').loseAddress(SCENE.hub));
  measured('hub address dies, configured ones only, outage', outage);
  assert.ok(outage <= 3000, `outage ${outage} ms`);
  assert.deepEqual([router.uplink, reasons(stage)[0]], ['wan0', 'peer_address_dead']);
});

test('N-d D5.1.3-1: the address of the hub and the uplink die together: a pair of the other uplink with the other address is found', () => {
  const stage = twoAddresses(704);
  const { world, router, hub } = stage;
  world.runFor(seconds(10));
  const { outage } = during(stage, seconds(12), () => {
    world.link('isp1').blackHole();
    hub.device('eth0').loseAddress(SCENE.hub);
  });
  measured('hub address and uplink die together, outage', outage);
  assert.ok(outage <= 3000, `outage ${outage} ms`);
  assert.equal(router.uplink, 'wwan0');
  assert.ok(remoteOf(stage).includes(HUB2));
  untilRest(stage);
  // The first uplink comes back: it is asked where the hub is now, and is taken again.
  world.link('isp1').heal();
  world.runUntil(() => router.uplink === 'wan0', minutes(6), 'the better uplink again');
  assert.ok(remoteOf(stage).includes(HUB2));
});

test('M2.1-1 M3.4-2 M3.6-9: the hub gets a second address, which moves nothing, and is renumbered to it', () => {
  const stage = play({ seed: 705 });
  const { world, hub, router } = stage;
  world.runFor(seconds(5));
  hub.device('eth0').connect([at(NEW)]);
  world.runFor(minutes(5));
  assert.ok(router.logs.some((l) => l.text.includes(`can be reached at ${SCENE.hub}, ${NEW}`)), 'told when it came');
  assert.deepEqual([router.all('path.moving').length, hub.all('path.moving').length], [0, 0]);
  const { outage } = during(stage, seconds(12), () => hub.device('eth0').loseAddress(SCENE.hub));
  measured('hub renumbered to an announced address, outage', outage);
  assert.ok(outage <= 3000, `outage ${outage} ms`);
  assert.ok(remoteOf(stage).includes(NEW));
  untilRest(stage);
});

test('N-c F-8 M1.2-2: the hub moves to an address that nobody was told: the name is looked up again', () => {
  const stage = play({
    seed: 706, rate: 5, remoteAddrs: ['vpn.example.com'],
    prepare: ({ world }) => world.dns.set('vpn.example.com', [SCENE.hub]),
  });
  const { world, router, hub } = stage;
  const eth = hub.device('eth0');
  eth.disconnect();
  world.runFor(seconds(1));
  eth.connect([at(NEW)]);
  world.dns.set('vpn.example.com', [NEW]);
  const from = world.now;
  world.runUntil(() => router.up && remoteOf(stage).includes(NEW), minutes(6), 'the hub at its new address');
  measured('hub moved unannounced, found after', world.now - from);
  untilRest(stage, minutes(2));
});

test('M3.4-1 N-f D5.2.4-1: a hub behind a static NAT with two addresses outside announces those, and the router goes on at the second', () => {
  const inside = [ip('10.9.0.2'), ip('10.8.0.2')] as const;
  const stage = play({
    seed: 707, hubConnection: [`list external_addresses '${SCENE.hub}'`, `list external_addresses '${HUB2}'`], remoteAddrs: [SCENE.hub],
    hubDevices: [
      { name: 'eth0', link: 'hub', options: { rtt: millis(0), nat: { publicAddress: SCENE.hub, oneToOne: inside[0] } }, addresses: [at(inside[0])], metric: 1 },
      { name: 'eth1', link: 'hub2', options: { rtt: millis(0), nat: { publicAddress: HUB2, oneToOne: inside[1] } }, addresses: [at(inside[1])], metric: 2 },
    ],
  });
  const { world, router, hub } = stage;
  world.runFor(seconds(10));
  assert.ok(router.logs.some((l) => l.text.includes(`can be reached at ${SCENE.hub}, ${HUB2}`)));
  const { outage } = during(stage, seconds(12), () => world.link('hub').unplug());
  measured('hub behind static NAT, address dies, outage', outage);
  assert.ok(outage <= 3000, `outage ${outage} ms`);
  assert.ok(remoteOf(stage).includes(HUB2), remoteOf(stage));
  assert.ok(!hub.logs.some((l) => l.level === 'error'));
});

test('X-1: the addresses that a hub announced outlive a rekeying of the IKE SA', () => {
  const stage = twoAddresses(708, { connection: ["option ike_lifetime '60'"] });
  const { world, router, hub } = stage;
  world.runUntil(() => router.all('ike.rekeyed').length > 0, minutes(3), 'a rekeying');
  world.runFor(seconds(5));
  const { outage } = during(stage, seconds(12), () => hub.device('eth0').loseAddress(SCENE.hub));
  assert.ok(outage <= 3000, `outage ${outage} ms`);
  assert.ok(remoteOf(stage).includes(HUB2));
});

test('D5.1.3-2: 10 % loss is no dead address: five minutes with hardly a move between two addresses of the hub', () => {
  const stage = twoAddresses(709, { rate: 10 });
  const { world } = stage;
  world.link('isp1').set({ loss: 0.1 });
  world.runFor(minutes(5));
  assert.ok(stage.router.all('path.moved').length <= 3, `${stage.router.all('path.moved').length} moves`);
});
