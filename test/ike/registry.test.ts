// The registry alone: rows with the members it reads in the place of whole IKE SAs. What finds an SA, and that one removed is found no more.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, toUtf8, type Instant, type Path } from '../../src/base/index.ts';
import type { IkeHeader } from '../../src/codec/ike/index.ts';
import type { IkeIdentity } from '../../src/ike/index.ts';
import type { IkeSa } from '../../src/ike/ike-sa.ts';
import { networkOf, Registry, sourceKey } from '../../src/ike/registry.ts';

const fqdn = (text: string): IkeIdentity => ({ text, idType: 2, data: toUtf8(text) });
const HUB = fqdn('hub.example');
const ROUTER = fqdn('router.example');

interface Row {
  localSpi: bigint;
  spiI: bigint;
  spiR: bigint;
  originalInitiator: boolean;
  chain: number;
  state: string;
  isEstablished: boolean;
  localId: IkeIdentity | undefined;
  peerId: IkeIdentity | undefined;
  setup: { readonly source: string } | undefined;
  deadline: Instant | undefined;
  onTouch: (() => void) | undefined;
}

/** An SA that answered: its own SPI is SPIr. */
const answering = (spiI: bigint, spiR: bigint, chain: number, change: Partial<Row> = {}): IkeSa & Row => {
  const row: Row = {
    localSpi: spiR, spiI, spiR, originalInitiator: false, chain, state: 'established', isEstablished: true, localId: HUB, peerId: ROUTER, setup: undefined, deadline: undefined, onTouch: undefined, ...change,
  };
  return row as unknown as IkeSa & Row;
};
const initiating = (spiI: bigint, spiR: bigint, chain: number, change: Partial<Row> = {}): IkeSa & Row => answering(spiI, spiR, chain, { localSpi: spiI, originalInitiator: true, ...change });

/** What of a message finds its SA. */
const header = (spiI: bigint, spiR: bigint, fromOriginalInitiator: boolean): IkeHeader => ({ spiI, spiR, fromOriginalInitiator }) as unknown as IkeHeader;
const from = (address: string): Path => ({ uplink: 'eth0', ifindex: 1, local: { address: ip('203.0.113.1'), port: 500 }, remote: { address: ip(address), port: 500 } });

test('I2.6-5: an SA is found by both SPIs, and by which of them is ours', () => {
  const registry = new Registry();
  const [mine, theirs] = [initiating(1n, 2n, 1), answering(3n, 4n, 2)];
  registry.add(mine);
  registry.add(theirs);
  assert.deepEqual(registry.find(header(1n, 2n, false)), [mine]);
  assert.deepEqual(registry.find(header(3n, 4n, true)), [theirs]);
  for (const wrong of [header(1n, 2n, true), header(3n, 4n, false), header(1n, 9n, false), header(9n, 4n, true), header(2n, 1n, false)]) assert.deepEqual(registry.find(wrong), []);
  assert.deepEqual([registry.hasLocal(1n), registry.hasLocal(4n), registry.hasLocal(2n), registry.hasLocal(3n)], [true, true, false, false]);
});

test('I2.4-5: while the peer\'s SPI is not known any is taken, and several candidates share ours', () => {
  const registry = new Registry();
  const [first, second] = [initiating(1n, 0n, 1), initiating(1n, 7n, 1)];
  registry.add(first);
  registry.add(second, false);
  assert.deepEqual(registry.find(header(1n, 5n, false)), [first]);
  assert.deepEqual(registry.find(header(1n, 7n, false)), [first, second]);
  assert.equal(registry.chain(1), first);
  registry.remove(second);
  assert.equal(registry.chain(1), first, 'one beside the newest takes no chain with it');
  assert.deepEqual(registry.find(header(1n, 7n, false)), [first]);
});

test('I2.1-3: SAs that answered an IKE_SA_INIT are found by SPIi, which two peers may both have chosen', () => {
  const registry = new Registry();
  const [one, other, own] = [answering(1n, 2n, 1), answering(1n, 3n, 2), initiating(1n, 9n, 3)];
  for (const sa of [one, other, own]) registry.add(sa);
  assert.deepEqual([...registry.answered(1n)], [one, other]);
  registry.remove(one);
  assert.deepEqual([...registry.answered(1n)], [other]);
  registry.remove(other);
  assert.deepEqual([...registry.answered(1n)], []);
});

test('what is removed is found in no way', () => {
  const registry = new Registry();
  const sa = answering(1n, 2n, 1, { state: 'halfOpen', setup: { source: 'a' }, deadline: instant(5) });
  registry.add(sa);
  registry.identified(1);
  assert.deepEqual([registry.size, registry.chainCount, registry.deadline, registry.between(HUB, ROUTER).length, registry.halfOpen('a').all], [1, 1, 5, 1, 1]);
  registry.remove(sa);
  assert.deepEqual([registry.size, registry.chainCount, registry.deadline, registry.between(HUB, ROUTER).length, registry.halfOpen('a').all], [0, 0, undefined, 0, 0]);
  assert.deepEqual([[...registry.values()], [...registry.chains()], registry.find(header(1n, 2n, true)), [...registry.answered(1n)], registry.due(instant(9))], [[], [], [], [], []]);
  assert.deepEqual([registry.chain(1), registry.hasLocal(2n), sa.onTouch], [undefined, false, undefined]);
});

test('a successor is its chain from then on; the old one\'s end leaves it there', () => {
  const registry = new Registry();
  const [old, fresh] = [answering(1n, 2n, 1), answering(3n, 4n, 1)];
  registry.add(old);
  registry.identified(1);
  registry.add(fresh);
  assert.equal(registry.chain(1), fresh);
  registry.remove(old);
  assert.equal(registry.chain(1), fresh);
  assert.deepEqual(registry.between(HUB, ROUTER), [fresh]);
});

test('I2.4-4: between two identities are the established SAs of just these, type and octets', () => {
  const registry = new Registry();
  const sas = [
    answering(1n, 11n, 1), answering(2n, 12n, 2, { isEstablished: false }), answering(3n, 13n, 3, { localId: fqdn('other.example') }), answering(4n, 14n, 4, { localId: { ...HUB, idType: 11 } }),
    answering(5n, 15n, 5, { peerId: fqdn('another.example') }), answering(6n, 16n, 6, { peerId: { ...ROUTER, idType: 11 } }), answering(7n, 17n, 7, { localId: undefined }),
    answering(8n, 18n, 8), answering(9n, 19n, 9),
  ];
  for (const sa of sas) registry.add(sa);
  for (const number of [1, 2, 3, 4, 5, 6, 7, 9, 77]) registry.identified(number);
  assert.deepEqual(registry.between(HUB, ROUTER).map(({ chain }) => chain), [1, 9], '8 was never authenticated');
  assert.deepEqual(registry.between(HUB, { ...ROUTER, idType: 11 }).map(({ chain }) => chain), [6]);
});

test('I2.6-1: half-open SAs are counted in all and by source, until they are no more', () => {
  const registry = new Registry();
  const half = (n: bigint, source: string): IkeSa & Row => answering(n, n + 100n, Number(n), { state: 'halfOpen', isEstablished: false, setup: { source } });
  const [a, b, c] = [half(1n, 'x'), half(2n, 'x'), half(3n, 'y')];
  for (const sa of [a, b, c, answering(4n, 104n, 4)]) registry.add(sa);
  assert.deepEqual(registry.halfOpen('x'), { all: 3, ofSource: 2 });
  assert.deepEqual(registry.halfOpen('z'), { all: 3, ofSource: 0 });
  b.state = 'established';
  assert.deepEqual(registry.halfOpen('x'), { all: 2, ofSource: 1 });
  registry.remove(c);
  assert.deepEqual(registry.halfOpen('y'), { all: 1, ofSource: 0 });
});

test('the earliest deadline is the registry\'s, and follows what an SA tells of itself', () => {
  const registry = new Registry();
  const [a, b] = [answering(1n, 2n, 1, { deadline: instant(50) }), answering(3n, 4n, 2)];
  registry.add(a);
  registry.add(b);
  assert.equal(registry.deadline, 50);
  b.deadline = instant(20);
  b.onTouch?.();
  assert.equal(registry.deadline, 20);
  assert.deepEqual(registry.due(instant(19)), []);
  assert.deepEqual(registry.due(instant(20)), [b]);
});

test('I2.6-1 I1.5-1: a source is an address, of IPv6 its /64; notices count the /24', () => {
  assert.equal(sourceKey(from('192.0.2.10')), 'c000020a');
  assert.equal(sourceKey(from('2001:db8:1:2:3::4')), '20010db800010002');
  assert.equal(networkOf(from('192.0.2.10')), 'c00002');
  assert.equal(networkOf(from('2001:db8:1:2:3::4')), '20010db800010002');
});
