import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, minutes, seconds } from '../../src/base/index.ts';
import { EchoStream } from '../sim/index.ts';
import { openScene, SCENE, type Scene } from '../sim/scene.ts';
import { connect, leased, neverAnew, ping, pingBack, virtualIp } from './peer-stories.ts';
import { measured, suite, untilRest } from './stage.ts';

// libreswan, testing/pluto/ikev2-mobike-08-nat-expire-*: the NAT's mapping ends and the next one has another port. There, with liveness checks only at the
// hub, the tunnel hangs for ever; with checks at the road warrior it is repaired with MOBIKE and set up anew without.
function behindNat(seed: number, connection: readonly string[] = [], hubConnection: readonly string[] = []): Scene {
  const stage = openScene({ suite, seed, wan: { rtt: millis(20), nat: { publicAddress: SCENE.wanPublic } }, connection, hubConnection });
  virtualIp(stage);
  stage.wwan.remove();
  connect(stage);
  return stage;
}

test('libreswan ikev2-mobike-08-nat-expire-liveness-east M3.8-3: only the hub checks by the clock: the first unanswered packets of the router find the new mapping', () => {
  const stage = behindNat(8181, ["option liveness '86400'"], ["option liveness '10'"]);
  const { world, router, hub } = stage;
  const own = leased(stage);
  assert.equal(ping(stage, own), 3);
  world.link('isp1').nat?.reboot();
  const stream = new EchoStream({ from: router, client: { address: own, port: 6400 }, to: hub, server: { address: SCENE.server, port: 7 }, rate: 5 }).start();
  const took = world.runUntil(() => stream.result().answered > 0, seconds(10), 'an answer');
  measured('NAT mapping gone, one-sided liveness, answer after', took);
  assert.ok(took < 3000, `${took} ms`);
  stream.stop();
  world.runFor(seconds(1));
  assert.equal(pingBack(stage, own), 3);
  neverAnew(stage);
});

test('libreswan ikev2-mobike-08-nat-expire-liveness-road-mobike-yes and -nat M3.8-3 M3.8-4: the router checks: the hub follows by an update, not by the port it sees', () => {
  const stage = behindNat(8182, ["option liveness '10'"]);
  const { world, router, hub } = stage;
  const own = leased(stage);
  assert.equal(ping(stage, own), 3);
  const before = hub.watch.pairs.paths[0]?.remote.port;
  world.link('isp1').nat?.reboot();
  const took = world.runUntil(() => hub.watch.pairs.paths[0]?.remote.port !== before, seconds(40), 'the hub to follow');
  measured('NAT mapping gone while idle, liveness 10 s, followed after', took);
  assert.equal(router.all('nat.mapping_changed').length, 1);
  world.runFor(seconds(1));
  assert.equal(pingBack(stage, own), 3);
  assert.equal(ping(stage, own), 3);
  neverAnew(stage);
});

test('libreswan ikev2-mobike-08-nat-expire-liveness-road-mobike-no: without MOBIKE a new IKE SA takes the new port', () => {
  const stage = behindNat(8183, ["option liveness '10'", "option mobike '0'"]);
  const { world, router, hub } = stage;
  assert.equal(ping(stage, leased(stage)), 3);
  const before = hub.watch.pairs.paths[0]?.remote.port;
  world.link('isp1').nat?.reboot();
  const stream = new EchoStream({ from: router, client: { address: leased(stage), port: 6400 }, to: hub, server: { address: SCENE.server, port: 7 }, rate: 5 }).start();
  const took = world.runUntil(() => stream.result().answered > 0, minutes(5), 'an answer');
  measured('NAT mapping gone, no MOBIKE, answer after', took);
  stream.stop();
  world.runFor(seconds(2));
  assert.notEqual(hub.watch.pairs.paths[0]?.remote.port, before);
  assert.equal(pingBack(stage, leased(stage)), 3);
  untilRest(stage);
});
