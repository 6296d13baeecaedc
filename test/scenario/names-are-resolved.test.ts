import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, minutes, seconds } from '../../src/base/index.ts';
import { openScene, SCENE, type Scene } from '../sim/scene.ts';
import { during, measured, play, suite, untilRest } from './stage.ts';

const NAME = 'vpn.example.com';
const named = ({ world, router }: Scene): void => {
  router.config = router.config.replace(`list remote_addrs '${SCENE.hub}'`, `list remote_addrs '${NAME}'`);
  world.dns.set(NAME, [SCENE.hub]);
};

test('the hub by name: looked up through the uplink, then as ever', () => {
  const stage = play({ seed: 570, prepare: named });
  const { outage } = during(stage, seconds(3), () => stage.world.link('isp1').unplug());
  assert.ok(outage < 300, `outage ${outage} ms: a move needs no look-up`);
  untilRest(stage);
});

test('the first uplink is dead when the router starts: the name is asked for through the second', () => {
  const stage = openScene({ suite, seed: 571 });
  named(stage);
  stage.world.link('isp1').blackHole();
  const took = stage.establish(seconds(30));
  measured('start with a name and a dead first uplink', took);
  assert.ok(took < 15_000, `${took} ms`);
  assert.equal(stage.router.uplink, 'wwan0');
});

test('the name is unknown at first', () => {
  const stage = openScene({ suite, seed: 572 });
  named(stage);
  stage.world.dns.delete(NAME);
  stage.hub.start();
  stage.router.start();
  stage.world.runFor(minutes(2));
  assert.equal(stage.router.up, false);
  assert.match(String(stage.router.connection()['reason']), /name/);
  stage.world.dns.set(NAME, [SCENE.hub]);
  stage.world.runUntil(() => stage.router.up, seconds(75), 'the tunnel');
});

test('several addresses, the first of them dead', () => {
  const stage = openScene({ suite, seed: 573 });
  named(stage);
  stage.world.dns.set(NAME, [ip('192.0.2.250'), SCENE.hub]);
  const took = stage.establish(seconds(30));
  assert.ok(took < 3000, `${took} ms`);
});

test('F-8: the hub gets another address and the name follows: found by a new look-up', () => {
  const stage = play({ seed: 574, prepare: named, rate: 5 });
  const { world, router, hub, stream } = stage;
  const next = ip('192.0.2.77');
  const eth = hub.device('eth0');
  eth.disconnect();
  eth.connect([{ address: next, length: 24 }]);
  world.dns.set(NAME, [next]);
  const at = world.now;
  const mark = stream.mark;
  world.runUntil(() => stream.result(mark, stream.mark).answered > 0, minutes(6), 'traffic to the new address');
  measured('the hub has moved, name followed, traffic after', world.now - at);
  assert.match(JSON.stringify(router.connection()['path']), /192\.0\.2\.77/);
});
