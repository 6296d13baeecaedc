import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeChain, encodePayloads, type Payload } from '../../../src/codec/ike/index.ts';
import { hex } from './golden.ts';

test('RFC 7296 §3.14: bodyOffset says where the body of SK starts in the message, for the associated data', () => {
  const bytes = hex('00000000 2e000005 ff 2b00000a 0102 03040506');
  const chain = decodeChain(43, bytes, 4, bytes.length);
  assert.ok(chain.kind === 'payloads');
  const sk = chain.payloads[1];
  assert.ok(sk?.type === 'SK');
  assert.equal(sk.firstInner, 43);
  assert.deepEqual(bytes.subarray(sk.bodyOffset), sk.body);
});

test('RFC 7383 §2.5: the body of SKF starts after the fragment numbers', () => {
  const bytes = hex('2300000a 00020003 0102');
  const chain = decodeChain(53, bytes, 0, bytes.length);
  assert.ok(chain.kind === 'payloads');
  assert.deepEqual(chain.payloads, [{ type: 'SKF', firstInner: 35, fragment: 2, total: 3, body: hex('0102'), bodyOffset: 8 }]);
  assert.deepEqual(encodePayloads(chain.payloads), { first: 53, bytes });
});

test('an SK payload may be empty here; an SKF needs its numbers', () => {
  assert.equal(decodeChain(46, hex('00000004'), 0, 4).kind, 'payloads');
  for (const text of ['00000004', '00000006 0001', '00000007 000100']) assert.equal(decodeChain(53, hex(text), 0, hex(text).length).kind, 'malformed');
});

test('a chain with SK encodes with its Next Payload naming the first payload inside', () => {
  const sk: Payload = { type: 'SK', firstInner: 41, body: hex('aabb'), bodyOffset: 0 };
  assert.deepEqual(encodePayloads([{ type: 'V', data: hex('01') }, sk]), { first: 43, bytes: hex('2e000005 01 29000006 aabb') });
});
