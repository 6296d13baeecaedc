// RFC 7296 §2.8.2: both sides rekey the IKE SA at once. Every position of the lowest nonce, messages lost and late.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { befall, everyFate, IKE_OF_HUB, IKE_OF_ROUTER, informational, POSITIONS, story, type Story } from './collision-story.ts';
import { portion } from '../tools/thorough.ts';
import { atRest, bookkeeping } from './rest.ts';

const ikeSpis = ({ pair }: Story): bigint[][] => [pair.router, pair.hub].map((side) => side.engine.status().flatMap((s) => [s.spiI, s.spiR]));

/** All that must hold when the collision is over: one IKE SA with the same SPIs at both ends and its child untouched, and it works. */
function settled(told: Story, handles: readonly number[]): void {
  const { pair, flow, chain } = told;
  for (const side of [pair.router, pair.hub]) bookkeeping(side);
  assert.deepEqual(flow.undeliverable, []);
  assert.equal(pair.router.of('ike.closed').length + pair.hub.of('ike.closed').length + pair.router.of('child.closed').length, 0);
  assert.ok(pair.router.of('ike.rekeyed').length >= 1 && pair.hub.of('ike.rekeyed').length >= 1);
  atRest(pair);
  const [router, hub] = ikeSpis(told);
  assert.deepEqual(router, hub);
  assert.deepEqual([...pair.router.sas.keys()], handles, 'the Child SA is inherited as it is');
  // Both ends use it.
  pair.feed(pair.router, { type: 'liveness.check', chain });
  pair.feed(pair.hub, { type: 'child.rekey', chain: told.hubChain, child: 'lan' });
  flow.run(seconds(1));
  assert.equal(pair.router.of('child.rekeyed').length, 1);
  assert.deepEqual(flow.undeliverable, []);
  atRest(pair);
}

for (const lowest of POSITIONS) {
  test(`I2.8.2-1 I2.25-1 I2.8-3: both rekey the IKE SA, the lowest nonce is the ${lowest}: the other's survives with the child, each deletes one`, () => {
    const told = story(lowest);
    const { pair, flow, rekey } = told;
    const handles = [...pair.router.sas.keys()];
    const marks = [pair.router.sent.length, pair.hub.sent.length];
    rekey('router', 'ike');
    rekey('hub', 'ike');
    flow.run(seconds(3));
    assert.deepEqual(ikeSpis(told)[0], lowest.startsWith('router') ? IKE_OF_HUB : IKE_OF_ROUTER);
    assert.deepEqual([informational(pair.router, marks[0] ?? 0), informational(pair.hub, marks[1] ?? 0)], [1, 1], 'the old one, and the redundant one');
    settled(told, handles);
  });

  test(`I2.8.2-1 I2.8-3: both rekey the IKE SA, lowest the ${lowest}: requests and responses late or lost in every combination`, () => {
    for (const fates of portion(everyFate(), 2)) {
      const told = story(lowest);
      const { pair, flow, rekey } = told;
      const handles = [...pair.router.sas.keys()];
      befall(pair, 36, fates);
      rekey('router', 'ike');
      flow.run(millis(3));
      rekey('hub', 'ike');
      flow.run(seconds(4));
      // A redundant SA whose Delete its maker never sends, since it never heard the answer, is forgotten after a minute.
      flow.run(seconds(61));
      try {
        settled(told, handles);
      } catch (error) {
        throw new Error(`${JSON.stringify(fates)}: ${String(error)}`, { cause: error });
      }
    }
  });
}
