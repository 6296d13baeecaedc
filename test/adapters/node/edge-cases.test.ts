/**
 * The kinds of cases that break implementations (those which the Wycheproof collection names), made here and computed a second time by `reference.ts`:
 * values of low order, not reduced, on the twist, off the curve or of another curve; secrets, scalars, texts and sums at their edges; forged tags.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto } from '../../../src/adapters/node/crypto.ts';
import { concat, toHex } from '../../../src/base/index.ts';
import { DH_SECRET_OCTETS, type DhPair } from '../../../src/crypto/index.ts';
import { bigEndian, chachaStream, CURVES, decrypt, fromBig, gcmStream, littleEndian, multiply, P25519, pointAt, power, x25519, type Curve, type Point } from './reference.ts';

const suite = nodeCrypto();
const octets = (count: number, seed: number): Uint8Array => new Uint8Array(suite.hash('sha512', Uint8Array.of(seed >> 8, seed & 255))).slice(0, count);
const hexOf = (value: Uint8Array | undefined): string | undefined => value && toHex(value);

// ---- X25519 --------------------------------------------------------------------------------------------------------

const SCALARS = [octets(32, 1), octets(32, 2), new Uint8Array(32), new Uint8Array(32).fill(255), littleEndian(2n ** 254n, 32), littleEndian(P25519, 32)];
const onCurve = (u: bigint): boolean => power(u ** 3n + 486_662n * u ** 2n + u, (P25519 - 1n) / 2n, P25519) !== P25519 - 1n;
/** All u of low order on the curve and its twist (RFC 7748 §6.1 wants them found by the zero secret). */
const LOW_ORDER = [
  0n, 1n, P25519 - 1n, 325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
];

test('AL-3 edge cases of x25519: values on the twist, powers of two and their neighbours: accepted, and computed as RFC 7748 says', () => {
  const values = new Set([2n, 3n, 4n, 9n, 16n, P25519 - 2n, P25519 - 9n]);
  for (let bit = 5n; bit < 255n; bit += 25n) for (const near of [-1n, 0n, 1n]) values.add(2n ** bit + near);
  let twist = 0;
  for (const u of values) {
    if (!onCurve(u)) twist++;
    for (const scalar of SCALARS.slice(0, 3)) assert.equal(hexOf(suite.dh(31, scalar).derive(littleEndian(u, 32))), toHex(x25519(scalar, littleEndian(u, 32))), `${u}`);
  }
  assert.ok(twist > 8, 'some are on the twist');
});

test('AL-3 edge cases of x25519: values above p and with the top bit set are taken modulo p; scalars at their edges', () => {
  for (const scalar of SCALARS) {
    const own = suite.dh(31, scalar);
    for (let over = 2n; over < 19n; over++) {
      for (const top of [0n, 2n ** 255n]) {
        const shared = own.derive(littleEndian(P25519 + over + top, 32));
        assert.equal(hexOf(shared), toHex(x25519(scalar, littleEndian(over, 32))), `p + ${over}`);
      }
    }
    assert.equal(toHex(own.publicValue), toHex(x25519(scalar, littleEndian(9n, 32))));
  }
});

test('AL-3 edge cases of x25519: a secret of zeros is refused for every value of low order, reduced or not, for every scalar', () => {
  let refused = 0;
  for (const scalar of SCALARS) {
    for (const low of LOW_ORDER) {
      for (const u of [low, low + P25519, low + 2n ** 255n, low + P25519 + 2n ** 255n].filter((value) => value < 2n ** 256n && (value & (2n ** 255n - 1n)) % P25519 === low % P25519)) {
        assert.ok(x25519(scalar, littleEndian(u, 32)).every((octet) => octet === 0), 'of low order');
        assert.equal(suite.dh(31, scalar).derive(littleEndian(u, 32)), undefined);
        refused++;
      }
    }
  }
  assert.ok(refused >= 12 * SCALARS.length);
});

// ---- ECDH ----------------------------------------------------------------------------------------------------------

const known = (curve: Curve, scalar: bigint): DhPair => suite.dh(curve.group, bigEndian(scalar - 1n, DH_SECRET_OCTETS[curve.group]));
const wire = (curve: Curve, [x, y]: Point): Uint8Array => concat(bigEndian(x, curve.octets), bigEndian(y, curve.octets));

for (const curve of CURVES) {
  const { group, p, n, b } = curve;
  const random = (fromBig(octets(64, group)) * 2n ** 300n + 12345n) % n;
  /** Points whose x is at an edge: small, near p, a power of two or near one. */
  const edges: Point[] = [];
  for (const start of [0n, p - 40n, 2n ** 64n, 2n ** 128n - 20n, 2n ** BigInt(8 * (curve.octets - 1))]) {
    for (let x = start, found = 0; found < 2; x++) {
      const point = pointAt(curve, x);
      if (!point) continue;
      edges.push(point, [point[0], p - point[1]]);
      found++;
    }
  }

  test(`AL-3 edge cases of group ${group}: points with coordinates at their edges, scalars at theirs`, () => {
    for (const scalar of [1n, 2n, 3n, n - 1n, n - 2n, (n + 1n) / 2n, random]) {
      const own = known(curve, scalar);
      for (const point of scalar === random ? edges : edges.slice(0, 3)) assert.equal(hexOf(own.derive(wire(curve, point))), toHex(bigEndian(multiply(curve, scalar, point)?.[0] ?? 0n, curve.octets)));
    }
  });

  test(`AL-3 I2.14-1 edge cases of group ${group}: secrets at their edges: x of 0 or a few bits keeps its leading zeros`, () => {
    const inverse = power(random, n - 2n, n);
    for (const point of edges) {
      const value = multiply(curve, inverse, point);
      assert.ok(value);
      assert.equal(hexOf(known(curve, random).derive(wire(curve, value))), toHex(bigEndian(point[0], curve.octets)));
    }
  });

  test(`AL-3 edge cases of group ${group}: points of other curves with the same field, of another field, compressed or with a marker are refused`, () => {
    const own = known(curve, random);
    const good = edges[4];
    assert.ok(good && own.derive(wire(curve, good)));
    // The formulas of a doubling do not use b: a point of y^2 = x^3 - 3x + b' would be multiplied on that weak curve.
    for (const wrong of [0n, 1n, b - 1n, b + 1n, p - b]) {
      for (let x = 1n, found = 0; found < 3; x++) {
        const point = pointAt({ ...curve, b: wrong }, x);
        if (!point || pointAt(curve, x)?.[1] === point[1]) continue;
        assert.equal(own.derive(wire(curve, point)), undefined, `b = ${wrong}, x = ${x}`);
        found++;
      }
    }
    for (const other of CURVES.filter((one) => one !== curve)) {
      const point = multiply(other, 3n, pointAt(other, 5n) ?? pointAt(other, 6n) ?? pointAt(other, 7n) ?? [0n, 0n]);
      assert.ok(point);
      const foreign = wire(other, point);
      assert.equal(own.derive(foreign), undefined);
      assert.equal(own.derive(concat(foreign, new Uint8Array(2 * curve.octets)).subarray(0, 2 * curve.octets)), undefined);
    }
    const [x, y] = good;
    for (const value of [
      concat(Uint8Array.of(2 + Number(y & 1n)), bigEndian(x, curve.octets)), concat(Uint8Array.of(4), wire(curve, good)), bigEndian(x, curve.octets), Uint8Array.of(0),
      wire(curve, [y, x]), wire(curve, [x, 0n]), wire(curve, [x, p]), wire(curve, [p, y]), wire(curve, [x, y ^ 1n]),
    ]) assert.equal(own.derive(value), undefined, toHex(value));
  });
}

// ---- AEAD ----------------------------------------------------------------------------------------------------------

/** Ciphertexts that drive the sums of the tag to their edges. */
const TEXTS: readonly Uint8Array[] = [
  ...[0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256].map((length) => concat(...[1, 2, 3, 4].map((part) => octets(64, length + part))).slice(0, length)),
  ...[16, 32, 48, 64, 128].flatMap((length) => [new Uint8Array(length), new Uint8Array(length).fill(255), new Uint8Array(length).fill(0x7f), new Uint8Array(length).fill(0x80)]),
  ...[4, 8].map((run) => Uint8Array.from({ length: 96 }, (_, i) => (Math.floor(i / run) & 1 ? 255 : 0))),
  concat(littleEndian(2n ** 128n - 5n, 16), littleEndian(2n ** 128n - 6n, 16), littleEndian(2n ** 128n - 1n, 16), littleEndian(5n, 16)),
];

/** Tags that a careless comparison takes. */
function forgeries(tag: Uint8Array): Uint8Array[] {
  const changed = (change: (octet: number, i: number) => number): Uint8Array => tag.map((octet, i) => change(octet, i));
  const bits = [0, 1, 7, 8, 31, 32, 33, 63, 64, 71, 77, 80, 96, 97, 103, 120, 126, 127].filter((bit) => bit < 8 * tag.length);
  return [
    ...bits.map((bit) => changed((octet, i) => (i === bit >> 3 ? octet ^ (1 << (bit & 7)) : octet))),
    changed((octet) => octet ^ 255), changed((octet) => octet ^ 0x80), changed((octet) => octet ^ 1),
    changed((octet, i) => (i < 2 ? octet ^ 1 : octet)), new Uint8Array(tag.length), new Uint8Array(tag.length).fill(255), concat(tag.subarray(tag.length / 2), tag.subarray(0, tag.length / 2)),
  ].filter((forged) => toHex(forged) !== toHex(tag));
}

for (const [name, keyOctets, stream] of [['aes-gcm-16', 16, gcmStream], ['aes-gcm-16', 32, gcmStream], ['chacha20-poly1305', 32, chachaStream]] as const) {
  test(`AE3-1 edge cases of ${name} with ${8 * keyOctets} bits: texts and associated data of every length, sums at their edges, forged tags`, () => {
    let forged = 0;
    TEXTS.forEach((ciphertext, i) => {
      const [key, nonce] = [octets(keyOctets, 300 + i), i % 3 === 0 ? new Uint8Array(12) : i % 3 === 1 ? new Uint8Array(12).fill(255) : octets(12, 400 + i)];
      const aad = [new Uint8Array(0), octets(8, i), octets(32, i), new Uint8Array(32).fill(255), octets(61, i)][i % 5] ?? new Uint8Array();
      const second = stream(key, nonce);
      const [plain, tag] = [decrypt(second, ciphertext), second.tag(aad, ciphertext)];
      const aead = suite.aead(name, key);
      assert.equal(toHex(aead.seal(nonce, aad, plain)), toHex(concat(ciphertext, tag)));
      assert.equal(hexOf(aead.open(nonce, aad, concat(ciphertext, tag))), toHex(plain));
      for (const wrong of forgeries(tag)) {
        assert.equal(aead.open(nonce, aad, concat(ciphertext, wrong)), undefined);
        forged++;
      }
    });
    assert.ok(forged > 500);
  });
}

test('AL-1 edge cases of HMAC-SHA2 with tags of half its length: only the true tag compares equal', () => {
  for (const name of ['sha256', 'sha384', 'sha512'] as const) {
    for (let i = 0; i < 20; i++) {
      const whole = suite.hmac(name, octets(64, i)).sign(octets(i, 50 + i));
      const tag = whole.subarray(0, whole.length / 2);
      assert.ok(suite.equal(tag, whole.slice(0, whole.length / 2)));
      for (const wrong of [...forgeries(tag), whole, tag.subarray(1), new Uint8Array(0)]) assert.equal(suite.equal(tag, wrong), false);
    }
  }
});
