import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { instant, ip, parsePrefix, seconds, type IpPrefix, type Path } from '../../src/base/index.ts';
import { decodeChain, decodeHeader, EXCHANGE, findPayload, HEADER_OCTETS, notify, PAYLOAD, type IkeSpi, type Payload, type PayloadOf } from '../../src/codec/ike/index.ts';
import { leastLimit, messageLimit, Reassembly, sealWithin } from '../../src/ike/fragments.ts';
import type { IkeSuite } from '../../src/ike/index.ts';
import type { Chosen } from '../../src/ike/negotiate.ts';
import { SkProtection, type OpenedFragment, type SealHeader } from '../../src/ike/seal.ts';
import { connection, ESP_SUITE, HUB, IKE_SUITE, Pair, seededEntropy } from './pair.ts';

const HEADER: SealHeader = {
  spiI: 0x0102030405060708n as IkeSpi, spiR: 0x1112131415161718n as IkeSpi, majorVersion: 2, minorVersion: 0, exchange: EXCHANGE.IKE_AUTH,
  fromOriginalInitiator: true, isResponse: false, messageId: 1,
};
const GCM: Chosen = { number: 1, spi: new Uint8Array(), encr: { id: 20, keyLength: 256 }, prf: 5, integ: 0, group: 31, esn: 0 };
const CBC: Chosen = { ...GCM, encr: { id: 12, keyLength: 256 }, integ: 12 };
const key = (count: number, seed: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 7 + seed) & 255);
const ends = (chosen: Chosen): [SkProtection, SkProtection] => {
  const encr = chosen.integ === 0 ? 36 : 32;
  const [a, b] = [{ encr: key(encr, 1), integ: key(32, 2) }, { encr: key(encr, 3), integ: key(32, 4) }];
  const deps = { suite: nodeCrypto(), entropy: seededEntropy('fragments') };
  return [new SkProtection(deps, chosen, a, b), new SkProtection(deps, chosen, b, a)];
};
const LARGE: readonly Payload[] = [notify('COOKIE2', key(64, 1)), { type: 'V', data: key(2500, 5) }, { type: 'NONCE', data: key(32, 6) }];

function fragmentOf(message: Uint8Array): PayloadOf<'SKF'> {
  const chain = decodeChain(message[16] ?? 0, message, HEADER_OCTETS, message.length);
  const skf = chain.kind === 'payloads' ? findPayload(chain.payloads, 'SKF') : undefined;
  assert.ok(skf);
  return skf;
}

test('FR2.4-1 FR2.5-1: a large message is cut without regard to payload borders; each piece fits, has its own IV, and only the first names a payload', () => {
  for (const chosen of [GCM, CBC]) {
    const [a, b] = ends(chosen);
    const pieces = sealWithin(a, HEADER, LARGE, 1200);
    assert.equal(pieces.length, 3);
    assert.ok(pieces.every((piece) => piece.length <= 1200));
    const queue = new Reassembly();
    const ivs = new Set<string>();
    pieces.forEach((piece, i) => {
      const header = decodeHeader(piece);
      assert.deepEqual([header?.nextPayload, header?.length, header?.messageId, header?.exchange], [PAYLOAD.SKF.code, piece.length, 1, EXCHANGE.IKE_AUTH]);
      const skf = fragmentOf(piece);
      assert.deepEqual([skf.fragment, skf.total, skf.firstInner === 0], [i + 1, 3, i !== 0]);
      ivs.add(skf.body.subarray(0, 8).join());
      const opened = b.openFragment(piece, skf);
      assert.ok(opened);
      const whole = queue.take(1, opened, piece.length, instant(0));
      assert.deepEqual(whole, i < 2 ? undefined : { kind: 'payloads', payloads: LARGE });
    });
    assert.equal(ivs.size, 3);
  }
});

test('FR2.4-1: what fits, and what would need more pieces than a peer must take, stays whole', () => {
  const [a] = ends(GCM);
  const count = (limit: number | undefined): number => sealWithin(a, HEADER, LARGE, limit).length;
  assert.equal(count(undefined), 1);
  assert.equal(count(a.sealedLength(72 + 2504 + 36)), 1, 'exactly fits');
  assert.equal(count(a.sealedLength(72 + 2504 + 36) - 1), 2);
  assert.equal(count(101), 1, 'more than 64 pieces of 41 octets');
  assert.equal(count(60), 1, 'no room at all');
});

test('FR2.5.1-1: packets of 1280 octets, and of 576 on IPv4 when those get no answer', () => {
  const path = (remote: string): Path => ({ uplink: 'wan', ifindex: 2, local: { address: ip('192.0.2.1'), port: 4500 }, remote: { address: ip(remote), port: 4500 } });
  assert.deepEqual([messageLimit(path('192.0.2.2')), leastLimit(path('192.0.2.2'))], [1280 - 32, 576 - 32]);
  assert.deepEqual([messageLimit(path('2001:db8::1')), leastLimit(path('2001:db8::1'))], [1280 - 52, 1280 - 52]);
});

const piece = (number: number, total: number, text = `${number}/${total}`): OpenedFragment => ({ number, total, firstInner: number === 1 ? PAYLOAD.V.code : 0, plaintext: new TextEncoder().encode(text) });
/** A vendor ID payload of `length` octets, cut into pieces of the same size. */
const vendor = (total: number, each = 8): OpenedFragment[] => {
  const text = new Uint8Array(total * each);
  new DataView(text.buffer).setUint16(2, text.length);
  return Array.from({ length: total }, (_, i) => ({ number: i + 1, total, firstInner: i === 0 ? PAYLOAD.V.code : 0, plaintext: text.slice(i * each, (i + 1) * each) }));
};
const take = (queue: Reassembly, fragment: OpenedFragment | undefined, now = 0, id = 5): boolean => fragment !== undefined && queue.take(id, fragment, 100, instant(now)) !== undefined;

test('FR2.6-1: any order; duplicates, impossible places and smaller totals are dropped before they are opened; a larger total starts over', () => {
  const queue = new Reassembly();
  const [one, two, three] = vendor(3);
  for (const [number, total] of [[0, 3], [4, 3], [1, 65], [1, 0]] as const) assert.equal(queue.wants(5, number, total, instant(0)), false, `${number}/${total}`);
  assert.equal(take(queue, three), false);
  assert.equal(queue.wants(5, 3, 3, instant(0)), false, 'duplicate');
  assert.equal(queue.wants(5, 1, 2, instant(0)), false, 'smaller total');
  assert.equal(take(queue, one), false);
  assert.equal(take(queue, two), true);
  assert.equal(take(queue, one), false);
  const larger = vendor(4);
  assert.equal(take(queue, larger[1]), false);
  assert.equal(take(queue, two), false, 'the pieces of the smaller total are gone and unwelcome');
  for (const index of [0, 2]) assert.equal(take(queue, larger[index]), false);
  assert.equal(take(queue, larger[3]), true);
});

test('FR2.6-3 FR2.6-5: 15 s, 64 pieces and 64 KiB, one message at a time', () => {
  const queue = new Reassembly();
  const [one, two] = vendor(2);
  assert.equal(take(queue, one), false);
  assert.equal(take(queue, two, 15_000), false, 'the first piece was forgotten meanwhile');
  assert.equal(take(queue, one, 15_001), true);
  assert.equal(take(queue, one, 20_000), false);
  assert.equal(take(queue, two, 20_000, 6), false, 'another message ID');
  assert.equal(take(queue, two, 20_000), false, 'pushed the first out');
  const huge = new Reassembly();
  const many = vendor(64, 1100);
  for (const fragment of many) assert.equal(take(huge, fragment), false, 'more than 64 KiB is never joined');
  const full = new Reassembly();
  assert.equal(vendor(64, 1000).filter((fragment) => take(full, fragment)).length, 1);
  assert.equal(take(queue, piece(1, 1)), false, 'and what is joined is parsed like any message');
});

// ---- two engines -------------------------------------------------------------------------------------------------------

const many = (net: number): IpPrefix[] => Array.from({ length: 60 }, (_, i) => parsePrefix(`10.${net}.${i}.0/24`) as IpPrefix);
/** A pair whose IKE_AUTH carries 120 selectors, 2 kB. */
function largePair(seed: string, change: { readonly router?: boolean; readonly hub?: boolean; readonly suite?: IkeSuite } = {}): Pair {
  const child = (local: number, remote: number): { children: [{ name: string; localTs: IpPrefix[]; remoteTs: IpPrefix[]; espProposals: IkeSuite[] }]; ikeProposals: IkeSuite[] } =>
    ({ children: [{ name: 'lan', localTs: many(local), remoteTs: many(remote), espProposals: [ESP_SUITE] }], ikeProposals: [change.suite ?? IKE_SUITE] });
  return new Pair(seed, connection('initiator', { ...child(1, 2), fragmentation: change.router ?? true }), connection('responder', { ...child(2, 1), fragmentation: change.hub ?? true }));
}
const CBC_SUITE: IkeSuite = { ...IKE_SUITE, text: 'aes256-sha256-x25519', encr: [{ id: 12, keyLength: 256 }], integ: [12] };
interface Seen { readonly from: 'router' | 'hub'; readonly exchange: number; readonly fragment: number; readonly total: number; readonly octets: number; readonly path: string; readonly bytes: Uint8Array }

/** Watches what flies; `lose` decides. */
function watch(pair: Pair, lose: (seen: Seen, all: readonly Seen[]) => boolean = () => false): Seen[] {
  const all: Seen[] = [];
  pair.drop = (from, path, marked) => {
    const bytes = path.local.port === 500 ? marked : marked.subarray(4);
    const header = decodeHeader(bytes);
    if (!header) return false;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const isFragment = header.nextPayload === PAYLOAD.SKF.code;
    const seen: Seen = { from, exchange: header.exchange, fragment: isFragment ? view.getUint16(32) : 0, total: isFragment ? view.getUint16(34) : 0, octets: bytes.length, path: path.uplink, bytes };
    all.push(seen);
    return lose(seen, all);
  };
  return all;
}
const auth = (seen: readonly Seen[], from: 'router' | 'hub'): string => seen.filter((s) => s.exchange === EXCHANGE.IKE_AUTH && s.from === from).map((s) => `${s.fragment}/${s.total}`).join(' ');

for (const [name, suite] of [['GCM', IKE_SUITE], ['CBC', CBC_SUITE]] as const)
  test(`FR2.3-1 FR2.4-1 FR2.5-1: a large IKE_AUTH goes both ways in fragments of at most 1280 octets, ${name}`, () => {
    const pair = largePair(`fragments-${name}`, { suite });
    const seen = watch(pair);
    pair.connect();
    assert.equal(auth(seen, 'router'), '1/2 2/2');
    assert.equal(auth(seen, 'hub'), '1/2 2/2');
    assert.ok(seen.every((s) => s.octets <= 1248));
    pair.checkPaired();
    assert.equal([...pair.hub.sas.values()][0]?.local.length, 60);
  });

test('FR2.3-1: never fragments unless both sides announced it', () => {
  for (const change of [{ router: false }, { hub: false }]) {
    const pair = largePair('fragments-off', change);
    const seen = watch(pair);
    pair.connect();
    assert.equal(auth(seen, 'router'), '0/0');
    assert.equal(auth(seen, 'hub'), '0/0');
    assert.ok(seen.some((s) => s.octets > 2000));
  }
});

test('FR2.6-4 FR2.6-2: a lost piece of a request brings all pieces again, octet by octet; the answer comes once for each first piece', () => {
  const pair = largePair('fragments-lost');
  let lost = 0;
  const seen = watch(pair, (s) => s.exchange === EXCHANGE.IKE_AUTH && s.from === 'router' && s.fragment === 2 && lost++ === 0);
  pair.connect();
  assert.equal(auth(seen, 'router'), '1/2 2/2 1/2 2/2');
  assert.equal(auth(seen, 'hub'), '1/2 2/2');
  const sent = seen.filter((s) => s.exchange === EXCHANGE.IKE_AUTH && s.from === 'router').map((s) => s.bytes);
  assert.deepEqual(sent[0], sent[2]);
  assert.deepEqual(sent[1], sent[3]);

  const answer = largePair('fragments-answer-lost');
  let hub = 0;
  const both = watch(answer, (s) => s.exchange === EXCHANGE.IKE_AUTH && s.from === 'hub' && hub++ === 1);
  answer.connect();
  assert.equal(auth(both, 'router'), '1/2 2/2 1/2 2/2');
  assert.equal(auth(both, 'hub'), '1/2 2/2 1/2 2/2');
  assert.equal(answer.hub.of('ike.established').length, 1);
});

test('FR2.5.1-1 FR2.5.2-1: a path that swallows packets above 576 octets gets smaller pieces after three sends, and more of them; so does the answer', () => {
  const pair = largePair('fragments-small');
  const seen = watch(pair, (s) => s.octets > 576 - 32);
  pair.connect();
  const router = auth(seen, 'router');
  assert.equal(router.slice(0, 24), '1/2 2/2 1/2 2/2 1/2 2/2 ');
  assert.match(router.slice(24), /^1\/5 2\/5 3\/5 4\/5 5\/5$/);
  assert.match(auth(seen, 'hub'), /^1\/5 2\/5 3\/5 4\/5 5\/5$/);
});

test('FR2.4-1: a small message is never cut, however often it is lost', () => {
  const pair = new Pair('fragments-tiny');
  const chain = pair.connect();
  const seen = watch(pair, (s) => s.from === 'hub');
  pair.feed(pair.router, { type: 'liveness.check', chain });
  pair.runFor(seconds(40));
  assert.ok(seen.filter((s) => s.from === 'router').length > 5);
  assert.ok(seen.every((s) => s.total === 0));
});

test('FR2.5.2-1 X-4: a path change sends the same fragments', () => {
  const pair = largePair('fragments-move');
  const chain = pair.connect();
  const seen = watch(pair, (s) => s.path === 'wan' || s.from === 'hub');
  pair.feed(pair.router, { type: 'child.rekey', chain, child: 'lan' });
  pair.runFor(seconds(1));
  const lte: Path = { uplink: 'lte', ifindex: 3, local: { address: ip('100.64.0.7'), port: 4500 }, remote: { address: HUB, port: 4500 } };
  pair.feed(pair.router, { type: 'path.move', chain, path: lte, reasons: ['test'], since: pair.now });
  const octets = (uplink: string): Uint8Array[] => seen.filter((s) => s.from === 'router' && s.exchange === EXCHANGE.CREATE_CHILD_SA && s.path === uplink).map((s) => s.bytes);
  assert.equal(octets('lte').length, 2);
  assert.deepEqual(octets('lte'), octets('wan').slice(0, 2));
});

test('FR2.6-1 I3.14-2: a piece with a wrong ICV is not kept, and takes the place of none', () => {
  const pair = largePair('fragments-forged');
  let forged = 0;
  watch(pair, (s) => {
    if (s.from === 'router' && s.exchange === EXCHANGE.IKE_AUTH && s.total > 0 && forged < 10) {
      const bad = s.bytes.slice();
      bad[bad.length - 1] = (bad[bad.length - 1] ?? 0) ^ 1;
      forged++;
      pair.deliver(pair.hub, { uplink: 'eth0', ifindex: 9, local: { address: HUB, port: 4500 }, remote: { address: ip('192.0.2.10'), port: 4500 } }, new Uint8Array([0, 0, 0, 0, ...bad]));
    }
    return false;
  });
  pair.connect();
  assert.ok(forged > 0);
  assert.equal(pair.hub.of('ike.established').length, 1);
});

test('FR2.6-5: half a message from the peer changes nothing, and the next request is answered', () => {
  const pair = largePair('fragments-half');
  const chain = pair.connect();
  watch(pair, (s) => s.fragment === 2);
  pair.feed(pair.router, { type: 'child.rekey', chain, child: 'lan' });
  pair.runFor(seconds(20));
  pair.drop = () => false;
  pair.runFor(seconds(30));
  assert.equal(pair.router.of('child.rekeyed').length, 1);
  pair.checkPaired();
});
