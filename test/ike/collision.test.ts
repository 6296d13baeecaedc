// RFC 7296 §2.8.1: both sides rekey the same Child SA at once. Every position of the lowest nonce, messages lost and late, with ESP flowing.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { lowerNonce, oursIsRedundant } from '../../src/ike/collision.ts';
import { befall, CHILD_OF_HUB, CHILD_OF_ROUTER, everyFate, informational, POSITIONS, spisIn, story } from './collision-story.ts';
import { atRest, bookkeeping } from './rest.ts';

test('I2.8.1-1: nonces are compared octet by octet, and a shorter one that begins the longer is lower', () => {
  const of = (...octets: number[]): Uint8Array => Uint8Array.from(octets);
  const [a, b, c] = [of(0, 255), of(1, 0), of(0, 255, 0)];
  assert.equal(lowerNonce(a, b), a);
  assert.equal(lowerNonce(b, a), a);
  assert.equal(lowerNonce(c, a), a);
  const low = of(0x7f);
  assert.equal(lowerNonce(of(0x80), low), low, 'octets have no sign');
  assert.equal(oursIsRedundant([a, b], [c, b]), true);
  assert.equal(oursIsRedundant([b, c], [b, a]), false);
  assert.equal(oursIsRedundant([b, b], [c, b]), false);
  assert.equal(oursIsRedundant([c, b], [b, b]), true);
  assert.deepEqual([oursIsRedundant([a, b], [b, a]), oursIsRedundant([b, c], [c, b])], [false, false], 'of two that are equal none is the lowest: nobody deletes');
});

for (const lowest of POSITIONS) {
  for (const groups of [[], [31]]) {
    test(`I2.8.1-1 I2.25-1: both rekey one child, the lowest nonce is the ${lowest}${groups.length > 0 ? ', with a key exchange' : ''}: the other's SA survives, its initiator deletes the old`, () => {
      const { pair, flow, rekey } = story(lowest, groups);
      const marks = [pair.router.sent.length, pair.hub.sent.length];
      rekey('router');
      rekey('hub');
      flow.run(millis(15));
      // Each has answered: old, own and other's are all received on.
      assert.deepEqual(['router', 'hub'].map((s) => [...pair[s as 'router'].sas.values()].filter((sa) => sa.direction === 'in').length), [2, 2]);
      flow.run(seconds(3));
      const survivor = lowest.startsWith('router') ? CHILD_OF_HUB : CHILD_OF_ROUTER;
      assert.deepEqual([spisIn(pair.router), spisIn(pair.hub)], [[survivor.router], [survivor.hub]]);
      assert.deepEqual([informational(pair.router, marks[0] ?? 0), informational(pair.hub, marks[1] ?? 0)], [1, 1], 'each deletes one: the old, or its own');
      assert.deepEqual(flow.undeliverable, []);
      assert.equal(pair.router.of('child.closed').length + pair.hub.of('child.closed').length, 0);
      atRest(pair);
      // And the one that is left can be rekeyed from either side.
      rekey('hub');
      flow.run(seconds(1));
      rekey('router');
      flow.run(seconds(1));
      assert.deepEqual(flow.undeliverable, []);
      atRest(pair);
    });
  }
}

for (const lowest of POSITIONS) {
  test(`I2.8.1-1 I2.8.1-2 I2.8-1: both rekey one child, lowest the ${lowest}: requests and responses late or lost in every combination: no packet meets an unknown SPI, one pair is left`, () => {
    for (const fates of everyFate()) {
      const { pair, flow, rekey } = story(lowest);
      befall(pair, 36, fates);
      rekey('router');
      flow.run(millis(3));
      rekey('hub');
      flow.run(seconds(4));
      bookkeeping(pair.router);
      bookkeeping(pair.hub);
      try {
        assert.deepEqual(flow.undeliverable, []);
        assert.equal(pair.router.of('child.closed').length + pair.hub.of('child.closed').length + pair.router.of('ike.closed').length, 0);
        assert.ok(pair.router.of('child.rekeyed').length >= 1 && pair.hub.of('child.rekeyed').length >= 1);
        atRest(pair);
      } catch (error) {
        throw new Error(`${JSON.stringify(fates)}: ${String(error)}`, { cause: error });
      }
    }
  });
}
