import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeChain, decodeHeader, encodeMessage, encodePayloads, HEADER_OCTETS, MAX_PAYLOADS, notify, type DecodedChain, type IkeSpi, type Payload,
} from '../../../src/codec/ike/index.ts';
import { hex } from './golden.ts';

const decode = (first: number, text: string): DecodedChain => {
  const bytes = hex(text);
  return decodeChain(first, bytes, 0, bytes.length);
};
const payloadsOf = (chain: DecodedChain): readonly Payload[] => {
  assert.equal(chain.kind, 'payloads', chain.kind === 'malformed' ? chain.why : chain.kind);
  return chain.kind === 'payloads' ? chain.payloads : [];
};
const types = (chain: DecodedChain): string[] => payloadsOf(chain).map((payload) => payload.type);

const NONCE = '00000014 00112233445566778899aabbccddeeff'; // next payload and C bit as in each test

test('an empty chain is no payloads', () => {
  assert.deepEqual(decode(0, ''), { kind: 'payloads', payloads: [] });
  assert.deepEqual(encodePayloads([]), { first: 0, bytes: new Uint8Array(0) });
});

test('I2.5-2: an unknown payload with C=0 is skipped, and listed', () => {
  assert.deepEqual(types(decode(200, `28000008 01020304 ${NONCE}`)), ['unknown', 'NONCE']);
  assert.deepEqual(decode(200, '00000004'), { kind: 'payloads', payloads: [{ type: 'unknown', code: 200, critical: false }] });
});

test('I2.5-2: an unknown payload with C=1 names itself, the first of several', () => {
  const chain = decode(40, `c8000014 00112233445566778899aabbccddeeff c9800004 00800004`);
  assert.equal(chain.kind, 'critical');
  assert.ok(chain.kind === 'critical');
  assert.equal(chain.code, 200);
  assert.deepEqual(chain.payloads.map((payload) => payload.type), ['NONCE', 'unknown', 'unknown']);
});

test('I2.5-2: with an unknown critical payload before it, SK is still given, so that the message can be authenticated', () => {
  const chain = decode(200, '2e800004 29000008 01020304');
  assert.ok(chain.kind === 'critical');
  assert.deepEqual(chain.payloads[1], { type: 'SK', firstInner: 41, body: hex('01020304'), bodyOffset: 8 });
});

test('I2.5-2: the C bit on a known type is ignored, and C is 0 on what we send', () => {
  const payloads = payloadsOf(decode(40, '00800014 00112233445566778899aabbccddeeff'));
  assert.deepEqual(encodePayloads(payloads), { first: 40, bytes: hex(NONCE) });
});

test('I2.5-1: reserved bits of the generic header are ignored', () => {
  assert.deepEqual(types(decode(40, '007f0014 00112233445566778899aabbccddeeff')), ['NONCE']);
});

test('I2.5-3: payloads decode in any order', () => {
  const payloads: Payload[] = [
    { type: 'NONCE', data: hex('00112233445566778899aabbccddeeff') },
    { type: 'KE', group: 31, data: hex('0102') },
    notify('COOKIE', hex('aabb')),
    { type: 'V', data: hex('6d6f62') },
  ];
  for (const order of [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]]) {
    const shuffled = order.flatMap((i) => payloads[i] ?? []);
    const { first, bytes } = encodePayloads(shuffled);
    assert.deepEqual(payloadsOf(decodeChain(first, bytes, 0, bytes.length)), shuffled);
  }
});

test('I2.5-3: SK and SKF end the chain and must be last', () => {
  assert.deepEqual(payloadsOf(decode(46, '23000008 01020304')), [{ type: 'SK', firstInner: 35, body: hex('01020304'), bodyOffset: 4 }]);
  assert.deepEqual(payloadsOf(decode(53, '2300000a 00010003 0102')), [{ type: 'SKF', firstInner: 35, fragment: 1, total: 3, body: hex('0102'), bodyOffset: 8 }]);
  assert.equal(decode(46, `28000008 01020304 ${NONCE}`).kind, 'malformed');
  assert.equal(decode(53, `28000008 00010001 ${NONCE}`).kind, 'malformed');
});

test('I3.1-1: lengths that are zero, short, or longer than what is there are malformed', () => {
  for (const length of ['0000', '0003', '0015', 'ffff']) {
    assert.equal(decode(40, `0000${length} 00112233445566778899aabbccddeeff`).kind, 'malformed', length);
  }
  assert.equal(decode(40, '').kind, 'malformed', 'a payload is promised and none is there');
  assert.equal(decode(40, '000000').kind, 'malformed', 'half a generic header');
  assert.equal(decode(40, `28000014 00112233445566778899aabbccddeeff`).kind, 'malformed', 'a second payload is promised');
  assert.equal(decode(40, `${NONCE} 00`).kind, 'malformed', 'octets after the last payload');
  assert.equal(decode(0, '00').kind, 'malformed', 'octets where no payload is promised');
  assert.equal(decode(200, '00000003').kind, 'malformed', 'an unknown payload needs a length that fits, too');
});

test('I3.1-1: a payload must end at the given end, not at that of the array', () => {
  const bytes = hex(`ffffffff ${NONCE} ffffffff`);
  assert.deepEqual(types(decodeChain(40, bytes, 4, 24)), ['NONCE']);
  assert.equal(decodeChain(40, bytes, 4, 23).kind, 'malformed');
  assert.equal(decodeChain(40, bytes, 4, 25).kind, 'malformed');
  assert.equal(decodeChain(40, bytes, 4, 1000).kind, 'malformed');
  assert.equal(decodeChain(40, bytes, 1000, 2000).kind, 'malformed');
});

test('I2-1: 64 payloads are decoded, 65 are not', () => {
  const chain = (count: number): DecodedChain => {
    const { first, bytes } = encodePayloads(new Array<Payload>(count).fill({ type: 'V', data: hex('01') }));
    return decodeChain(first, bytes, 0, bytes.length);
  };
  assert.equal(payloadsOf(chain(MAX_PAYLOADS)).length, 64);
  assert.equal(chain(MAX_PAYLOADS + 1).kind, 'malformed');
});

test('decoded octets are copies, even of a Buffer', () => {
  const bytes = Buffer.from(hex(`28000009 03 00000000 ${NONCE}`));
  const payloads = payloadsOf(decodeChain(43, bytes, 0, bytes.length));
  const before = JSON.stringify(payloads);
  bytes.fill(0xee);
  assert.equal(JSON.stringify(payloads), before);
});

test('encodeMessage puts the first payload and the length into the header', () => {
  const header = { spiI: 1n as IkeSpi, spiR: 0n as IkeSpi, majorVersion: 2, minorVersion: 0, exchange: 34, fromOriginalInitiator: true, isResponse: false, messageId: 0 };
  const bytes = encodeMessage(header, [{ type: 'NONCE', data: hex('00112233445566778899aabbccddeeff') }]);
  assert.deepEqual(bytes, hex(`0000000000000001 0000000000000000 28202208 00000000 00000030 ${NONCE}`));
  assert.deepEqual(decodeHeader(bytes), { ...header, nextPayload: 40, length: 48 });
  assert.equal(encodeMessage(header, []).length, HEADER_OCTETS);
});
