import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  dhGroupOf, DH_SECRET_OCTETS, encrKeyOctets, encrOf, findTransform, integOf, prfHash, prfKeyOctets, transformByName, transformName, TRANSFORM, TRANSFORM_TYPE, wireTransform,
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
    ['aes256gcm16', 1, 20, 256], ['aes128gcm16', 1, 20, 128], ['aes256', 1, 12, 256], ['aes128', 1, 12, 128], ['chacha20poly1305', 1, 28],
    ['prfsha256', 2, 5], ['prfsha384', 2, 6], ['prfsha512', 2, 7], ['prfsha1', 2, 2],
    ['sha256', 3, 12], ['sha384', 3, 13], ['sha512', 3, 14],
    ['x25519', 4, 31], ['ecp256', 4, 19], ['ecp384', 4, 20], ['ecp521', 4, 21], ['modp2048', 4, 14], ['modp3072', 4, 15], ['modp4096', 4, 16],
    ['esn', 5, 1], ['noesn', 5, 0],
  ]);
});

test('AL-2: names we do not have are not found, and prototypes are no names', () => {
  for (const text of ['aes256gcm8', 'aes192', '3des', 'md5', 'sha1', 'modp1024', 'modp1536', 'AES256GCM16', '', 'toString', '__proto__']) assert.equal(transformByName(text), undefined, text);
});

test('I3.3.5-1, AE7-1: AES needs a Key Length of 128 or 256, other kinds must not have one', () => {
  for (const id of [20, 12]) for (const keyLength of [undefined, 192, 0, 257]) assert.equal(findTransform(1, id, keyLength), undefined);
  assert.equal(findTransform(1, 28, 256), undefined);
  assert.equal(findTransform(3, 12, 256), undefined);
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

test('I3.14-1: key material of CBC is the key alone, that of ChaCha20-Poly1305 ends with 4 octets of salt', () => {
  for (const [id, bits, octets, iv] of [[12, 128, 16, 16], [12, 256, 32, 16], [28, undefined, 36, 8]] as const) {
    const encr = encrOf(id, bits);
    assert.ok(encr);
    assert.deepEqual([encrKeyOctets(encr), encr.ivOctets, encr.aead], [octets, iv, id === 28 ? 'chacha20-poly1305' : undefined]);
  }
});

test('AL-1: tags are half of the hash: 16, 24, 32 octets; keys are the whole (RFC 4868 §2.1.2)', () => {
  assert.deepEqual([12, 13, 14].map((id) => [integOf(id)?.hash, integOf(id)?.keyOctets, integOf(id)?.icvOctets]), [['sha256', 32, 16], ['sha384', 48, 24], ['sha512', 64, 32]]);
  for (const id of [0, 1, 2, 5]) assert.equal(integOf(id), undefined);
});

test('ALG-3: PRFs and groups by number; no MD5, no group below 2048 bits, none of 22 to 24', () => {
  assert.deepEqual([5, 6, 7, 2, 0, 1, 4].map((id) => prfHash(id)), ['sha256', 'sha384', 'sha512', 'sha1', undefined, undefined, undefined]);
  for (const id of [31, 19, 20, 21, 14, 15, 16] as const) assert.equal(dhGroupOf(id), id);
  for (const id of [0, 1, 2, 5, 17, 18, 22, 23, 24, 25, 30, 32]) assert.equal(dhGroupOf(id), undefined);
  for (const [, row] of rows) {
    if (row.kind === 'PRF') assert.ok(prfKeyOctets(row.hash) >= 20);
    if (row.kind === 'KE') assert.ok(DH_SECRET_OCTETS[row.group] >= 32);
  }
});

test('names for logs of what has no row', () => {
  assert.equal(transformName(1, 12, 192), 'ENCR 12 (192)');
  assert.equal(transformName(3, 2), 'INTEG 2');
  assert.equal(transformName(6, 35), 'type 6 id 35');
});

test('levels of RFC 8247 §2 (IKE) and RFC 8221 §5, §6 (ESP), sizes and other spellings', () => {
  const sizes = (row: TransformRow): string => (row.kind === 'ENCR' ? `${row.keyOctets}+${row.saltOctets} iv ${row.ivOctets} icv ${row.icvOctets}` : row.kind === 'INTEG' ? `${row.hash} ${row.keyOctets} icv ${row.icvOctets}` : row.kind === 'PRF' ? row.hash : '');
  assert.deepEqual(rows.map(([name, row]) => [name, row.level.ike, row.level.esp, sizes(row), ...(row.aliases ?? [])].join(', ')), [
    'aes256gcm16, SHOULD, MUST, 32+4 iv 8 icv 16, aes256gcm128',
    'aes128gcm16, SHOULD, MUST, 16+4 iv 8 icv 16, aes128gcm128',
    'aes256, MUST, MUST, 32+0 iv 16 icv 0',
    'aes128, MUST, MUST, 16+0 iv 16 icv 0, aes',
    'chacha20poly1305, SHOULD, SHOULD, 32+4 iv 8 icv 16',
    'prfsha256, MUST, -, sha256',
    'prfsha384, -, -, sha384',
    'prfsha512, SHOULD+, -, sha512',
    'prfsha1, MUST-, -, sha1',
    'sha256, MUST, MUST, sha256 32 icv 16, sha2_256',
    'sha384, -, -, sha384 48 icv 24, sha2_384',
    'sha512, SHOULD, SHOULD, sha512 64 icv 32, sha2_512',
    'x25519, -, -, , curve25519',
    'ecp256, SHOULD, -, ',
    'ecp384, -, -, ',
    'ecp521, -, -, ',
    'modp2048, MUST, -, ',
    'modp3072, -, -, ',
    'modp4096, -, -, ',
    'esn, -, -, ',
    'noesn, -, -, ',
  ]);
  assert.deepEqual([TRANSFORM.esn.extended, TRANSFORM.noesn.extended], [true, false]);
});
