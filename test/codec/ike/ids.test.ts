import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toUtf8 } from '../../../src/base/index.ts';
import { decodeChain, encodePayloads, ID_TYPE, idPayload } from '../../../src/codec/ike/index.ts';
import { hex } from './golden.ts';

test('RFC 7296 §3.5: an ID payload of ours has its body ready for AUTH, the same as on the wire', () => {
  const id = idPayload('IDi', ID_TYPE.FQDN, toUtf8('hq'));
  assert.deepEqual(id.body, hex('02000000 6871'));
  const { first, bytes } = encodePayloads([id]);
  assert.deepEqual(decodeChain(first, bytes, 0, bytes.length), { kind: 'payloads', payloads: [id] });
});

test('I3.5-1: ID type numbers', () => {
  assert.deepEqual(ID_TYPE, { IPV4_ADDR: 1, FQDN: 2, RFC822_ADDR: 3, IPV6_ADDR: 5, DER_ASN1_DN: 9, DER_ASN1_GN: 10, KEY_ID: 11, NULL: 13 });
});
