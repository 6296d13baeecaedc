import test from 'node:test';
import assert from 'node:assert/strict';
import { Secret } from '../../src/base/index.ts';
import { espOverhead, innerMtu, tunMtu } from '../../src/kernel/index.ts';

/** Length of the outer packet for an inner one, counted field by field (RFC 4303 §2, RFC 4106 §3, RFC 3948 §2.1). */
function outerLength(inner: number, family: 4 | 6, iv = 8, block = 4, icv = 16): number {
  const padding = (block - ((inner + 2) % block)) % block;
  return (family === 4 ? 20 : 40) + 8 + 4 + 4 + iv + inner + padding + 2 + icv;
}

test('innerMtu is the largest inner packet that fits', () => {
  for (const family of [4, 6] as const) {
    for (let outer = 576; outer <= 1600; outer++) {
      const inner = innerMtu(outer, family);
      assert.ok(outerLength(inner, family) <= outer, `${inner} fits ${outer}`);
      assert.ok(outerLength(inner + 1, family) > outer, `${inner + 1} does not fit ${outer}`);
    }
  }
  assert.equal(innerMtu(1500, 4), 1438);
  assert.equal(innerMtu(1500, 6), 1418);
  assert.equal(innerMtu(40, 6), 0);
});

test('RFC 3948 §2.1: without UDP an inner packet may have eight octets more', () => {
  for (const family of [4, 6] as const) for (let outer = 576; outer <= 1600; outer++) assert.equal(innerMtu(outer, family, undefined, 'none'), innerMtu(outer + 8, family));
});

test('RFC 3602 §2, RFC 4868 §2.1: AES-CBC fills whole blocks, and its ICV is as long as its hash says', () => {
  const key = new Secret(new Uint8Array());
  for (const [name, icv] of [['hmac-sha256-128', 16], ['hmac-sha384-192', 24], ['hmac-sha512-256', 32]] as const) {
    for (let outer = 576; outer <= 1600; outer++) {
      const inner = innerMtu(outer, 4, espOverhead({ integ: { name, key } }));
      assert.ok(outerLength(inner, 4, 16, 16, icv) <= outer && outerLength(inner + 1, 4, 16, 16, icv) > outer, `${name} ${outer}`);
    }
  }
  assert.equal(innerMtu(1500, 4, espOverhead({ integ: undefined })), 1438);
  assert.equal(tunMtu([{ mtu: 1500, family: 4 }], false, [espOverhead({ integ: undefined }), espOverhead({ integ: { name: 'hmac-sha512-256', key } })]), 1406);
});

test('tunMtu: least of all paths, not below what inner IPv6 or IPv4 needs, a safe value without paths', () => {
  assert.equal(tunMtu([{ mtu: 1500, family: 4 }, { mtu: 1492, family: 6 }], true), innerMtu(1492, 6));
  assert.equal(tunMtu([{ mtu: 1280, family: 6 }], true), 1280);
  assert.equal(tunMtu([{ mtu: 1280, family: 6 }], false), innerMtu(1280, 6));
  assert.equal(tunMtu([{ mtu: 300, family: 4 }], false), 576);
  assert.equal(tunMtu([], false), 1418);
  assert.equal(tunMtu([{ mtu: 100_000, family: 4 }], false), 65535);
});
