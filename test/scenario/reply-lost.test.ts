import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds, toHex } from '../../src/base/index.ts';
import { EXCHANGE, measured, play, record, untilOn, untilRest } from './stage.ts';
import { ikeSight } from '../sim/index.ts';

test('D6.2-1 I2.1-1 I2.1-2: the answer to the update is lost: the same octets again, the stored answer, no second move', () => {
  const stage = play({ seed: 430 });
  const { world, router, hub } = stage;
  const isp2 = world.link('isp2');
  let dropped = 0;
  isp2.filters.push((packet, direction) => direction === 'down' && ikeSight(packet)?.isResponse === true && dropped++ < 1);
  const passed = record(stage, isp2);
  const at = world.now;
  world.link('isp1').unplug();
  world.runUntil(() => router.all('path.moved').length > 0, seconds(5), 'the move');
  measured('answer to the update lost: moved after', world.now - at);
  const requests = passed.filter((p) => p.direction === 'up' && p.exchange === EXCHANGE.INFORMATIONAL && !p.isResponse);
  assert.equal(dropped >= 1, true);
  assert.equal(requests.length, 2);
  assert.equal(new Set(requests.map((p) => toHex(p.packet.bytes))).size, 1, 'the same octets');
  assert.equal(hub.all('path.moving').length, 1);
  untilRest(stage);
});

test('M3.5-6: the answer to a rekeying is lost with the uplink: the request is resent from the new path, same octets', () => {
  const stage = play({ seed: 431 });
  const { world, router } = stage;
  const first = record(stage, world.link('isp1'));
  const second = record(stage, world.link('isp2'));
  world.link('isp1').filters.push((packet, direction) => direction === 'down' && ikeSight(packet)?.exchange === EXCHANGE.CREATE_CHILD_SA);
  router.ask('rekey', { name: 'lan' });
  world.runFor(millis(100));
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(3));
  const of = (passed: typeof first): Set<string> => new Set(passed.filter((p) => p.direction === 'up' && p.exchange === EXCHANGE.CREATE_CHILD_SA && !p.isResponse).map((p) => toHex(p.packet.bytes)));
  assert.equal(of(first).size, 1);
  assert.deepEqual([...of(second)], [...of(first)]);
  assert.equal(router.all('child.rekeyed').length, 1);
  untilRest(stage);
});

// Found by the random driver, seed 5110.
test('X-1 I2.8-3: the Delete of a rekeyed IKE SA never comes, and the router moves: nothing is asked on the old SA, and it goes after a while', () => {
  const stage = play({ seed: 432, rate: 10 });
  const { world, router, hub } = stage;
  const before = JSON.stringify(router.connection()['ike']);
  world.link('isp1').filters.push((packet, direction) => direction === 'down' && ikeSight(packet)?.exchange === EXCHANGE.INFORMATIONAL && ikeSight(packet)?.isResponse === false);
  hub.ask('rekey', { name: 'hq' });
  world.runFor(seconds(15));
  assert.notEqual(JSON.stringify(router.connection()['ike']), before);
  world.link('isp1').unplug();
  world.runFor(seconds(5));
  const sent = router.counts.ikeSent;
  world.runFor(seconds(60));
  assert.ok(router.counts.ikeSent - sent <= 2, `${router.counts.ikeSent - sent} IKE messages in a minute`);
  // Both are free to rekey again.
  hub.ask('rekey', { name: 'hq' });
  world.runFor(seconds(2));
  assert.equal(router.all('ike.rekeyed').length, 2);
  untilRest(stage);
});
