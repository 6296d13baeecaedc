import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concat, fromHex, toHex } from '../../src/base/index.ts';
import { decodeSignature, encodeSignature, pickScheme, SIGNATURE_HASH, type KeyKind, type SignatureScheme } from '../../src/crypto/index.ts';

const hex = (text: string): Uint8Array => {
  const octets = fromHex(text.split(' ').join(''));
  if (!octets) throw new Error(`no hexadecimal: ${text}`);
  return octets;
};

const SIGNATURE = Uint8Array.of(1, 2, 3, 4);
const auth = (algorithm: string): Uint8Array => concat(Uint8Array.of(hex(algorithm).length), hex(algorithm), SIGNATURE);

/** RFC 7427 appendix A and RFC 8420 appendix A; PSS as sent: A.4.3 without its trailerField. */
const SENT: readonly (readonly [SignatureScheme, string])[] = [
  ['rsa-pkcs1-sha256', '300d 0609 2a86 4886 f70d 0101 0b05 00'],
  ['rsa-pkcs1-sha384', '300d 0609 2a86 4886 f70d 0101 0c05 00'],
  ['rsa-pkcs1-sha512', '300d 0609 2a86 4886 f70d 0101 0d05 00'],
  ['ecdsa-sha256', '300a 0608 2a86 48ce 3d04 0302'],
  ['ecdsa-sha384', '300a 0608 2a86 48ce 3d04 0303'],
  ['ecdsa-sha512', '300a 0608 2a86 48ce 3d04 0304'],
  ['ed25519', '3005 0603 2b65 70'],
  ['rsa-pss-sha256', '3041 0609 2a864886f70d01010a 3034 a00f 300d 0609 608648016503040201 0500 a11c 301a 0609 2a864886f70d010108 300d 0609 608648016503040201 0500 a203 020120'],
  ['rsa-pss-sha384', '3041 0609 2a864886f70d01010a 3034 a00f 300d 0609 608648016503040202 0500 a11c 301a 0609 2a864886f70d010108 300d 0609 608648016503040202 0500 a203 020130'],
  ['rsa-pss-sha512', '3041 0609 2a864886f70d01010a 3034 a00f 300d 0609 608648016503040203 0500 a11c 301a 0609 2a864886f70d010108 300d 0609 608648016503040203 0500 a203 020140'],
];

for (const [scheme, algorithm] of SENT)
  test(`SG3-2: ${scheme} is named by the AlgorithmIdentifier of RFC 7427 appendix A`, () => {
    assert.equal(toHex(encodeSignature(scheme, SIGNATURE)), toHex(auth(algorithm)));
    const read = decodeSignature(auth(algorithm));
    assert.equal(read?.scheme, scheme);
    assert.equal(toHex(read.signature), toHex(SIGNATURE));
  });

/** RFC 7427 §A.4.3, octet by octet. */
const A43 = '3046 0609 2a86 4886 f70d 0101 0a30 39a0 0f30 0d06 0960 8648 0165 0304 0201 0500 a11c 301a 0609 2a86 4886 f70d 0101 0830 0d06 0960 8648 0165 0304 0201 0500 a203 0201 20a3 0302 0101';

test('SG3-2: PSS is sent in 67 octets and accepted with trailerField 1 in 72', () => {
  assert.equal(encodeSignature('rsa-pss-sha256', SIGNATURE)[0], 67);
  assert.equal(hex(A43).length, 72);
  assert.equal(decodeSignature(auth(A43))?.scheme, 'rsa-pss-sha256');
});

test('SG3-2: a hash within PSS may go without its NULL, in each place', () => {
  const pss = '0609 2a864886f70d01010a';
  const mgf1 = '0609 2a864886f70d010108';
  const [full, bare] = ['300d 0609 608648016503040201 0500', '300b 0609 608648016503040201'];
  const accepted = [
    `303d ${pss} 3030 a00d ${bare} a11a 3018 ${mgf1} ${bare} a203 020120`,
    `303f ${pss} 3032 a00d ${bare} a11c 301a ${mgf1} ${full} a203 020120`,
    `303f ${pss} 3032 a00f ${full} a11a 3018 ${mgf1} ${bare} a203 020120`,
    `3042 ${pss} 3035 a00d ${bare} a11a 3018 ${mgf1} ${bare} a203 020120 a303 020101`,
  ];
  for (const algorithm of accepted) assert.equal(decodeSignature(auth(algorithm))?.scheme, 'rsa-pss-sha256', algorithm);
});

/** What must not be accepted, and why. */
const REFUSED: readonly (readonly [string, string])[] = [
  ['sha1WithRSAEncryption (A.1.1)', '300d 0609 2a86 4886 f70d 0101 0505 00'],
  ['ecdsa-with-SHA1 (A.3.1)', '3009 0607 2a86 48ce 3d04 01'],
  ['dsa-with-sha256 (A.2.2)', '300b 0609 6086 4801 6503 0403 02'],
  ['RSASSA-PSS with empty parameters (A.4.1)', '300d 0609 2a86 4886 f70d 0101 0a30 00'],
  ['RSASSA-PSS with default parameters (A.4.2)', '303e 0609 2a86 4886 f70d 0101 0a30 31a0 0b30 0906 052b 0e03 021a 0500 a118 3016 0609 2a86 4886 f70d 0101 0830 0906 052b 0e03 021a 0500 a203 0201 14a3 0302 0101'],
  ['RSASSA-PSS without parameters', '300b 0609 2a864886f70d01010a'],
  ['RSASSA-PSS with SHA-256 and a salt of 20', A43.replace('0201 20a3', '0201 14a3')],
  ['RSASSA-PSS with SHA-256 and trailerField 2', A43.replace('0302 0101', '0302 0102')],
  ['RSASSA-PSS with MGF1 of another hash', A43.replace('0609 2a86 4886 f70d 0101 0830 0d06 0960 8648 0165 0304 0201', '0609 2a86 4886 f70d 0101 0830 0d06 0960 8648 0165 0304 0202')],
  ['sha256WithRSAEncryption without NULL', '300b 0609 2a86 4886 f70d 0101 0b'],
  ['Ed448', '3005 0603 2b65 71'],
];

for (const [what, algorithm] of REFUSED) test(`SG3-2: refused: ${what}`, () => assert.equal(decodeSignature(auth(algorithm)), undefined));

test('SG3-2: AUTH data that is cut short is refused', () => {
  const whole = encodeSignature('ecdsa-sha256', SIGNATURE);
  for (let length = 0; length <= 13; length++) assert.equal(decodeSignature(whole.subarray(0, length)), undefined, `${length} octets`);
  assert.equal(decodeSignature(whole.subarray(0, 14))?.scheme, 'ecdsa-sha256', 'the platform judges the signature itself');
});

test('SG3-1: the scheme has a hash that the peer listed, PSS before PKCS #1, the curve\'s own hash first', () => {
  const { SHA2_256, SHA2_384, SHA2_512, IDENTITY } = SIGNATURE_HASH;
  const all = [SHA2_512, SHA2_384, SHA2_256, IDENTITY];
  assert.equal(pickScheme('rsa', all), 'rsa-pss-sha256');
  assert.equal(pickScheme('rsa', [SHA2_384]), 'rsa-pss-sha384');
  assert.equal(pickScheme('rsa', [SHA2_512, IDENTITY]), 'rsa-pss-sha512');
  assert.equal(pickScheme('ec-p256', all), 'ecdsa-sha256');
  assert.equal(pickScheme('ec-p384', all), 'ecdsa-sha384');
  assert.equal(pickScheme('ec-p521', all), 'ecdsa-sha512');
  assert.equal(pickScheme('ec-p256', [SHA2_512]), 'ecdsa-sha512');
  assert.equal(pickScheme('ec-p384', [SHA2_256]), 'ecdsa-sha256');
  assert.equal(pickScheme('ec-p521', [SHA2_256, SHA2_384]), 'ecdsa-sha384');
  assert.equal(pickScheme('ed25519', all), 'ed25519');
  for (const kind of ['rsa', 'ec-p256', 'ec-p384', 'ec-p521'] as const) {
    assert.equal(pickScheme(kind, [1]), undefined, 'SHA-1 is never used');
    assert.equal(pickScheme(kind, [IDENTITY]), undefined);
    assert.equal(pickScheme(kind, []), undefined);
  }
  assert.equal(pickScheme('ed25519', [SHA2_256, SHA2_384, SHA2_512]), undefined, 'RFC 8420 §2: not to a peer without Identity');
});

test('SG3-1: every key with every single hash a peer may list', () => {
  const { SHA2_256, SHA2_384, SHA2_512, IDENTITY } = SIGNATURE_HASH;
  const picked = (kind: KeyKind): (SignatureScheme | undefined)[] => [SHA2_256, SHA2_384, SHA2_512, IDENTITY].map((hash) => pickScheme(kind, [hash]));
  for (const kind of ['ec-p256', 'ec-p384', 'ec-p521'] as const) assert.deepEqual(picked(kind), ['ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512', undefined], kind);
  assert.deepEqual(picked('rsa'), ['rsa-pss-sha256', 'rsa-pss-sha384', 'rsa-pss-sha512', undefined]);
  assert.deepEqual(picked('ed25519'), [undefined, undefined, undefined, 'ed25519']);
});
