import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  dhGroupOf, DH_SECRET_OCTETS, encrKeyOctets, encrOf, findTransform, prfHash, prfKeyOctets, transformByName, transformName, TRANSFORM, TRANSFORM_TYPE, wireTransform,
  type TransformName, type TransformRow,
} from '../../src/crypto/index.ts';

const rows = Object.entries(TRANSFORM) as [TransformName, TransformRow][];

test('rows are consistent: each is found by its name, its aliases and its numbers', () => {
  for (const [name, row] of rows) {
    for (const text of [name, ...(row.aliases ?? [])]) assert.equal(transformByName(text)?.name, name);
    const wire = wireTransform(name);
    assert.equal(wire.type, TRANSFORM_TYPE[row.kind]);
    assert.equal(findTransform(wire.type, wire.id, wire.keyLength), name);
    assert.equal(transformName(wire.type, wire.id, wire.keyLength), name);
  }
  assert.equal(new Set(rows.map(([name]) => JSON.stringify(wireTransform(name)))).size, rows.length);
});

test('numbers of the IANA registry', () => {
  assert.deepEqual(rows.map(([name]) => [name, ...Object.values(wireTransform(name))]), [
    ['aes256gcm16', 1, 20, 256], ['aes128gcm16', 1, 20, 128],
    ['prfsha256', 2, 5], ['prfsha384', 2, 6], ['prfsha512', 2, 7],
    ['x25519', 4, 31], ['ecp256', 4, 19],
    ['esn', 5, 1], ['noesn', 5, 0],
  ]);
});

test('AL-2: names we do not have are not found, and prototypes are no names', () => {
  for (const text of ['aes256gcm8', '3des', 'md5', 'modp1024', 'AES256GCM16', '', 'toString', '__proto__']) assert.equal(transformByName(text), undefined, text);
});

test('I3.3.5-1, AE7-1: AES-GCM needs a Key Length of 128 or 256, other kinds must not have one', () => {
  assert.equal(findTransform(1, 20), undefined);
  assert.equal(findTransform(1, 20, 192), undefined);
  assert.equal(findTransform(1, 20, 0), undefined);
  assert.equal(findTransform(2, 5, 256), undefined);
  assert.equal(findTransform(4, 31, 256), undefined);
  assert.equal(encrOf(20), undefined);
});

test('AE3-1: key material of AES-GCM is key and 4 octets of salt', () => {
  for (const [bits, octets] of [[128, 20], [256, 36]] as const) {
    const encr = encrOf(20, bits);
    assert.ok(encr);
    assert.equal(encrKeyOctets(encr), octets);
    assert.deepEqual([encr.aead, encr.ivOctets, encr.icvOctets], ['aes-gcm-16', 8, 16]);
  }
});

test('PRFs and groups by number', () => {
  assert.deepEqual([5, 6, 7, 2, 0].map((id) => prfHash(id)), ['sha256', 'sha384', 'sha512', undefined, undefined]);
  assert.deepEqual([31, 19, 14, 0].map((id) => dhGroupOf(id)), [31, 19, undefined, undefined]);
  for (const [, row] of rows) {
    if (row.kind === 'PRF') assert.ok(prfKeyOctets(row.hash) >= 32);
    if (row.kind === 'KE') assert.ok(DH_SECRET_OCTETS[row.group] >= 32);
  }
});

test('names for logs of what has no row', () => {
  assert.equal(transformName(1, 12, 128), 'ENCR 12 (128)');
  assert.equal(transformName(3, 12), 'INTEG 12');
  assert.equal(transformName(6, 35), 'type 6 id 35');
});
