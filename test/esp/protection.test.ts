import assert from 'node:assert/strict';
import { createCipheriv, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret, concat } from '../../src/base/index.ts';
import type { BlockCipher } from '../../src/crypto/index.ts';
import { NEXT_HEADER, aeadProtection, cbcProtection, espHeader, espLengthFits, openEsp, protectionOf, sealEsp, stripTrailer } from '../../src/esp/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { ESP_SUITES, espKeys, hex, keyOf, packet, random, sa, testEntropy, udp } from './fixtures.ts';
import { CBC_VECTORS, CHACHA_VECTOR } from './vectors.ts';

const suite = nodeCrypto();

/** Entropy that gives these octets, once each time. */
const fixed = (bytes: Uint8Array): { bytes(): Uint8Array } => ({ bytes: () => bytes.slice() });

for (const vector of CBC_VECTORS) {
  test(`ES2-1 ${vector.name}: the octets of the RFC, then the ICV of RFC 4868 over them (AL-1)`, () => {
    const wanted = hex(vector.packet);
    for (const [name, hash, octets] of [['hmac-sha256-128', 'sha256', 16], ['hmac-sha384-192', 'sha384', 24], ['hmac-sha512-256', 'sha512', 32]] as const) {
      const macKey = keyOf(3, octets * 2);
      const icv = createHmac(hash, macKey).update(wanted).digest().subarray(0, octets);
      const made = { cipher: 'aes-cbc', key: new Secret(hex(vector.key)), integ: { name, key: new Secret(macKey.slice()) } } as const;
      const keys = { spi: espHeader(wanted).spi, esn: false, protection: protectionOf(suite, made, fixed(wanted.subarray(8, 24))) };
      const sealed = sealEsp(keys, vector.sequence, hex(vector.payload), vector.nextHeader);
      assert.deepEqual(sealed, concat(wanted, icv));
      const plain = openEsp(keys, vector.sequence, sealed);
      assert.ok(plain);
      assert.deepEqual(stripTrailer(plain), { payload: hex(vector.payload), nextHeader: vector.nextHeader });
    }
  });
}

test('ES2-1 RFC 7634 appendix A: the packet opens, and is what sealing under that IV makes', () => {
  const wanted = hex(CHACHA_VECTOR.packet);
  const protection = aeadProtection(suite.aead('chacha20-poly1305', hex(CHACHA_VECTOR.key)), hex(CHACHA_VECTOR.salt));
  const keys = { spi: 0x01020304, esn: false, protection };
  const plain = openEsp(keys, CHACHA_VECTOR.sequence, wanted);
  assert.ok(plain);
  assert.deepEqual(stripTrailer(plain), { payload: hex(CHACHA_VECTOR.payload), nextHeader: NEXT_HEADER.IPV4 });
  const sealed = sealEsp({ ...keys, protection: { ...protection, makeIv: () => wanted.slice(8, 16) } }, CHACHA_VECTOR.sequence, hex(CHACHA_VECTOR.payload), NEXT_HEADER.IPV4);
  assert.deepEqual(sealed, wanted);
});

test('ES3.3-1: with ESN an HMAC also covers the high 32 bits, appended and not sent, on both sides of 2^32', () => {
  const key = keyOf(9, 32);
  const inner = packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2, 21));
  for (const row of ESP_SUITES) {
    if (row.integ === undefined) continue;
    const octets = row.integ.octets;
    const macKey = keyOf(9 ^ 0x55, octets);
    const encryption = key.subarray(0, row.octets);
    for (const sequence of [1, 0xffff_ffff, 2 ** 32, 2 ** 32 + 1, 7 * 2 ** 32]) {
      const keys = espKeys(suite, { handle: 1, direction: 'out', spi: 0xc0ffee01, key: encryption, suite: row }, fixed(hex('00112233445566778899aabbccddeeff')));
      const sealed = sealEsp(keys, sequence, inner, NEXT_HEADER.IPV4);
      const body = sealed.subarray(0, -octets / 2);
      const high = Buffer.alloc(4);
      high.writeUInt32BE(Math.floor(sequence / 2 ** 32));
      const hash = { 32: 'sha256', 48: 'sha384', 64: 'sha512' }[octets] ?? '';
      assert.deepEqual(Buffer.from(sealed.subarray(-octets / 2)), createHmac(hash, macKey).update(body).update(high).digest().subarray(0, octets / 2));
      assert.ok(openEsp(keys, sequence, sealed));
      assert.equal(openEsp(keys, sequence + 2 ** 32, sealed), undefined, 'the same 32 bits of another era');
      assert.equal(openEsp({ ...keys, esn: false }, sequence, sealed), undefined);
    }
  }
});

for (const row of ESP_SUITES) {
  test(`ES2-1 ${row.name}: every length is padded 1, 2, 3 to whole blocks and comes back; one bit changed anywhere does not`, () => {
    const keys = espKeys(suite, { handle: 1, direction: 'out', spi: 0x1234, suite: row });
    const { iv, icv, block } = keys.protection;
    assert.equal(block, row.cipher === 'aes-cbc' ? 16 : 4);
    const draw = random(11);
    for (let length = 0; length < 70; length++) {
      const inner = new Uint8Array(length).fill(length);
      const sealed = sealEsp(keys, length + 1, inner, NEXT_HEADER.IPV6);
      assert.equal((sealed.length - 8 - iv - icv) % block, 0);
      assert.ok(sealed.length - 8 - iv - icv - length - 2 < block, 'no more padding than needed');
      assert.ok(espLengthFits(keys, sealed.length));
      const plain = openEsp(keys, length + 1, sealed);
      assert.deepEqual(plain && stripTrailer(plain), { payload: inner, nextHeader: 41 });
      const at = draw(sealed.length);
      sealed[at] = (sealed[at] ?? 0) ^ (1 << draw(8));
      assert.equal(openEsp({ ...keys, spi: espHeader(sealed).spi }, at >= 4 && at < 8 ? espHeader(sealed).low : length + 1, sealed), undefined, `octet ${at}`);
    }
  });
}

test('ES2-1 RFC 3602 §3: the IV of CBC is drawn for each packet; an independent reading makes the same octets', () => {
  const row = ESP_SUITES.find((one) => one.name === 'aes256-sha512');
  const keys = espKeys(suite, { handle: 1, direction: 'out', spi: 0x1234, key: keyOf(1, 32), esn: false, suite: row ?? { name: '', cipher: 'aes-cbc', octets: 32 } }, testEntropy());
  const inner = packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2, 2));
  const two = [1, 2].map((sequence) => sealEsp(keys, sequence, inner, NEXT_HEADER.IPV4));
  assert.notDeepEqual(two[0]?.subarray(8, 24), two[1]?.subarray(8, 24));
  for (const sealed of two) {
    const cipher = createCipheriv('aes-256-cbc', keyOf(1, 32), sealed.subarray(8, 24)).setAutoPadding(false);
    assert.equal(inner.length, 30);
    assert.deepEqual(sealed.slice(24, -32), concat(cipher.update(concat(inner, hex('0004'))), cipher.final()));
  }
});

test('ES2-1: a wrong ICV is found before anything is decrypted', () => {
  let decrypted = 0;
  const cipher = suite.cbc(keyOf(1, 16));
  const counting: BlockCipher = {
    ...cipher,
    decrypt: (iv, text) => {
      decrypted++;
      return cipher.decrypt(iv, text);
    },
  };
  const keys = { spi: 256, esn: true, protection: cbcProtection(suite, counting, suite.hmac('sha256', keyOf(2, 32)), 16, testEntropy()) };
  const sealed = sealEsp(keys, 1, hex('45'), NEXT_HEADER.IPV4);
  assert.ok(openEsp(keys, 1, sealed));
  assert.equal(decrypted, 1);
  sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
  assert.equal(openEsp(keys, 1, sealed), undefined);
  assert.equal(decrypted, 1);
});

test('ES2-1: lengths that no packet has do not fit: CBC is whole blocks, at least one', () => {
  const fits = (name: string): number[] => {
    const row = ESP_SUITES.find((one) => one.name === name);
    assert.ok(row);
    const keys = espKeys(suite, { handle: 1, direction: 'in', spi: 256, suite: row });
    return Array.from({ length: 80 }, (_, length) => length).filter((length) => espLengthFits(keys, length));
  };
  assert.deepEqual(fits('aes128-sha256'), [56, 72]);
  assert.deepEqual(fits('aes256-sha512'), [72]);
  assert.equal(fits('chacha20poly1305')[0], 34);
});

test('keys that do not fit their algorithms are a bug', () => {
  const integ = (name: 'hmac-sha256-128' | 'hmac-sha512-256', octets: number): { name: typeof name; key: Secret } => ({ name, key: new Secret(keyOf(1, octets)) });
  const make = (cipher: 'aes-gcm-16' | 'chacha20-poly1305' | 'aes-cbc', octets: number, mac?: ReturnType<typeof integ>, entropy = true): unknown =>
    protectionOf(suite, { ...sa({ handle: 1, direction: 'out', spi: 1 }), cipher, key: new Secret(keyOf(1, octets)), integ: mac }, entropy ? testEntropy() : undefined);
  assert.throws(() => make('aes-gcm-16', 16));
  assert.throws(() => make('chacha20-poly1305', 20), 'only 256 bits (RFC 7634 §2)');
  assert.throws(() => make('aes-gcm-16', 20, integ('hmac-sha256-128', 32)));
  assert.throws(() => make('aes-cbc', 36, integ('hmac-sha256-128', 32)));
  assert.throws(() => make('aes-cbc', 32));
  assert.throws(() => make('aes-cbc', 32, integ('hmac-sha512-256', 32)));
  assert.throws(() => make('aes-cbc', 32, integ('hmac-sha256-128', 32), false), 'no entropy');
  assert.ok(make('aes-cbc', 32, integ('hmac-sha512-256', 64)));
});
