// RFC 7296 §2.8.1: both sides rekey the same Child SA at once. Every position of the lowest nonce, messages lost and late, with ESP flowing.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { lowerNonce, oursIsRedundant } from '../../src/ike/collision.ts';
import { connection, ESP_SUITE, Pair, type Side } from './pair.ts';
import { EspFlow } from './esp-flow.ts';
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
});

const nonceOf = (first: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? first : i));
const spiDraw = (octet: number): Uint8Array => new Uint8Array(4).fill(octet);

/** SPIs of the pair that the router's exchange makes, and the hub's: what each side draws first is for its request. */
const OF_ROUTER = { router: 0x11111111, hub: 0x44444444 };
const OF_HUB = { router: 0x22222222, hub: 0x33333333 };
const POSITIONS = ['router Ni', 'router Nr', 'hub Ni', 'hub Nr'] as const;

interface Story {
  readonly pair: Pair;
  readonly flow: EspFlow;
  readonly chain: number;
  readonly hubChain: number;
  rekey(side: 'router' | 'hub'): void;
}

/** `lowest`: whose exchange and which of its nonces is the lowest of the four. */
function story(lowest: (typeof POSITIONS)[number], groups: readonly number[] = []): Story {
  const children = (role: 'initiator' | 'responder'): ReturnType<typeof connection> => {
    const plain = connection(role, { liveness: seconds(3000) });
    return { ...plain, children: plain.children.map((c) => ({ ...c, espProposals: [{ ...ESP_SUITE, groups }] })) };
  };
  const pair = new Pair(`collision ${lowest}`, children('initiator'), children('responder'));
  const chain = pair.connect();
  const flow = new EspFlow(pair);
  flow.run(millis(200));
  const rank = (what: (typeof POSITIONS)[number]): number => (what === lowest ? 1 : 100 + POSITIONS.indexOf(what));
  pair.router.draws.set('nonce', [nonceOf(rank('router Ni')), nonceOf(rank('hub Nr'))]);
  pair.hub.draws.set('nonce', [nonceOf(rank('hub Ni')), nonceOf(rank('router Nr'))]);
  pair.router.draws.set('child-spi', [spiDraw(0x11), spiDraw(0x22)]);
  pair.hub.draws.set('child-spi', [spiDraw(0x33), spiDraw(0x44)]);
  const hubChain = pair.hubChain();
  return {
    pair, flow, chain, hubChain,
    rekey: (side) => pair.feed(pair[side], { type: 'child.rekey', chain: side === 'router' ? chain : hubChain, child: 'lan' }),
  };
}

const FLAG_RESPONSE = 0x20;
const exchangeOf = (bytes: Uint8Array): number => bytes[22] ?? 0;
const isResponse = (bytes: Uint8Array): boolean => ((bytes[23] ?? 0) & FLAG_RESPONSE) !== 0;
const spisIn = (side: Side): number[] => side.engine.status().flatMap((s) => s.children.map((c) => c.spiIn));
/** Different INFORMATIONAL requests a side has sent since `from`: its Deletes. */
const informational = (side: Side, from: number): number =>
  new Set(side.sent.slice(from).filter((p) => exchangeOf(p.bytes) === 37 && !isResponse(p.bytes)).map((p) => p.bytes.join())).size;

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
      const survivor = lowest.startsWith('router') ? OF_HUB : OF_ROUTER;
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

/** What may befall the first copy of a message. */
const FATES = ['fast', 'late', 'lost'] as const;
type Fate = (typeof FATES)[number];
const LATE = millis(65);

/** The four messages of two crossing exchanges meet their fates; repeated copies pass. */
function befall(pair: Pair, exchange: number, fates: { readonly [what in 'router request' | 'router response' | 'hub request' | 'hub response']: Fate }): void {
  const seen = new Set<string>();
  const fateOf = (from: string, bytes: Uint8Array): Fate => {
    if (exchangeOf(bytes) !== exchange) return 'fast';
    const what = `${from} ${isResponse(bytes) ? 'response' : 'request'}` as keyof typeof fates;
    return seen.has(what) ? 'fast' : fates[what];
  };
  pair.drop = (from, _path, bytes) => {
    const isLost = fateOf(from, bytes) === 'lost';
    if (isLost) seen.add(`${from} ${isResponse(bytes) ? 'response' : 'request'}`);
    return isLost;
  };
  pair.delay = (from, _path, bytes) => {
    const isLate = fateOf(from, bytes) === 'late';
    if (exchangeOf(bytes) === exchange) seen.add(`${from} ${isResponse(bytes) ? 'response' : 'request'}`);
    return isLate ? LATE : millis(0);
  };
}

for (const lowest of POSITIONS) {
  test(`I2.8.1-1 I2.8.1-2 I2.8-1: both rekey one child, lowest the ${lowest}: requests and responses late or lost in every combination: no packet meets an unknown SPI, one pair is left`, () => {
    for (const a of FATES) for (const b of FATES) for (const c of FATES) for (const d of FATES) {
      const { pair, flow, rekey } = story(lowest);
      befall(pair, 36, { 'router request': a, 'router response': b, 'hub request': c, 'hub response': d });
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
        throw new Error(`router request ${a}, router response ${b}, hub request ${c}, hub response ${d}: ${String(error)}`, { cause: error });
      }
    }
  });
}
