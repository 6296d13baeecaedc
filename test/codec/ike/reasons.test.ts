// What is malformed is said in words, for the log: the first thing that is wrong, and of which payload.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeChain, MAX_PAYLOADS } from '../../../src/codec/ike/index.ts';
import { hex } from './golden.ts';

const why = (first: number, text: string): string => {
  const bytes = hex(text);
  const chain = decodeChain(first, bytes, 0, bytes.length);
  return chain.kind === 'malformed' ? chain.why : chain.kind;
};
/** A chain of one payload with this body. */
const body = (first: number, text: string): string => why(first, `0000${(hex(text).length + 4).toString(16).padStart(4, '0')} ${text}`);

const NAMES: { readonly [code: number]: string } = {
  34: 'Key Exchange', 35: 'Identification - Initiator', 36: 'Identification - Responder', 37: 'Certificate', 38: 'Certificate Request', 39: 'Authentication', 41: 'Notify', 42: 'Delete',
  44: 'Traffic Selector - Initiator', 45: 'Traffic Selector - Responder', 47: 'Configuration', 53: 'Encrypted and Authenticated Fragment',
};

test('I3.1-1: lengths of the chain itself', () => {
  for (let octets = 1; octets < 4; octets++) assert.equal(why(40, '28000008'.slice(0, 2 * octets)), 'payload header is cut short');
  for (const [first, header] of [[40, '00000003'], [40, '28000000'], [200, '00000000'], [200, 'c8000003'], [40, '00000005'], [200, '0000ffff'], [200, '00000005']] as const) {
    assert.equal(why(first, header), `length of payload ${first} does not fit its message`);
  }
  // The second one is measured by what is left, not by the whole message.
  assert.equal(why(43, '28000008 01020304 00000009 01020304'), 'length of payload 40 does not fit its message');
  assert.equal(why(43, '28000008 01020304 00000008 01020304'), 'payloads');
  assert.equal(why(40, '00000005 01 02'), 'octets after the last payload');
  assert.equal(why(0, '00'), 'octets after the last payload');
  assert.equal(why(43, '2b000004'.repeat(MAX_PAYLOADS - 1) + '00000004'), 'payloads');
  assert.equal(why(43, '2b000004'.repeat(MAX_PAYLOADS) + '00000004'), 'more than 64 payloads');
});

test('I3.1-1: a body shorter than its fixed part', () => {
  for (const [first, short, whole] of [
    [34, '001f00', '001f0000'], [35, '010000', '01000000'], [36, '020000', '02000000'], [37, '', '04'], [38, '', '04'], [39, '020000', '02000000'], [41, '000040', '00004000'],
    [41, '03044009 010203', '03044009 01020304'], [42, '010000', '01000000'], [44, '000000', '00000000'], [45, '000000', '00000000'], [47, '010000', '01000000'],
    [47, '01000000 000100', '01000000 00010000'], [47, '01000000 00010004 0a0000', '01000000 00010004 0a000001'], [53, '000100', '00010001'],
  ] as const) {
    assert.equal(body(first, short), `${NAMES[first]}: payload is cut short`);
    assert.equal(body(first, whole), 'payloads');
  }
});

test('I3.1-1: a Delete payload is filled by its SPIs', () => {
  for (const text of ['03040001', '03040001 010203', '03040001 0102030405', '03040002 01020304', '03000000 01', '01000000 00000000']) {
    assert.equal(body(42, text), 'Delete: SPIs do not fill the payload');
  }
  for (const text of ['03040001 01020304', '03040002 0102030405060708', '03000003', '03040000']) assert.equal(body(42, text), 'payloads');
});

const V4 = '0000ffff 0a000000 0a0000ff';

test('I3.1-1: selectors', () => {
  const head = 'Traffic Selector - Initiator: ';
  for (const text of ['01000000', '01000000 070000', '01000000 07000003', '01000000 63000003', '01000000 63000005', `01000000 07000010 ${V4.slice(0, -2)}`, `02000000 07000010 ${V4}`]) {
    assert.equal(body(44, text), `${head}selector length does not fit its payload`, text);
  }
  for (const text of [`01000000 0700000f ${V4.slice(0, -2)}`, `01000000 07000011 ${V4} 00`, `01000000 08000010 ${V4}`, `01000000 07000004`]) assert.equal(body(44, text), `${head}selector length does not fit its type`, text);
  assert.equal(body(44, `01000000 07000010 ${V4} 00`), `${head}octets after the last selector`);
  assert.equal(body(45, '00000000 00'), 'Traffic Selector - Responder: octets after the last selector');
  for (const text of [`01000000 07000010 ${V4}`, '01000000 63000004', '01000000 63000006 0102']) assert.equal(body(44, text), 'payloads', text);
});

const T1 = '0300000c 01000014 800e0100';
const T2 = '00000008 05000001';

test('I3.1-1: proposals, transforms and attributes', () => {
  const sa = (text: string): string => body(33, text);
  const head = 'Security Association: ';
  for (const text of ['', '00000008 010300', `0200001c 01030002 ${T1} ${T2}`, `0200001c 01030002 ${T1} ${T2} 00000008 010300`]) assert.equal(sa(text), `${head}proposal is cut short`, text);
  for (const mark of ['01', '03', 'ff']) assert.equal(sa(`${mark}000008 01030000`), `${head}last-proposal mark is wrong`);
  for (const text of ['00000007 01030000', '00000009 01030000', '0000000b 01030400 010203', '00000008 01030400', '0000000c 01030400 010203']) {
    assert.equal(sa(text), `${head}proposal length does not fit its payload`, text);
  }
  assert.equal(sa('00000008 01030000 00'), `${head}octets after the last proposal`);
  for (const text of ['00000008 01030001', '0000000f 01030001 00000008 050000', `00000010 01030002 00000008 05000001`.replace('00000008', '03000008')]) assert.equal(sa(text), `${head}transform is cut short`, text);
  for (const text of ['00000010 01030001 00000007 05000001', '00000010 01030001 00000009 05000001', '00000011 01030001 0000000a 05000001 00']) {
    assert.equal(sa(text), `${head}transform length does not fit its proposal`, text);
  }
  for (const text of ['00000010 01030001 03000008 05000001', `00000018 01030002 00000008 05000001 ${T2}`, '00000010 01030001 02000008 05000001']) assert.equal(sa(text), `${head}last-transform mark is wrong`, text);
  for (const text of ['00000009 01030000 00', `00000011 01030001 ${T2} 00`]) assert.equal(sa(text), `${head}octets after the last transform`, text);
  for (const text of ['00000011 01030001 00000009 01000014 80', '00000013 01030001 0000000b 01000014 800e01']) assert.equal(sa(text), `${head}transform attribute is cut short`, text);
  // What is behind the transform is not its attribute, though the octets are there.
  assert.equal(sa('0000001b 01030002 0300000b 01000014 800e01 00000008 05000001'), `${head}transform attribute is cut short`);
  for (const text of ['00000014 01030001 0000000c 01000014 000e0001', '00000015 01030001 0000000d 01000014 000e0002 01']) assert.equal(sa(text), `${head}transform attribute is longer than its transform`, text);
  for (const text of ['00000008 01030000', `0000001c 01030002 ${T1} ${T2}`, `0200001c 01030002 ${T1} ${T2} 00000010 02030001 ${T2}`, '0000000c 01030400 01020304', '00000015 01030001 0000000d 01000014 000e0001 01']) {
    assert.equal(sa(text), 'payloads', text);
  }
});
