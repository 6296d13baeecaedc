import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, minutes, seconds } from '../../src/base/index.ts';
import { SCENE } from '../sim/scene.ts';
import { measured, play, untilRest } from './stage.ts';

const NAME = 'vpn.example.com';
const NEW_HUB = ip('192.0.2.99');

test('M1.2-2: both ends move at once, unknown to each other: no rendezvous, but a new IKE SA to the address the name has now', () => {
  const stage = play({ seed: 8501, rate: 5, remoteAddrs: [NAME], prepare: ({ world }) => world.dns.set(NAME, [SCENE.hub]) });
  const { world, router, hub, wan, stream } = stage;
  const eth = hub.device('eth0');
  const at = world.now;
  wan.disconnect();
  eth.disconnect();
  eth.connect([{ address: NEW_HUB, length: 24 }]);
  world.runFor(seconds(30));
  world.dns.set(NAME, [NEW_HUB]);
  const mark = stream.mark;
  world.runUntil(() => stream.result(mark, stream.mark).answered > 0, minutes(7), 'traffic over a new IKE SA');
  measured('both ends moved at once, traffic after', world.now - at);
  assert.equal(router.uplink, 'wwan0');
  assert.equal(router.all('connection.established').length, 2, 'set up anew once');
  // Half a state is left nowhere: the hub gives the old SA up too.
  world.runFor(minutes(8));
  assert.equal((hub.ask('connections') as readonly unknown[]).length, 1);
  assert.equal((router.ask('connections') as readonly unknown[]).length, 1);
  untilRest(stage);
});
