// R-MOBIKE: the hub moves to its other address and takes a router along whose NAT lets in nobody who was not spoken to.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, seconds } from '../../src/base/index.ts';
import { SCENE, type Scene } from '../sim/scene.ts';
import { during, measured, play, untilRest } from './stage.ts';

const SECOND = ip('192.0.2.2');

/** The answer to the request goes to the new address as well, against RFC 7296 §2.11 and by design. */
const answersElsewhere = (stage: Scene): Scene => {
  stage.router.watch.pairs.mayAnswer = (packet) => packet.destination.address === SECOND;
  return stage;
};

/** A hub with two addresses on its device, of which it was reached at the first. */
function stageOf(seed: number, router: readonly string[], hub: readonly string[]): Scene {
  return answersElsewhere(play({
    seed, connection: router, hubConnection: hub, remoteAddrs: [SCENE.hub, SECOND],
    wan: { rtt: millis(30), nat: { publicAddress: SCENE.wanPublic, filtering: 'address-restricted' } },
    hubDevices: [{ name: 'eth0', addresses: [{ address: SCENE.hub, length: 24 }, { address: SECOND, length: 24 }], metric: 1, link: 'hub', options: { rtt: millis(0) } }],
  }));
}
const hubDevice = (stage: Scene): { loseAddress(address: typeof SECOND): void } => stage.hub.device('eth0');
const spokenTo = (stage: Scene): string => JSON.stringify(stage.router.connection());
const PRIVATE = ["option responder_switch 'private'"];

test('R-7 R-2 R-5: the hub asks, the router comes within 2 s, nothing is lost, and the old address can go', () => {
  const stage = stageOf(501, PRIVATE, PRIVATE);
  const { world, hub } = stage;
  let took = 0;
  const { lost } = during(stage, seconds(5), () => {
    const from = world.now;
    const answer = hub.ask('switch-peers', { addr: SECOND });
    assert.deepEqual(answer, { asked: 1, passed: 0, text: `1 peer is asked to come to ${SECOND}` });
    world.runUntil(() => hub.all('path.moved').length > 0, seconds(2), 'the move');
    took = world.now - from;
  });
  measured('hub switches, behind an address-restricted NAT', took);
  assert.ok(took < 2000, `${took} ms`);
  assert.equal(lost, 0);
  const left = during(stage, seconds(5), () => hubDevice(stage).loseAddress(SCENE.hub));
  assert.equal(left.lost, 0);
  assert.match(spokenTo(stage), /192\.0\.2\.2:4500/);
  untilRest(stage);
});

test('R-7: without R-MOBIKE the hub asks nobody, and says so', () => {
  for (const [seed, router, hub] of [[502, [], PRIVATE], [503, PRIVATE, []], [504, [], []]] as const) {
    const stage = stageOf(seed, router, hub);
    assert.deepEqual(stage.hub.ask('switch-peers', { addr: SECOND, name: 'hq' }), { asked: 0, passed: 1, text: `0 peers are asked to come to ${SECOND}; 1 cannot be, or is there already` });
    stage.world.runFor(seconds(3));
    assert.equal(stage.hub.all('path.moved').length, 0);
  }
});

test('R-5: what cannot be is refused with a reason', () => {
  const stage = stageOf(505, PRIVATE, PRIVATE);
  assert.throws(() => stage.hub.ask('switch-peers', { addr: 'hub' }), /'hub' is no address that a peer could come to/);
  assert.throws(() => stage.hub.ask('switch-peers', { addr: SECOND, name: 'x' }), /there is no connection 'x' that others make to us/);
  assert.throws(() => stage.router.ask('switch-peers', { addr: SECOND }), /there is no connection that others make to us/);
});

test('R-5: the address the router came to goes without a word: it is asked from the one that is left, which a NAT that filters less lets in', () => {
  const stage = answersElsewhere(play({
    seed: 506, connection: PRIVATE, hubConnection: PRIVATE, remoteAddrs: [SCENE.hub, SECOND], wan: { rtt: millis(30), nat: { publicAddress: SCENE.wanPublic, filtering: 'open' } },
    hubDevices: [{ name: 'eth0', addresses: [{ address: SCENE.hub, length: 24 }, { address: SECOND, length: 24 }], metric: 1, link: 'hub', options: { rtt: millis(0) } }],
  }));
  const { outage } = during(stage, seconds(5), () => hubDevice(stage).loseAddress(SCENE.hub));
  measured('hub loses its address, behind an open NAT', outage);
  assert.ok(outage < 2000, `outage ${outage} ms`);
  assert.match(spokenTo(stage), /192\.0\.2\.2:4500/);
  untilRest(stage);
});

test('R-6: without R-MOBIKE the list of addresses does it, where a NAT lets the hub in from its other one', () => {
  const stage = play({
    seed: 507, remoteAddrs: [SCENE.hub, SECOND], wan: { rtt: millis(30), nat: { publicAddress: SCENE.wanPublic, filtering: 'open' } },
    hubDevices: [{ name: 'eth0', addresses: [{ address: SCENE.hub, length: 24 }, { address: SECOND, length: 24 }], metric: 1, link: 'hub', options: { rtt: millis(0) } }],
  });
  const { outage } = during(stage, seconds(8), () => hubDevice(stage).loseAddress(SCENE.hub));
  measured('hub loses its address, open NAT, without R-MOBIKE', outage);
  assert.ok(outage < 3000, `outage ${outage} ms`);
  assert.match(spokenTo(stage), /192\.0\.2\.2:4500/);
  untilRest(stage);
});
