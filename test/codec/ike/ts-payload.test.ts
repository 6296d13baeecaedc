import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip, toHex } from '../../../src/base/index.ts';
import { decodeChain, encodePayloads, type TrafficSelector } from '../../../src/codec/ike/index.ts';
import { hex } from './golden.ts';

const decode = (body: string): readonly TrafficSelector[] | 'malformed' => {
  const octets = hex(body);
  const bytes = hex(`0000${(octets.length + 4).toString(16).padStart(4, '0')} ${body}`);
  const chain = decodeChain(44, bytes, 0, bytes.length);
  if (chain.kind !== 'payloads') return 'malformed';
  const payload = chain.payloads[0];
  assert.ok(payload?.type === 'TSi');
  return payload.selectors;
};

const V4 = '07000010 0000ffff 0a000000 0a0000ff';
const V4_VALUE: TrafficSelector = { protocol: 0, startPort: 0, endPort: 65535, start: ip('10.0.0.0'), end: ip('10.0.0.255') };

test('RFC 7296 §3.13.1: IPv4 and IPv6 ranges', () => {
  const v6 = '08060028 00500050 20010db8000000000000000000000001 20010db80000000000000000000000ff';
  assert.deepEqual(decode(`02000000 ${V4} ${v6}`), [
    V4_VALUE,
    { protocol: 6, startPort: 80, endPort: 80, start: ip('2001:db8::1'), end: ip('2001:db8::ff') },
  ]);
});

test('I3.13-1: start above end is left out, by port and by address; the others stay', () => {
  assert.deepEqual(decode(`02000000 07060010 00510050 0a000000 0a0000ff ${V4}`), [V4_VALUE]);
  assert.deepEqual(decode(`02000000 ${V4} 07000010 0000ffff 0a000100 0a0000ff`), [V4_VALUE]);
  assert.deepEqual(decode('01000000 08000028 0000ffff 20010db8000000000000000000000001 20010db8000000000000000000000000'), []);
});

test('I3.13-1: OPAQUE ports are start 65535 and end 0, and nothing else above its end', () => {
  const ports = (text: string): unknown => {
    const list = decode(`01000000 07110010 ${text} 0a000000 0a0000ff`);
    return list === 'malformed' ? list : list.map(({ startPort, endPort }) => [startPort, endPort]);
  };
  assert.deepEqual(ports('ffff0000'), [[65535, 0]]);
  assert.deepEqual(ports('ffffffff'), [[65535, 65535]]);
  assert.deepEqual(ports('ffff0001'), []);
  assert.deepEqual(ports('fffe0000'), []);
});

test('I2.9-1: unknown selector types are left out by their length', () => {
  assert.deepEqual(decode(`03000000 0900000c aabbccddeeff0011 ${V4} ff000004`), [V4_VALUE]);
  assert.deepEqual(decode('01000000 09000004'), []);
});

test('I3.1-1: lengths and counts must agree', () => {
  const bad: { readonly [why: string]: string } = {
    'empty body': '',
    'cut short': '0100',
    'one selector more than promised': `01000000 ${V4} ${V4}`,
    'one selector less than promised': `02000000 ${V4}`,
    'IPv4 with the length of IPv6': '01000000 07000028 0000ffff 20010db8000000000000000000000001 20010db80000000000000000000000ff',
    'IPv6 with the length of IPv4': '01000000 08000010 0000ffff 0a000000 0a0000ff',
    'length zero': '01000000 07000000 0000ffff 0a000000 0a0000ff',
    'unknown type, length below its head': '01000000 09000003',
    'unknown type, longer than the payload': '01000000 09000009 01020304',
    'half a selector': '01000000 07000010 0000ffff',
    'promised, nothing there': 'ff000000',
  };
  for (const [why, body] of Object.entries(bad)) assert.equal(decode(body), 'malformed', why);
});

test('no selectors at all is well-formed, for the caller to answer', () => {
  assert.deepEqual(decode('00000000'), []);
});

test('I2.5-1: reserved octets are ignored on receipt and zero when sent', () => {
  assert.deepEqual(decode(`01ffffff ${V4}`), [V4_VALUE]);
  assert.equal(toHex(encodePayloads([{ type: 'TSr', selectors: [V4_VALUE] }]).bytes), toHex(hex(`00000018 01000000 ${V4}`)));
});
