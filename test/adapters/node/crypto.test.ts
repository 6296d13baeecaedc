import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto, nodeEntropy } from '../../../src/adapters/node/crypto.ts';
import { concat, fromHex, toHex } from '../../../src/base/index.ts';
import type { DhPair, HashName } from '../../../src/crypto/index.ts';

const suite = nodeCrypto();
const bytes = (text: string): Uint8Array => {
  const out = fromHex(text.replaceAll(' ', ''));
  assert.ok(out, `not hexadecimal: ${text}`);
  return out;
};
/** Exactly a Uint8Array: a Buffer must not leave the adapter. */
const isPlain = (value: Uint8Array | undefined): void => assert.equal(Object.getPrototypeOf(value), Uint8Array.prototype);

// ---- Hash and HMAC -------------------------------------------------------------------------------------------------

/** RFC 4231 §4 (RFC 4868 §2.7.1 repeats them as PRF-1 to PRF-6, without case 5). */
const RFC_4231 = [
  {
    name: 'test case 1', key: '0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b',
    data: '4869205468657265',
    sha256: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    sha384: 'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6',
    sha512: '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  },
  {
    name: 'test case 2', key: '4a656665',
    data: '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
    sha256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    sha384: 'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
    sha512: '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  },
  {
    name: 'test case 3', key: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    data: 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd',
    sha256: '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    sha384: '88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27',
    sha512: 'fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb',
  },
  {
    name: 'test case 4', key: '0102030405060708090a0b0c0d0e0f10111213141516171819',
    data: 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd',
    sha256: '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
    sha384: '3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb',
    sha512: 'b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd',
  },
  {
    name: 'test case 5', key: '0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c',
    data: '546573742057697468205472756e636174696f6e',
    sha256: 'a3b6167473100ee06e0c796c2955552b',
    sha384: '3abf34c3503b2a23a46efc619baef897',
    sha512: '415fad6271580a531d4179bc891d87a6',
  },
  {
    name: 'test case 6', key: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    data: '54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374',
    sha256: '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    sha384: '4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952',
    sha512: '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
  },
  {
    name: 'test case 7', key: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    data: '5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173686564206265666f7265206265696e6720757365642062792074686520484d414320616c676f726974686d2e',
    sha256: '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    sha384: '6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e',
    sha512: 'e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58',
  },
] as const;

/** RFC 4868 §2.7.2: first and fourth case of each. */
const RFC_4868: readonly (readonly [HashName, string, string, string])[] = [
  ['sha256', '0b'.repeat(32), '4869205468657265', '198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7'],
  ['sha256', '0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20', 'cd'.repeat(50), '372efcf9b40b35c2115b1346903d2ef42fced46f0846e7257bb156d3d7b30d3f'],
  ['sha384', '0b'.repeat(48), '4869205468657265', 'b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee9737a959796489bddbc4c5df61d5b3297b4fb68dab9f1b582c2'],
  ['sha384', 'aa'.repeat(48), 'dd'.repeat(50), '809f439be00274321d4a538652164b53554a508184a0c3160353e3428597003d35914a18770f9443987054944b7c4b4a'],
];

test('RFC 4231 §4, RFC 4868 §2.7.1: HMAC-SHA2 known answers', () => {
  for (const vector of RFC_4231) {
    for (const name of ['sha256', 'sha384', 'sha512'] as const) {
      const mac = suite.hmac(name, bytes(vector.key));
      const tag = mac.sign(bytes(vector.data));
      isPlain(tag);
      assert.equal(tag.length, mac.size);
      assert.equal(toHex(tag).slice(0, vector[name].length), vector[name], `${vector.name} ${name}`); // case 5 is truncated
    }
  }
});

test('RFC 4868 §2.7.2: HMAC-SHA2 known answers with keys of the fixed size', () => {
  for (const [name, secret, data, tag] of RFC_4868) assert.equal(toHex(suite.hmac(name, bytes(secret)).sign(bytes(data))), tag);
});

test('a MAC keeps its key from call to call, joins its parts, and is useless once wiped', () => {
  const mac = suite.hmac('sha256', bytes('4a656665'));
  const whole = mac.sign(bytes('7768617420646f2079612077616e7420666f72206e6f7468696e673f'));
  assert.deepEqual(mac.sign(bytes('7768617420646f20'), bytes(''), bytes('79612077616e7420666f72206e6f7468696e673f')), whole);
  mac.wipe();
  assert.throws(() => mac.sign(bytes('00')));
});

test('an HMAC key is copied, and may be empty', () => {
  const secret = bytes('4a656665');
  const mac = suite.hmac('sha256', secret);
  secret.fill(0);
  assert.equal(toHex(mac.sign(bytes('7768617420646f2079612077616e7420666f72206e6f7468696e673f'))), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  assert.equal(toHex(suite.hmac('sha256', new Uint8Array(0)).sign()), 'b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad');
});

test('FIPS 180: hashes of "abc"', () => {
  const abc = [bytes('61'), bytes('6263')];
  isPlain(suite.hash('sha1', ...abc));
  assert.equal(toHex(suite.hash('sha1', ...abc)), 'a9993e364706816aba3e25717850c26c9cd0d89d');
  assert.equal(toHex(suite.hash('sha256', ...abc)), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

// ---- AES-GCM -------------------------------------------------------------------------------------------------------

const PLAIN = 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';
const AAD = 'feedfacedeadbeeffeedfacedeadbeefabaddad2';
const NONCE = 'cafebabefacedbaddecaf888';
/** McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: test cases 1, 2, 4, 13, 14, 16. */
const GCM: readonly { readonly name: string; readonly key: string; readonly nonce: string; readonly aad: string; readonly plain: string; readonly sealed: string }[] = [
  { name: '1', key: '00'.repeat(16), nonce: '00'.repeat(12), aad: '', plain: '', sealed: '58e2fccefa7e3061367f1d57a4e7455a' },
  { name: '2', key: '00'.repeat(16), nonce: '00'.repeat(12), aad: '', plain: '00'.repeat(16), sealed: '0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf' },
  { name: '4', key: 'feffe9928665731c6d6a8f9467308308', nonce: NONCE, aad: AAD, plain: PLAIN,
    sealed: '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47' },
  { name: '13', key: '00'.repeat(32), nonce: '00'.repeat(12), aad: '', plain: '', sealed: '530f8afbc74536b9a963b4f1c4cb738b' },
  { name: '14', key: '00'.repeat(32), nonce: '00'.repeat(12), aad: '', plain: '00'.repeat(16), sealed: 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919' },
  { name: '16', key: 'feffe9928665731c6d6a8f9467308308'.repeat(2), nonce: NONCE, aad: AAD, plain: PLAIN,
    sealed: '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b' },
];

test('AE3-1 KAT: AES-GCM-16 known answers, both ways', () => {
  for (const { name, key, nonce, aad, plain, sealed } of GCM) {
    const aead = suite.aead('aes-gcm-16', bytes(key));
    assert.equal(toHex(aead.seal(bytes(nonce), bytes(aad), bytes(plain))), sealed, name);
    const opened = aead.open(bytes(nonce), bytes(aad), bytes(sealed));
    assert.ok(opened, name);
    isPlain(opened);
    assert.equal(toHex(opened), plain, name);
  }
});

test('I3.14-2: a change of any bit of nonce, associated data, ciphertext or ICV is noticed', () => {
  const aead = suite.aead('aes-gcm-16', bytes('feffe9928665731c6d6a8f9467308308'));
  const parts = { nonce: bytes(NONCE), aad: bytes(AAD), sealed: aead.seal(bytes(NONCE), bytes(AAD), bytes(PLAIN)) };
  for (const part of Object.values(parts)) {
    for (let bit = 0; bit < 8 * part.length; bit++) {
      const at = bit >> 3;
      part[at] = (part[at] ?? 0) ^ (1 << (bit & 7));
      assert.equal(aead.open(parts.nonce, parts.aad, parts.sealed), undefined);
      part[at] = (part[at] ?? 0) ^ (1 << (bit & 7));
    }
  }
  assert.ok(aead.open(parts.nonce, parts.aad, parts.sealed));
});

test('AE3-1: what is shorter than an ICV does not open', () => {
  const aead = suite.aead('aes-gcm-16', bytes('00'.repeat(32)));
  for (let octets = 0; octets < 16; octets++) assert.equal(aead.open(bytes('00'.repeat(12)), bytes(''), new Uint8Array(octets)), undefined);
});

test('AE7-1: only keys of 16 and 32 octets; a wiped one is not used', () => {
  for (const octets of [0, 15, 20, 24, 36]) assert.throws(() => suite.aead('aes-gcm-16', new Uint8Array(octets)));
  const aead = suite.aead('aes-gcm-16', new Uint8Array(16));
  aead.wipe();
  assert.throws(() => aead.seal(new Uint8Array(12), new Uint8Array(0), new Uint8Array(0)));
});

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

/** Little-endian octets of a number, as u-coordinates are written. */
const littleEndian = (value: bigint): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
const P25519 = 2n ** 255n - 19n;

test('AL-3: X25519 refuses every value of small order, in all its spellings, since the secret would be zero', () => {
  const order8 = [
    325606250916557431795983626356110631294008115727848805560023387167927233504n,
    39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  ];
  const small = [0n, 1n, P25519 - 1n, P25519, P25519 + 1n, ...order8];
  const own = suite.dh(31, new Uint8Array(32).fill(7));
  for (const u of [...small, ...small.map((value) => value + 2n ** 255n)]) assert.equal(own.derive(littleEndian(u)), undefined, u.toString(16));
});

test('AL-3: X25519 accepts values that are not reduced, as the reduced ones', () => {
  const own = suite.dh(31, new Uint8Array(32).fill(7));
  for (const u of [2n, 3n, 9n, 18n]) {
    const reduced = own.derive(littleEndian(u));
    assert.ok(reduced);
    assert.deepEqual(own.derive(littleEndian(u + P25519)), reduced);
    assert.deepEqual(own.derive(littleEndian(u + 2n ** 255n)), reduced);
  }
});

// ---- P-256 ---------------------------------------------------------------------------------------------------------

const P256_P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const P256_N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const P256_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
const bigEndian = (value: bigint, octets = 32): Uint8Array => bytes(value.toString(16).padStart(2 * octets, '0'));
/** The pair of a known private value: `dh` takes 48 octets and adds one to what it reduces. */
const p256 = (scalar: bigint): DhPair => suite.dh(19, bigEndian(scalar - 1n, 48));

const I = 0xc88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433n;
const GI = 'dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3';
const R = 0xc6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53n;
const GR = 'd12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab';

test('RFC 5903 §8.1: a P-256 key exchange', () => {
  const [initiator, responder] = [p256(I), p256(R)];
  isPlain(initiator.publicValue);
  assert.equal(toHex(initiator.publicValue), GI);
  assert.equal(toHex(responder.publicValue), GR);
  for (const shared of [initiator.derive(bytes(GR)), responder.derive(bytes(GI))]) {
    assert.ok(shared);
    isPlain(shared);
    assert.equal(toHex(shared), 'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de');
  }
});

test('P-256: the secret is reduced modulo n-1 and is never zero', () => {
  const at = (secret: bigint): string => toHex(suite.dh(19, bigEndian(secret, 48)).publicValue);
  const generator = '6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5';
  assert.equal(at(0n), generator);
  assert.equal(at(P256_N - 1n), generator);
  assert.equal(at((P256_N - 1n) << 128n), generator);
  assert.equal(at(P256_N - 2n), toHex(concat(bytes(generator.slice(0, 64)), bigEndian(P256_P - BigInt(`0x${generator.slice(64)}`)))), 'n-1 times the generator is its negative');
  assert.equal(at(2n ** 384n - 1n).length, 128);
});

test('AL-3: P-256 refuses what is no point of the curve', () => {
  const own = p256(I);
  const good = bytes(GR);
  assert.ok(own.derive(good));
  for (const octets of [0, 1, 32, 63, 65, 128]) assert.equal(own.derive(good.length >= octets ? good.subarray(0, octets) : concat(good, good).subarray(0, octets)), undefined, `${octets} octets`);
  assert.equal(own.derive(new Uint8Array(64)), undefined, 'zeros, as infinity is often written');
  assert.equal(own.derive(concat(Uint8Array.of(4), good)), undefined, 'with the octet for "uncompressed"');
  for (let bit = 0; bit < 512; bit += 7) {
    const bad = good.slice();
    bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(own.derive(bad), undefined, `bit ${bit}`);
  }
});

test('AL-3: P-256 refuses coordinates that are not below p, although they name a point', () => {
  const power = (base: bigint, exponent: bigint): bigint => {
    let [result, square] = [1n, base % P256_P];
    for (let rest = exponent; rest > 0n; rest >>= 1n) {
      if (rest & 1n) result = (result * square) % P256_P;
      square = (square * square) % P256_P;
    }
    return result;
  };
  const own = p256(I);
  let tried = 0;
  for (let x = 0n; x < 12n; x++) {
    const square = (x ** 3n - 3n * x + P256_B) % P256_P;
    const y = power(square, (P256_P + 1n) / 4n); // p = 3 mod 4
    if ((y * y) % P256_P !== square) continue;
    tried++;
    assert.ok(own.derive(concat(bigEndian(x), bigEndian(y))), `x = ${x} is a point`);
    assert.equal(own.derive(concat(bigEndian(x + P256_P), bigEndian(y))), undefined, `x = ${x} + p`);
    assert.equal(own.derive(concat(bigEndian(P256_P), bigEndian(y))), undefined);
  }
  assert.ok(tried > 0);
});

// ---- The rest ------------------------------------------------------------------------------------------------------

test('I2.12-1: secrets of the wrong size and wiped pairs are bugs', () => {
  for (const [group, octets] of [[31, 31], [31, 33], [19, 32], [19, 47]] as const) assert.throws(() => suite.dh(group, new Uint8Array(octets)));
  for (const [group, octets, peer] of [[31, 32, 32], [19, 48, 64]] as const) {
    const pair = suite.dh(group, new Uint8Array(octets).fill(5));
    assert.equal(pair.group, group);
    pair.wipe();
    assert.throws(() => pair.derive(new Uint8Array(peer)));
  }
});

test('I2.12-1: the secret handed in is copied, not kept', () => {
  const secret = new Uint8Array(32).fill(5);
  const pair = suite.dh(31, secret);
  const peer = suite.dh(31, new Uint8Array(32).fill(6));
  const before = pair.derive(peer.publicValue);
  secret.fill(0);
  assert.deepEqual(pair.derive(peer.publicValue), before);
});

test('X25519 of a peer value of the wrong length', () => {
  const own = suite.dh(31, new Uint8Array(32).fill(7));
  for (const octets of [0, 31, 33, 64]) assert.equal(own.derive(new Uint8Array(octets).fill(9)), undefined);
});

test('comparison of secrets', () => {
  assert.ok(suite.equal(bytes('0102'), bytes('0102')));
  assert.ok(!suite.equal(bytes('0102'), bytes('0103')));
  assert.ok(!suite.equal(bytes('0102'), bytes('010200')));
  assert.ok(suite.equal(bytes(''), bytes('')));
});

test('entropy gives as many octets as asked for, plain and different', () => {
  const entropy = nodeEntropy();
  for (const count of [0, 1, 32, 256]) assert.equal(entropy.bytes(count, 'test').length, count);
  isPlain(entropy.bytes(8, 'test'));
  assert.notDeepEqual(entropy.bytes(32, 'test'), entropy.bytes(32, 'test'));
});
