import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { SCENE } from '../sim/scene.ts';
import { play, record, untilRest, type Passed } from './stage.ts';

const port = (passed: Passed): number => (passed.direction === 'up' ? passed.packet.destination.port : passed.packet.source.port);

test('M3.3-4 F-2 Q-1: the network drops UDP 500: the session is begun on 4500 by itself, within seconds', () => {
  let seen: Passed[] = [];
  const stage = play({
    seed: 620, wan: { rtt: millis(30), nat: { publicAddress: SCENE.wanPublic }, filters: ['udp-500'] }, wwan: { rtt: millis(60), filters: ['udp-500'] },
    prepare: (scene) => { seen = record(scene, scene.wan.link); },
  });
  const ike = seen.filter((p) => p.kind === 'ike');
  assert.equal(ike[0] && port(ike[0]), 500, '500 is tried first');
  const answered = ike.find((p) => p.direction === 'down');
  assert.equal(answered && port(answered), 4500);
  assert.ok((answered?.at ?? Infinity) - (ike[0]?.at ?? 0) < 3000, `${(answered?.at ?? Infinity) - (ike[0]?.at ?? 0)} ms`);
  stage.stream.stop();
  stage.world.runFor(seconds(2));
  assert.equal(stage.stream.result().lost, 0);
  untilRest(stage);
});

test('M3.3-4 Q-1: start_port 4500: nothing goes to port 500, every message of the session to the same port', () => {
  let seen: Passed[] = [];
  const stage = play({ seed: 621, connection: ["option start_port '4500'"], prepare: (scene) => { seen = record(scene, scene.wan.link); } }, false);
  stage.world.runFor(seconds(30));
  assert.ok(seen.filter((p) => p.kind === 'ike').length >= 4);
  assert.deepEqual(new Set(seen.filter((p) => p.kind === 'ike').map(port)), new Set([4500]));
  untilRest(stage);
});

test('M3.3-4: start_port 500: where that is dropped there is no session', () => {
  let seen: Passed[] = [];
  assert.throws(() => play({
    seed: 622, connection: ["option start_port '500'"], wan: { rtt: millis(30), filters: ['udp-500'] }, wwan: { rtt: millis(30), filters: ['udp-500'] },
    prepare: (scene) => { seen = record(scene, scene.wan.link); },
  }, false));
  assert.deepEqual(new Set(seen.filter((p) => p.kind === 'ike').map(port)), new Set([500]));
});
