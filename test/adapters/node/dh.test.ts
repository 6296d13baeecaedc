import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto } from '../../../src/adapters/node/crypto.ts';
import { concat, toHex } from '../../../src/base/index.ts';
import { DH_SECRET_OCTETS, type DhGroup, type DhPair } from '../../../src/crypto/index.ts';
import { bytes, isPlain } from './octets.ts';
import { bigEndian, CURVES, fromBig, littleEndian, P25519, pointAt, power } from './reference.ts';

const suite = nodeCrypto();

// ---- Curve25519 ----------------------------------------------------------------------------------------------------

const x25519 = (scalar: string, u: string): string | undefined => {
  const shared = suite.dh(31, bytes(scalar)).derive(bytes(u));
  return shared && toHex(shared);
};

test('RFC 7748 §5.2: X25519 known answers', () => {
  assert.equal(
    x25519('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4', 'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c'),
    'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
  );
  assert.equal(
    x25519('4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d', 'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493'),
    '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    'the top bit of u is masked (AL-3)',
  );
});

test('RFC 7748 §5.2: X25519 a thousand times over', () => {
  let k = bytes(`09${'00'.repeat(31)}`);
  let u = k;
  for (let i = 1; i <= 1000; i++) {
    const shared = suite.dh(31, k).derive(u);
    assert.ok(shared);
    [k, u] = [new Uint8Array(shared), k];
    if (i === 1) assert.equal(toHex(k), '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079');
  }
  assert.equal(toHex(k), '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51');
});

test('RFC 7748 §6.1: a Curve25519 key exchange', () => {
  const alice = suite.dh(31, bytes('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'));
  const bob = suite.dh(31, bytes('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'));
  isPlain(alice.publicValue);
  assert.equal(toHex(alice.publicValue), '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
  assert.equal(toHex(bob.publicValue), 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
  for (const shared of [alice.derive(bob.publicValue), bob.derive(alice.publicValue)]) {
    assert.ok(shared);
    isPlain(shared);
    assert.equal(toHex(shared), '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742');
  }
});

test('AL-3: X25519 refuses every value of small order, in all its spellings, since the secret would be zero', () => {
  const order8 = [
    325606250916557431795983626356110631294008115727848805560023387167927233504n,
    39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  ];
  const small = [0n, 1n, P25519 - 1n, P25519, P25519 + 1n, ...order8];
  const own = suite.dh(31, new Uint8Array(32).fill(7));
  for (const u of [...small, ...small.map((value) => value + 2n ** 255n)]) assert.equal(own.derive(littleEndian(u, 32)), undefined, u.toString(16));
});

test('AL-3: X25519 accepts values that are not reduced, as the reduced ones', () => {
  const own = suite.dh(31, new Uint8Array(32).fill(7));
  for (const u of [2n, 3n, 9n, 18n]) {
    const reduced = own.derive(littleEndian(u, 32));
    assert.ok(reduced);
    assert.deepEqual(own.derive(littleEndian(u + P25519, 32)), reduced);
    assert.deepEqual(own.derive(littleEndian(u + 2n ** 255n, 32)), reduced);
  }
});

test('RFC 8031 appendix A: a Curve25519 key exchange of IKEv2, from the octets drawn', () => {
  const initiator = suite.dh(31, bytes('751fb4308655b476b6789b7325f9ea8cddd16a58533ff6d9e60009464a5f9d94'));
  const responder = suite.dh(31, bytes('0a54645253290d60ddadd0e030bacd9e5501efdc220755a1e978f1b839a05688'));
  assert.equal(toHex(initiator.publicValue), '48d5ddd4061257ba166fa3f9bbdb74f1a4e81c089384fa77f790709f0dfbc766');
  assert.equal(toHex(responder.publicValue), '0be7c1f5aad87d7e448662673298a443478b859745179eaf564c79c0ef6eee25');
  for (const shared of [initiator.derive(responder.publicValue), responder.derive(initiator.publicValue)])
    assert.equal(shared && toHex(shared), 'c74950607a12327f3204d94b6825bfb068b7f8319a9e3708ed3d43ce8130c950');
});

// ---- P-256, P-384, P-521 -------------------------------------------------------------------------------------------

type Curve = (typeof CURVES)[number];

/** The pair of a known private value: `dh` takes more octets and adds one to what it reduces. */
const known = (group: Curve['group'], scalar: bigint): DhPair => suite.dh(group, bigEndian(scalar - 1n, DH_SECRET_OCTETS[group]));

const RFC_5903 = [
  {
    group: 19, section: '§8.1',
    i: 'c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433',
    r: 'c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53',
    gi: 'dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3',
    gr: 'd12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab',
    shared: 'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de',
  },
  {
    group: 20, section: '§8.2',
    i: '099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194',
    r: '41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc',
    gi: '667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa'
      + '9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c',
    gr: 'e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571'
      + 'dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c',
    shared: '11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746',
  },
  {
    group: 21, section: '§8.3',
    i: '0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52',
    r: '0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9',
    gi: '0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176ced3e'
      + '017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582',
    gr: '00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f'
      + '015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a',
    shared: '01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea',
  },
] as const;

for (const { group, section, i, r, gi, gr, shared } of RFC_5903) {
  test(`RFC 5903 ${section}: a key exchange in group ${group}`, () => {
    const [initiator, responder] = [known(group, BigInt(`0x${i}`)), known(group, BigInt(`0x${r}`))];
    isPlain(initiator.publicValue);
    assert.equal(toHex(initiator.publicValue), gi);
    assert.equal(toHex(responder.publicValue), gr);
    for (const secret of [initiator.derive(bytes(gr)), responder.derive(bytes(gi))]) {
      isPlain(secret);
      assert.equal(secret && toHex(secret), shared);
    }
  });
}

for (const curve of CURVES) {
  const { group, octets, p, n, b } = curve;
  const vector = RFC_5903.find((row) => row.group === group);
  assert.ok(vector);
  const own = known(group, BigInt(`0x${vector.i}`));
  const good = bytes(vector.gr);

  test(`I2.12-1: the secret of group ${group} is reduced modulo n-1 and is never zero`, () => {
    const at = (secret: bigint): string => toHex(suite.dh(group, bigEndian(secret, DH_SECRET_OCTETS[group])).publicValue);
    const generator = at(0n);
    assert.equal(at(n - 1n), generator);
    assert.equal(at((n - 1n) << 100n), generator);
    const [x, y] = [generator.slice(0, 2 * octets), generator.slice(2 * octets)];
    assert.equal(at(n - 2n), x + toHex(bigEndian(p - BigInt(`0x${y}`), octets)), 'n-1 times the generator is its negative');
    assert.equal(at(2n ** BigInt(8 * DH_SECRET_OCTETS[group]) - 1n).length, 4 * octets);
    const [gx, gy] = [BigInt(`0x${x}`), BigInt(`0x${y}`)];
    assert.equal((gy * gy) % p, (gx ** 3n - 3n * gx + b) % p, 'the generator is on the curve');
  });

  test(`AL-3: group ${group} refuses what is no point of the curve`, () => {
    assert.ok(own.derive(good));
    for (const length of [0, 1, octets, 2 * octets - 1, 2 * octets + 1, 4 * octets]) assert.equal(own.derive(concat(good, good).subarray(0, length)), undefined, `${length} octets`);
    assert.equal(own.derive(new Uint8Array(2 * octets)), undefined, 'zeros, as infinity is often written');
    assert.equal(own.derive(concat(Uint8Array.of(4), good)), undefined, 'with the octet for "uncompressed"');
    for (let bit = 0; bit < 16 * octets; bit += 7) {
      const bad = good.slice();
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(own.derive(bad), undefined, `bit ${bit}`);
    }
  });

  test(`AL-3: group ${group} refuses coordinates that are not below p, although they name a point`, () => {
    let tried = 0;
    for (let x = 0n; x < 12n; x++) {
      const y = pointAt(curve, x)?.[1];
      if (y === undefined) continue;
      tried++;
      assert.ok(own.derive(concat(bigEndian(x, octets), bigEndian(y, octets))), `x = ${x} is a point`);
      assert.equal(own.derive(concat(bigEndian(x + p, octets), bigEndian(y, octets))), undefined, `x = ${x} + p`);
      assert.equal(own.derive(concat(bigEndian(p, octets), bigEndian(y, octets))), undefined);
    }
    assert.ok(tried > 0);
  });

  test(`I2.14-1: the secret of group ${group} has the length of the field, leading zeros kept`, () => {
    const from = concat(good, new Uint8Array(DH_SECRET_OCTETS[group])).subarray(0, DH_SECRET_OCTETS[group]);
    // P-521: the top octet has one bit, so that every second secret begins with zeros.
    let short: Uint8Array | undefined;
    for (let i = 0; i < 3000 && short === undefined; i++) {
      const secret = from.slice();
      secret[secret.length - 1] = i & 255;
      secret[secret.length - 2] = i >> 8;
      const shared = suite.dh(group, secret).derive(good);
      assert.equal(shared?.length, octets);
      if (shared[0] === 0) short = shared;
    }
    assert.ok(short);
  });
}

// ---- MODP ----------------------------------------------------------------------------------------------------------

/** floor(2^bits * pi) by Machin's formula, with guard bits. */
function piTimesTwoTo(bits: bigint): bigint {
  const guard = 64n;
  const one = 1n << (bits + guard);
  const arctanInverse = (x: bigint): bigint => {
    let sum = 0n;
    for (let [term, k, sign] = [one / x, 1n, 1n]; term > 0n; [term, k, sign] = [term / (x * x), k + 2n, -sign]) sum += (sign * term) / k;
    return sum;
  };
  return (4n * (4n * arctanInverse(5n) - arctanInverse(239n))) >> guard;
}

/** RFC 3526 §3 to §5: the prime is 2^n - 2^(n-64) - 1 + 2^64 * ( [2^(n-130) pi] + constant ). */
const MODP = [
  { group: 14, bits: 2048n, constant: 124_476n },
  { group: 15, bits: 3072n, constant: 1_690_314n },
  { group: 16, bits: 4096n, constant: 240_904n },
] as const;
const primeOf = (bits: bigint, constant: bigint): bigint => 2n ** bits - 2n ** (bits - 64n) - 1n + 2n ** 64n * (piTimesTwoTo(bits - 130n) + constant);

for (const { group, bits, constant } of MODP) {
  const p = primeOf(bits, constant);
  const octets = Number(bits) / 8;
  const secretOf = (seed: number): Uint8Array => Uint8Array.from({ length: DH_SECRET_OCTETS[group] }, (_, i) => (i * 29 + seed * 71 + (i >> 3)) & 255);

  test(`RFC 3526: group ${group}: public value and secret, computed again with the prime of its formula`, () => {
    const [a, b] = [secretOf(1), secretOf(2)];
    const [alice, bob] = [suite.dh(group, a), suite.dh(group, b)];
    isPlain(alice.publicValue);
    assert.equal(toHex(alice.publicValue), toHex(bigEndian(power(2n, fromBig(a), p), octets)));
    const shared = alice.derive(bob.publicValue);
    isPlain(shared);
    assert.equal(shared && toHex(shared), toHex(bigEndian(power(fromBig(bob.publicValue), fromBig(a), p), octets)));
    assert.deepEqual(bob.derive(alice.publicValue), shared);
  });

  test(`AL-3: group ${group}: 1 < y < p-1, and exactly the octets of the prime`, () => {
    const own = suite.dh(group, secretOf(3));
    for (const y of [0n, 1n, p - 1n, p, p + 1n, p + 2n, 2n ** bits - 1n]) assert.equal(own.derive(bigEndian(y, octets)), undefined, `${y - p}`);
    for (const y of [2n, 3n, p - 2n, p - 3n, p >> 1n]) assert.equal(toHex(own.derive(bigEndian(y, octets)) ?? new Uint8Array()), toHex(bigEndian(power(y, fromBig(secretOf(3)), p), octets)));
    const peer = suite.dh(group, secretOf(4)).publicValue;
    for (const wrong of [new Uint8Array(0), peer.subarray(1), concat(Uint8Array.of(0), peer), bytes('02')]) assert.equal(own.derive(wrong), undefined);
  });

  test(`I2.14-1: group ${group}: public value and secret are padded with zeros in front`, () => {
    // 2^k is shorter than the prime for small exponents: public 2^3 = 8, secret 4^3 = 64.
    const small = new Uint8Array(DH_SECRET_OCTETS[group]);
    small[small.length - 1] = 3;
    const own = suite.dh(group, small);
    assert.deepEqual(own.publicValue, bigEndian(8n, octets));
    assert.deepEqual(own.derive(bigEndian(4n, octets)), bigEndian(64n, octets));
  });
}

// ---- All groups ----------------------------------------------------------------------------------------------------

const GROUPS: readonly (readonly [DhGroup, number])[] = [[31, 32], [19, 64], [20, 96], [21, 132], [14, 256], [15, 384], [16, 512]];

test('I2.12-1: secrets of the wrong size and wiped pairs are bugs', () => {
  for (const [group, publicOctets] of GROUPS) {
    for (const octets of [0, 31, DH_SECRET_OCTETS[group] - 1, DH_SECRET_OCTETS[group] + 1]) assert.throws(() => suite.dh(group, new Uint8Array(octets)));
    const pair = suite.dh(group, new Uint8Array(DH_SECRET_OCTETS[group]).fill(5));
    assert.equal(pair.group, group);
    assert.equal(pair.publicValue.length, publicOctets);
    pair.wipe();
    assert.throws(() => pair.derive(new Uint8Array(publicOctets)));
  }
});

test('I2.12-1: the secret handed in is copied, not kept', () => {
  for (const [group] of GROUPS) {
    const secret = new Uint8Array(DH_SECRET_OCTETS[group]).fill(5);
    const pair = suite.dh(group, secret);
    const peer = suite.dh(group, new Uint8Array(DH_SECRET_OCTETS[group]).fill(6));
    const before = pair.derive(peer.publicValue);
    assert.ok(before);
    secret.fill(0);
    assert.deepEqual(pair.derive(peer.publicValue), before);
    assert.deepEqual(peer.derive(pair.publicValue), before);
  }
});

test('AL-3: X25519 of a peer value of the wrong length', () => {
  const own = suite.dh(31, new Uint8Array(32).fill(7));
  for (const octets of [0, 31, 33]) assert.equal(own.derive(new Uint8Array(octets).fill(9)), undefined);
});
