import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeChain, encodePayloads, type Payload } from '../../../src/codec/ike/index.ts';
import { hex } from './golden.ts';

function withLength(body: Uint8Array): Uint8Array {
  const out = new Uint8Array(body.length + 4);
  out[2] = out.length >> 8;
  out[3] = out.length & 255;
  out.set(body, 4);
  return out;
}
const decode = (body: string): Payload | string => {
  const bytes = withLength(hex(body));
  const chain = decodeChain(33, bytes, 0, bytes.length);
  return chain.kind === 'payloads' ? (chain.payloads[0] ?? 'nothing') : chain.kind;
};

const GCM256 = '0300000c 01000014 800e0100';
const X25519_LAST = '00000008 0400001f';

test('RFC 7296 §3.3: proposals and transforms with their Key Length', () => {
  assert.deepEqual(decode(`0000001c 01010002 ${GCM256} ${X25519_LAST}`), {
    type: 'SA',
    proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(0), transforms: [{ type: 1, id: 20, keyLength: 256 }, { type: 4, id: 31 }] }],
  });
});

test('I3.3.6-1: unknown transform types, IDs and protocols are kept as they are', () => {
  assert.deepEqual(decode(`00000014 07c80401 aabbccdd 00000008 0600ffff`), {
    type: 'SA', proposals: [{ number: 7, protocol: 200, spi: hex('aabbccdd'), transforms: [{ type: 6, id: 65535 }] }],
  });
});

test('I3.3.6-1: an unknown attribute marks its transform, in both forms', () => {
  const one = (attributes: string): unknown => {
    const octets = hex(attributes).length;
    const size = (n: number): string => n.toString(16).padStart(4, '0');
    const payload = decode(`0000${size(16 + octets)} 01010001 0000${size(8 + octets)} 01000014 ${attributes}`);
    return typeof payload === 'string' || payload.type !== 'SA' ? payload : payload.proposals[0]?.transforms[0];
  };
  assert.deepEqual(one('800e0080'), { type: 1, id: 20, keyLength: 128 });
  assert.deepEqual(one('80120001'), { type: 1, id: 20, unknownAttribute: true });
  assert.deepEqual(one('800e0080 80120001'), { type: 1, id: 20, keyLength: 128, unknownAttribute: true });
  assert.deepEqual(one('00120003 010203'), { type: 1, id: 20, unknownAttribute: true });
  assert.deepEqual(one('000e0002 0080'), { type: 1, id: 20, unknownAttribute: true }, 'Key Length must not be in TLV form');
  assert.deepEqual(one('800e0080 800e0100'), { type: 1, id: 20, keyLength: 128, unknownAttribute: true }, 'two key lengths');
  assert.equal(one('800e00'), 'malformed');
  assert.equal(one('00120004 010203'), 'malformed');
});

test('I2.5-1: reserved octets of proposals and transforms are ignored', () => {
  const payload = decode(`00ff0010 01010001 00ff0008 04ff001f`);
  assert.deepEqual(payload, { type: 'SA', proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(0), transforms: [{ type: 4, id: 31 }] }] });
});

test('I3.1-1: inner lengths, counts and last marks must agree', () => {
  const good = `0000001c 01010002 ${GCM256} ${X25519_LAST}`;
  assert.notEqual(decode(good), 'malformed');
  const bad: { readonly [why: string]: string } = {
    'no proposal at all': '',
    'proposal longer than the payload': good.replace('0000001c', '0000001d'),
    'proposal shorter than its transforms': good.replace('0000001c', '0000001b'),
    'proposal length below its fixed part': good.replace('0000001c', '00000007'),
    'SPI longer than the proposal': good.replace('01010002', '0101ff02'),
    'one transform more than promised': good.replace('01010002', '01010001'),
    'one transform less than promised': good.replace('01010002', '01010003'),
    'transform length zero': good.replace('0300000c', '03000000'),
    'transform length below its fixed part': good.replace('0300000c', '03000007'),
    'transform longer than the proposal': good.replace('00000008 0400', '00000009 0400'),
    'last mark on the first transform': good.replace('0300000c', '0000000c'),
    'no last mark on the last transform': good.replace('00000008 0400', '03000008 0400'),
    'attribute that reaches into the next transform': '0000001c 01010002 0300000a 01000014 800e 0100 00000008 0400001f',
    'mark that is neither': good.replace('0300000c', '0100000c'),
    'proposal mark that is neither': good.replace('0000001c', '0100001c'),
    'a further proposal is promised': good.replace('0000001c', '0200001c'),
    'octets after the last proposal': `${good} 00`,
    'octets after the last transform': `${good.replace('0000001c', '00000020')} 00000000`,
  };
  for (const [why, body] of Object.entries(bad)) assert.equal(decode(body), 'malformed', why);
});

test('a proposal without transforms is well-formed, for negotiation to refuse', () => {
  assert.deepEqual(decode('00000008 01010000'), { type: 'SA', proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(0), transforms: [] }] });
});

test('a payload full of the smallest proposals is decoded in full, and no further', () => {
  const count = 8000;
  const body = new Uint8Array(8 * count);
  for (let i = 0; i < count; i++) body.set([i === count - 1 ? 0 : 2, 0, 0, 8, 1, 1, 0, 0], 8 * i);
  const bytes = withLength(body);
  const chain = decodeChain(33, bytes, 0, bytes.length);
  assert.ok(chain.kind === 'payloads');
  const sa = chain.payloads[0];
  assert.ok(sa?.type === 'SA');
  assert.equal(sa.proposals.length, count);
  assert.deepEqual(encodePayloads([sa]).bytes, bytes);
});
