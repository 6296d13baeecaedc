import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCipheriv } from 'node:crypto';
import { concat } from '../../src/base/index.ts';
import { ESP_HEADER, NEXT_HEADER, aeadProtection, classifyDatagram, espHeader, openEsp, sealEsp, stripTrailer } from '../../src/esp/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { AEAD_MIN, espKeys, hex, keyOf, packet, random, udp } from './fixtures.ts';
import { GCM_VECTORS } from './vectors.ts';

const suite = nodeCrypto();

for (const vector of GCM_VECTORS) {
  test(`ES2-1 RFC 4106: ${vector.name}`, () => {
    const keys = { spi: espHeader(hex(vector.packet)).spi, protection: aeadProtection(suite.aead('aes-gcm-16', hex(vector.key)), hex(vector.salt)), esn: vector.esn };
    const plain = openEsp(keys, vector.sequence, hex(vector.packet));
    assert.deepEqual(plain && new Uint8Array(plain), hex(vector.plain));
    const stripped = stripTrailer(hex(vector.plain));
    assert.equal(stripped?.nextHeader, 1);
    assert.equal(stripped?.payload.length, vector.payload);
    assert.equal(openEsp({ ...keys, esn: !vector.esn }, vector.sequence, hex(vector.packet)), undefined, 'the other form of the AAD');
    for (const at of [0, 4, 8, 16, hex(vector.packet).length - 1]) {
      const bad = hex(vector.packet);
      bad[at] = (bad[at] ?? 0) ^ 1;
      assert.equal(openEsp({ ...keys, spi: espHeader(bad).spi }, at === 4 ? vector.sequence + 2 ** 24 : vector.sequence, bad), undefined, `octet ${at} changed`);
    }
  });
}

test('ES2-1 ES3-3: a sealed packet is SPI, sequence, IV = sequence, ciphertext, ICV, as an independent reading of RFC 4303 makes it', () => {
  const key = keyOf(1, 16);
  const salt = hex('a0b1c2d3');
  for (const esn of [false, true]) {
    for (const sequence of [1, 0xffff_ffff, ...(esn ? [2 ** 32, 5 * 2 ** 32 + 77] : [])]) {
      const inner = packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2, 21));
      const sealed = sealEsp({ spi: 0xc0ffee01, protection: aeadProtection(suite.aead('aes-gcm-16', key), salt), esn }, sequence, inner, NEXT_HEADER.IPV4);
      const counter = Buffer.alloc(8);
      counter.writeBigUInt64BE(BigInt(sequence));
      const spi = hex('c0ffee01');
      const cipher = createCipheriv('aes-128-gcm', key, concat(salt, counter));
      cipher.setAAD(esn ? concat(spi, counter) : concat(spi, counter.subarray(4)));
      const padding = [[0, 4], [1, 1, 4], [1, 2, 2, 4], [1, 2, 3, 3, 4]].find((pad) => (inner.length + pad.length) % 4 === 0 && pad.length >= 2);
      const body = concat(cipher.update(concat(inner, Uint8Array.from(padding ?? []))), cipher.final());
      assert.deepEqual(sealed, concat(spi, counter.subarray(4), counter, body, cipher.getAuthTag()));
    }
  }
});

test('ES2-1: every length is aligned to 4 octets, padded 1, 2, 3 and comes back', () => {
  const keys = espKeys(suite, { handle: 1, direction: 'out', spi: 256 });
  for (let length = 0; length < 70; length++) {
    const inner = new Uint8Array(length).fill(length);
    const sealed = sealEsp(keys, length + 1, inner, NEXT_HEADER.IPV6);
    assert.equal((sealed.length - ESP_HEADER) % 4, 0);
    const plain = openEsp(keys, length + 1, sealed);
    assert.ok(plain);
    const stripped = stripTrailer(plain);
    assert.deepEqual(stripped && new Uint8Array(stripped.payload), inner);
    assert.equal(stripped?.nextHeader, 41);
  }
});

test('RFC 4303 §2.4 ES2-1: padding that is not 1, 2, 3… or longer than the packet is refused', () => {
  assert.equal(stripTrailer(hex('')), undefined);
  assert.equal(stripTrailer(hex('04')), undefined);
  assert.deepEqual(stripTrailer(hex('0004')), { payload: hex(''), nextHeader: 4 });
  assert.equal(stripTrailer(hex('0104')), undefined, 'one octet of padding, none there');
  assert.equal(stripTrailer(hex('0203 0204')), undefined);
  assert.deepEqual(stripTrailer(hex('aa 01 02 02 29')), { payload: hex('aa'), nextHeader: 41 });
  const long = concat(hex('aa'), new Uint8Array(255).map((_, i) => i + 1), hex('ff04'));
  assert.equal(stripTrailer(long)?.payload.length, 1);
});

test('RFC 3948 §2 NK-1: what a datagram on port 4500 is', () => {
  assert.equal(classifyDatagram(hex('ff')), 'keepalive');
  assert.equal(classifyDatagram(hex('ffff')), 'malformed', 'NK-1: two octets of 0xFF are neither keepalive nor ESP');
  assert.equal(classifyDatagram(hex('')), 'malformed');
  assert.equal(classifyDatagram(hex('00')), 'malformed');
  assert.equal(classifyDatagram(hex('00000000')), 'ike', 'the marker; the IKE codec drops what is too short');
  assert.equal(classifyDatagram(hex('00000000 01')), 'ike');
  assert.equal(classifyDatagram(hex('00000100 000000')), 'malformed', 'seven octets');
  assert.equal(classifyDatagram(hex('00000100 00000001')), 'esp');
});

test('ES2-1: no octets at all make opening throw', () => {
  const keys = espKeys(suite, { handle: 1, direction: 'out', spi: 256 });
  const draw = random(5);
  for (let i = 0; i < 300; i++) {
    const bytes = new Uint8Array(AEAD_MIN + draw(60)).map(() => draw(256));
    assert.equal(openEsp(keys, draw(2 ** 31), bytes), undefined);
  }
});
