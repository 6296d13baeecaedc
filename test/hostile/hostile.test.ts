/**
 * One stranger and one member that break every rule once. The hub has an IKE SA with an honest peer, the witness; after each attack the
 * witness' SA is as it was, nothing of the attack is left, memory is flat, and another honest router gets in: how long that took is printed.
 */
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test, type TestContext } from 'node:test';
import v8 from 'node:v8';
import vm from 'node:vm';
import { ByteWriter, concat, ip, ipFromBytes, millis, seconds, type IpAddress, type Path } from '../../src/base/index.ts';
import { encodeHeader, encodePayloads, EXCHANGE, findPayload, HEADER_OCTETS, notify, PAYLOAD, type IkeSpi, type Payload } from '../../src/codec/ike/index.ts';
import { connection, ESP_SUITE, Pair, path, prefixes } from '../ike/pair.ts';
import { DELETE_IKE, deleteEsp, errorsOf, espOffer, HUB_NET, ikeOffer, range, rawNotify, ROUTER_NET, ScriptedPeer, spi8, suite } from '../ike/scripted-peer.ts';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;
const heap = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};
/** Heap an attack may leave behind, in octets: noise of the engine and the test itself, far below one octet for each thing sent in a flood. */
const HEAP_MOST = 3_000_000;

interface World {
  readonly pair: Pair;
  /** An honest peer with an IKE SA. */
  readonly witness: ScriptedPeer;
  /** A stranger, or a member gone mad: `enter` gives it an IKE SA. */
  readonly mad: ScriptedPeer;
  enter(): void;
}

function world(): World {
  const pair = new Pair('hostile', connection('initiator'), connection('responder', { children: [{ name: 'lan', localTs: prefixes('10.2.0.0/24'), remoteTs: prefixes('10.1.0.0/16'), espProposals: [ESP_SUITE] }] }));
  const witness = new ScriptedPeer('hub', { id: 'witness.example' }, pair);
  witness.path = { ...witness.path, remote: { address: ip('198.51.100.77'), port: 500 } };
  witness.connect();
  const mad = new ScriptedPeer('hub', { id: 'mad.example' }, pair);
  mad.path = { ...mad.path, remote: { address: ip('203.0.113.66'), port: 500 } };
  return { pair, witness, mad, enter: () => void mad.connect() };
}

/** Everything of the witness' SA that can be seen from outside, and that it still answers to the next request. */
function isUntouched({ witness, pair }: World): void {
  const status = pair.hub.engine.status().find((s) => s.peer === 'witness.example');
  assert.deepEqual([status?.state, status?.path.remote, status?.children.length, status?.children[0]?.state], ['established', { address: '198.51.100.77', port: 4500 }, 1, 'installed']);
  witness.answerTo('INFORMATIONAL', []);
}

/** A new router's way in, from nothing to its Child SA: virtual time, and what the machine spent on both sides. */
function honestEntry(pair: Pair): { readonly virtual: number; readonly spent: number } {
  pair.drop = () => false;
  const before = pair.router.of('child.established').length;
  const start = pair.now;
  const clock = performance.now();
  pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
  for (let i = 0; i < 5_000 && pair.router.of('child.established').length === before; i++) pair.runFor(millis(1));
  assert.equal(pair.router.of('child.established').length, before + 1, `an honest router did not get in: ${pair.router.logs.join('; ')}`);
  const taken = { virtual: pair.now - start, spent: performance.now() - clock };
  pair.feed(pair.router, { type: 'connection.terminate', connection: 'hq' });
  pair.runFor(seconds(1));
  pair.drop = () => true;
  return taken;
}

function attack(rows: string, what: string, run: (w: World, context: TestContext) => void): void {
  test(`${rows}: ${what}`, (context) => {
    const w = world();
    const before = heap();
    const clock = performance.now();
    run(w, context);
    const spent = performance.now() - clock;
    isUntouched(w);
    const entry = honestEntry(w.pair);
    isUntouched(w);
    w.pair.runFor(seconds(40));
    w.pair.hub.sent.length = 0;
    w.pair.router.sent.length = 0;
    const grown = heap() - before;
    assert.ok(grown < HEAP_MOST, `${grown} octets of heap stay`);
    const chains = w.pair.hub.engine.status().map((s) => s.peer).filter((peer) => peer !== 'mad.example');
    assert.deepEqual([chains, w.pair.hub.engine.sizes().sas <= 2], [['witness.example'], true]);
    const line = `${what}: attack ${spent.toFixed(0)} ms; an honest router got in after ${entry.virtual} ms (computing ${entry.spent.toFixed(1)} ms); heap ${grown >= 0 ? '+' : ''}${(grown / 1000).toFixed(0)} kB`;
    context.diagnostic(line);
    if (process.env['MEASURED'] !== undefined) console.log(line);
  });
}

const quiet = (peer: ScriptedPeer, what = ''): void => assert.deepEqual(peer.hear().map((h) => h.header.exchange), [], what);
const TS: Payload[] = [{ type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }];
const MAD_TS: Payload[] = [{ type: 'TSi', selectors: [range('10.1.7.0', '10.1.7.255')] }, { type: 'TSr', selectors: [HUB_NET] }];
const nonce = (fill: number): Payload => ({ type: 'NONCE', data: new Uint8Array(32).fill(fill) });

// ---- strangers -------------------------------------------------------------------------------------------------------

attack('I3.1-1 I3.14-2', 'wrong lengths: every message of an honest peer cut at every octet, lengthened, and with every wrong header length', ({ witness }) => {
  const sealed = witness.seal('INFORMATIONAL', false, witness.nextId, [notify('COOKIE2', new Uint8Array(8))]);
  for (const message of [sealed, witness.initRequest]) {
    for (let end = 0; end < message.length; end++) witness.deliver(message.slice(0, end));
    for (const extra of [1, 3, 4, 16, 1000]) witness.deliver(concat(message, new Uint8Array(extra)));
    for (const length of [0, 1, 27, 28, 29, message.length - 1, message.length + 1, 65_535, 0x7fffffff, 0xffffffff]) {
      const wrong = message.slice();
      new DataView(wrong.buffer).setUint32(24, length);
      if (length !== message.length) witness.deliver(wrong);
    }
    for (let at = HEADER_OCTETS; at + 4 <= Math.min(message.length, 90); at++) {
      const wrong = message.slice();
      new DataView(wrong.buffer).setUint16(at, 0);
      if (message === sealed && wrong.some((octet, i) => octet !== message[i])) witness.deliver(wrong);
    }
  }
  quiet(witness);
});

attack('I2.1-2 I2.3-1', 'replayed, reordered and early: old messages a hundred times each, message IDs from the future and the past', ({ witness }) => {
  const asked = [0, 1, 2, 3].map((i) => {
    const bytes = witness.seal('INFORMATIONAL', false, witness.nextId, [notify('COOKIE2', Uint8Array.of(1, 2, 3, 4, 5, 6, 7, i))]);
    witness.hear();
    witness.deliver(bytes);
    witness.nextId++;
    return { bytes, answer: witness.hearOne().bytes };
  });
  for (const { bytes } of asked.slice(0, -1)) for (let i = 0; i < 100; i++) witness.deliver(bytes);
  quiet(witness, 'forgotten requests are not answered again');
  const last = asked.at(-1);
  assert.ok(last);
  for (let i = 0; i < 100; i++) {
    witness.deliver(last.bytes);
    assert.deepEqual(witness.hearOne().bytes, last.answer);
  }
  for (const ahead of [1, 2, 100, 0x7fff0000, 0xfffffffe - witness.nextId]) witness.deliver(witness.seal('INFORMATIONAL', false, witness.nextId + ahead, [DELETE_IKE]));
  quiet(witness, 'outside of the window');
});

attack('I2.2-1 I2.5-1', 'reflected: everything the hub ever sent comes back to it, with its flags and with others', ({ witness, pair }) => {
  for (const { bytes } of [...pair.hub.sent]) {
    const message = bytes[0] === 0 && bytes[4] !== 0 ? bytes.slice(4) : bytes.slice();
    for (const flags of [message[19] ?? 0, 0x08, 0x20, 0x28, 0x00]) {
      const again = message.slice();
      again[19] = flags;
      witness.deliver(again);
    }
  }
  witness.hear();
});

attack('I2.6-5 M3.8-5', 'spoofed addresses: valid messages from everywhere are answered to where they came from, and move nothing', ({ witness }) => {
  for (let i = 1; i < 200; i++) {
    const from: Path = { ...witness.path, remote: { address: ip(`203.0.113.${i}`), port: 1000 + i } };
    const answer = witness.answerTo('INFORMATIONAL', [], {}, from);
    assert.deepEqual(answer.path.remote, from.remote);
  }
});

attack('I2.6-5 I2.21.4-1 I1.5-1', 'spoofed SPIs: swapped, zero, by chance, the witness\' own under wrong keys', ({ witness, mad }) => {
  mad.connect();
  for (const [spiI, spiR] of [[witness.spiR, witness.spiI], [0n, witness.spiR], [witness.spiI, 0n], [witness.spiI, witness.spiR], [witness.spiI + 1n, witness.spiR], [1n, 2n]] as const)
    for (const fromOriginalInitiator of [true, false]) for (const isResponse of [true, false])
      mad.deliver(mad.seal('INFORMATIONAL', isResponse, witness.nextId, [DELETE_IKE], { spiI, spiR, fromOriginalInitiator }));
  const errors = mad.hear().flatMap(errorsOf);
  assert.ok(errors.every((name) => name === 'INVALID_IKE_SPI') && errors.length <= 1, errors.join());
});

attack('I2.5-2', 'critical payloads of unknown type, unprotected, in every exchange and place', ({ witness, mad }) => {
  const critical: Payload = { type: 'unknown', code: 200, critical: true };
  const [answer] = mad.init([critical, ...mad.initPayloads()]);
  assert.deepEqual(errorsOf(answer), ['UNSUPPORTED_CRITICAL_PAYLOAD']);
  witness.hear();
  for (const exchange of ['IKE_AUTH', 'CREATE_CHILD_SA', 'INFORMATIONAL'] as const)
    for (const isResponse of [true, false]) witness.deliver(witness.plain(exchange, isResponse, witness.nextId, [critical]));
  quiet(witness);
});

attack('I2.4-2 I2.21.1-1', 'forged unprotected notifies and Deletes with the witness\' SPIs', ({ witness }) => {
  const forged: Payload[] = [...[1, 4, 5, 7, 9, 11, 14, 17, 24, 35, 38, 43, 44, 8000, 16_384, 16_393, 16_400].map((code) => rawNotify(code, new Uint8Array(2))), DELETE_IKE, deleteEsp(0x1000)];
  for (const payload of forged) for (const exchange of ['IKE_SA_INIT', 'IKE_AUTH', 'CREATE_CHILD_SA', 'INFORMATIONAL'] as const)
    for (const isResponse of [true, false]) for (const id of [0, 1, witness.nextId]) witness.deliver(witness.plain(exchange, isResponse, id, [payload]));
  quiet(witness);
});

attack('I2-1 FR2.6-5', '64 KiB messages: as IKE_SA_INIT, as nonsense under the witness\' SPIs, as a sealed request', ({ witness, mad }) => {
  const vendor = (length: number): Payload => ({ type: 'V', data: new Uint8Array(length) });
  const [answer] = mad.init([...mad.initPayloads(), vendor(64_000)]);
  assert.equal(answer?.header.isResponse, true, 'large is not wrong');
  witness.hear();
  for (let i = 0; i < 50; i++) witness.deliver(concat(witness.seal('INFORMATIONAL', false, witness.nextId, []), new Uint8Array(65_400)));
  quiet(witness);
  witness.answerTo('INFORMATIONAL', [vendor(65_000)]);
});

attack('I2.1-3 I2.6-1', 'the witness\' own IKE_SA_INIT again, as it was, and changed by one octet anywhere', ({ witness }) => {
  const from: Path = { ...witness.path, local: { ...witness.path.local, port: 500 } };
  for (let i = 0; i < 50; i++) witness.deliver(witness.initRequest, from);
  quiet(witness, 'authenticated since: ignored');
  for (let at = 0; at < witness.initRequest.length; at++) {
    const changed = witness.initRequest.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x41;
    witness.deliver(changed, from);
  }
  witness.hear();
});

attack('AL-3 DOS-1', 'invalid public values in IKE_SA_INIT: points at infinity, off the curve, of small order, too short, too long', ({ mad }) => {
  const small = ['00', '01'].map((first) => Uint8Array.from([Number.parseInt(first, 16), ...new Uint8Array(31)]));
  for (const data of [...small, new Uint8Array(0), new Uint8Array(31), new Uint8Array(33), new Uint8Array(8000)]) {
    mad.spiI++;
    assert.deepEqual(mad.init([{ type: 'SA', proposals: ikeOffer(31, 19) }, { type: 'KE', group: 31, data }, nonce(1), ...mad.natPayloads(mad.spiI, 0n)]), []);
  }
  for (const data of [new Uint8Array(64), new Uint8Array(64).fill(255), Uint8Array.from({ length: 64 }, (_, i) => i), new Uint8Array(63), new Uint8Array(65)]) {
    mad.spiI++;
    assert.deepEqual(mad.init([{ type: 'SA', proposals: ikeOffer(19) }, { type: 'KE', group: 19, data }, nonce(1), ...mad.natPayloads(mad.spiI, 0n)]), []);
  }
});

attack('I2.6-1 I2.6-2 DOS-1', 'a flood of 100,000 half-open requests from random sources', ({ pair, mad }) => {
  let answers = 0;
  let cookies = 0;
  let source = 0x0b000000;
  const offer: Payload[] = [{ type: 'SA', proposals: ikeOffer(31, 19) }, { type: 'KE', group: 31, data: mad.dh.publicValue }, nonce(3)];
  const inner = encodePayloads(offer);
  for (let i = 0; i < 100_000; i++) {
    source = (source + 0x9e37) & 0x3fffffff;
    const address = ipFromBytes(new ByteWriter(4).u32(source).finish()) as IpAddress;
    const header = encodeHeader({
      spiI: BigInt(i + 1) as IkeSpi, spiR: 0n as IkeSpi, nextPayload: inner.first, majorVersion: 2, minorVersion: 0, exchange: 34, fromOriginalInitiator: true, isResponse: false, messageId: 0,
    }, HEADER_OCTETS + inner.bytes.length);
    for (const effect of pair.hub.engine.handle({ type: 'packet', path: { ...mad.path, remote: { address, port: 500 } }, bytes: concat(header, inner.bytes) }, pair.now)) {
      if (effect.type !== 'packet.send') continue;
      answers++;
      if (effect.bytes[16] === 41) cookies++;
    }
    // The honest do not stand still meanwhile.
    if (i % 10_000 === 0) pair.runFor(millis(100));
  }
  assert.ok(cookies > 99_000, `${cookies} cookies of ${answers} answers`);
  assert.ok(pair.hub.engine.sizes().sas <= 32, `${pair.hub.engine.sizes().sas} IKE SAs`);
});

test('I2.6-3 I2.6.1-1: a responder of endless cookies, wrong groups and lies: an initiator asks a bounded number of times, and gives up in words', (context) => {
  const pair = new Pair('hostile-responder');
  const mad = new ScriptedPeer('router', {}, pair);
  mad.initiated();
  let asked = 1;
  for (let i = 0; i < 1_000; i++) {
    mad.deliver(mad.plain('IKE_SA_INIT', true, 0, [i % 3 === 2 ? notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, i % 2 === 0 ? 19 : 31)) : notify('COOKIE', Uint8Array.of(i & 255, i >> 8, 1))], { spiR: BigInt(i) }));
    asked += mad.hear().length;
  }
  assert.ok(asked <= 8, `${asked} requests`);
  for (let i = 0; i < 200; i++) mad.deliver(mad.plain('IKE_SA_INIT', true, 0, [{ type: 'SA', proposals: ikeOffer(31) }, { type: 'KE', group: 31, data: new Uint8Array(32).fill(i + 2) }, nonce(i)], { spiR: BigInt(i + 1) }));
  assert.ok(pair.router.engine.sizes().sas <= 5, 'candidates are few');
  mad.wait(31_500);
  assert.deepEqual([pair.router.of('ike.failed').length, pair.router.engine.sizes().sas, pair.router.engine.sizes().childSpis], [1, 0, 0]);
  const entry = honestEntry(pair);
  context.diagnostic(`endless cookies: the same router gets in elsewhere after ${entry.virtual} ms`);
});

// ---- a member gone mad -----------------------------------------------------------------------------------------------

attack('I2.21.3-1 I2.5-2 I3.1-1', 'a member: nonsense under its own keys ends its own SA and no other', (w) => {
  const { mad, pair } = w;
  const ends: (() => Uint8Array)[] = [
    () => mad.seal('INFORMATIONAL', false, mad.nextId, [], { plaintext: { first: 33, bytes: Uint8Array.of(0, 0, 0, 3) } }),
    () => mad.seal('CREATE_CHILD_SA', false, mad.nextId, [nonce(1)]),
    () => mad.seal('INFORMATIONAL', false, mad.nextId, [], { exchange: 40 }),
    () => mad.seal('CREATE_CHILD_SA', false, mad.nextId, [{ type: 'SA', proposals: espOffer(0x2000, 31) }, nonce(2), { type: 'KE', group: 31, data: new Uint8Array(32) }, ...TS]),
    () => mad.seal('CREATE_CHILD_SA', false, mad.nextId, [{ type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, spi: spi8(77n) })) }, nonce(2), { type: 'KE', group: 31, data: new Uint8Array(32) }]),
  ];
  for (const make of ends) {
    const next = new ScriptedPeer('hub', { id: 'mad.example' }, pair);
    next.path = { ...next.path, remote: { address: ip('203.0.113.66'), port: 500 } };
    Object.assign(mad, { keys: undefined });
    next.connect();
    Object.assign(mad, { keys: next.keys, spiI: next.spiI, spiR: next.spiR, nextId: next.nextId, path: next.path });
    mad.hear();
    mad.deliver(make());
    const answers = mad.hear().filter((h) => h.header.isResponse);
    assert.equal(answers.length, 1);
    assert.equal(pair.hub.engine.status().filter((s) => s.peer === 'mad.example' && s.spiI === next.spiI).length, errorsOf(answers[0]).includes('INVALID_SYNTAX') ? 0 : 1);
  }
});

attack('I2.5-2 I3.10-1 I1.4-1', 'a member: critical payloads, unknown notifies, Deletes of others\' SPIs: answered, and nothing else happens', (w) => {
  const { mad, pair } = w;
  w.enter();
  const theirs = pair.hub.engine.status().find((s) => s.peer === 'witness.example')?.children[0];
  assert.ok(theirs);
  for (const payloads of [
    [{ type: 'unknown', code: 201, critical: true }] as Payload[], [rawNotify(9_999, new Uint8Array(60_000))], [deleteEsp(theirs.spiIn, theirs.spiOut)], [rawNotify(11, new Uint8Array(4))],
    [{ type: 'D', protocol: 2, spiSize: 4, spis: [] }] as Payload[],
  ]) mad.answerTo('INFORMATIONAL', payloads);
  // What it deleted by that number was its own, if anything.
  const rekey = notify('REKEY_SA', undefined, { protocol: 3, spi: new ByteWriter(4).u32(theirs.spiOut).finish() });
  assert.deepEqual(errorsOf(mad.answerTo('CREATE_CHILD_SA', [rekey, { type: 'SA', proposals: espOffer(0x3000) }, nonce(9), ...TS])), ['CHILD_SA_NOT_FOUND']);
});

attack('I1.3-1 I2.3-1', 'a member: Child SAs without end', (w) => {
  w.enter();
  let refused = 0;
  for (let i = 0; i < 200; i++) {
    const answer = w.mad.answerTo('CREATE_CHILD_SA', [{ type: 'SA', proposals: espOffer(0x5000 + i) }, nonce(i & 255), ...MAD_TS]);
    if (errorsOf(answer).includes('NO_ADDITIONAL_SAS')) refused++;
  }
  assert.ok(refused >= 200 - 32, `${refused} refused`);
  w.mad.answerTo('INFORMATIONAL', [DELETE_IKE]);
});

attack('FR2.6-1 FR2.6-3 FR2.6-5', 'a member, and a half-open stranger: fragments that never end', (w) => {
  const { mad, pair } = w;
  const [answer] = mad.init([...mad.initPayloads(), notify('IKEV2_FRAGMENTATION_SUPPORTED')]);
  assert.ok(answer && findPayload(answer.payloads, 'SA'));
  mad.takeInit(answer);
  let iv = 1n << 32n;
  const fragment = (id: number, number: number, total: number, text: Uint8Array): Uint8Array => {
    const { keys } = mad;
    assert.ok(keys);
    const room = 8 + text.length + 1 + 16;
    const front = new ByteWriter(8).u8(number === 1 ? 41 : 0).u8(0).u16(8 + room).u16(number).u16(total).finish();
    const header = {
      spiI: mad.spiI as IkeSpi, spiR: mad.spiR as IkeSpi, nextPayload: PAYLOAD.SKF.code, majorVersion: 2, minorVersion: 0, exchange: EXCHANGE.IKE_AUTH,
      fromOriginalInitiator: true, isResponse: false, messageId: id,
    };
    const head = concat(encodeHeader(header, HEADER_OCTETS + 8 + room), front);
    const at = spi8(iv++);
    return concat(head, at, suite.aead('aes-gcm-16', keys.skEi.subarray(0, -4)).seal(concat(keys.skEi.slice(-4), at), head, concat(text, Uint8Array.of(0))));
  };
  for (let round = 0; round < 200; round++)
    for (const [number, total] of [[1, 64], [2, 64], [63, 64], [1, 65], [0, 3], [4, 3], [65_535, 65_535], [1, 2], [1, 63]] as const) mad.deliver(fragment(1, number, total, new Uint8Array(1_000)));
  quiet(mad);
  for (let number = 1; number <= 64; number++) mad.deliver(fragment(1, number, 64, new Uint8Array(1_400)));
  quiet(mad, 'more than 64 KiB is dropped, not parsed');
  pair.runFor(seconds(31));
});

