// Signatures that are nearly right, made here from the formats of RFC 3279 §2.2.3 (ECDSA), RFC 8032 §5.1 (Ed25519) and RFC 8017 §8 (RSA).
import assert from 'node:assert/strict';
import { constants, createHash, createPrivateKey, privateEncrypt } from 'node:crypto';
import { test } from 'node:test';
import { concat, toHex, toUtf8 } from '../../../src/base/index.ts';
import type { SignatureScheme, SigningKey } from '../../../src/crypto/index.ts';
import { key, testPki } from '../../golden/pki/pki.ts';

const pki = testPki();
const MESSAGE = toUtf8('the octets of an AUTH payload');

function signer(name: string): SigningKey {
  const made = pki.signingKey(key(name));
  assert.ok(made);
  return made;
}

const accepted = (own: SigningKey, scheme: SignatureScheme, signature: Uint8Array): boolean => pki.verify(own.publicKey, scheme, MESSAGE, signature);

// ---- ECDSA ---------------------------------------------------------------------------------------------------------------

/** Orders of the groups (SEC 2 §2.4.2, §2.5.1, §2.6.1). */
const ORDERS = {
  'hub-p256': ['ecdsa-sha256', 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n],
  'hub-p384': ['ecdsa-sha384', 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n],
  'hub-p521': ['ecdsa-sha512', BigInt(`0x1${'f'.repeat(65)}a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`)],
} as const;

const number = (octets: Uint8Array): bigint => BigInt(`0x0${toHex(octets)}`);
function octetsOf(value: bigint): Uint8Array {
  const hex = value.toString(16);
  return new Uint8Array(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'));
}

/** Length octets of DER; a body of 128 octets and more takes the long form. */
const lengthOf = (octets: number): Uint8Array => (octets < 128 ? Uint8Array.of(octets) : Uint8Array.of(0x81, octets));
const tlv = (tag: number, ...body: readonly Uint8Array[]): Uint8Array => concat(Uint8Array.of(tag), lengthOf(concat(...body).length), ...body);
const sequence = (...body: readonly Uint8Array[]): Uint8Array => tlv(0x30, ...body);
/** An INTEGER that is not negative: a zero octet goes before a first bit that is set. */
function integer(value: bigint): Uint8Array {
  const octets = octetsOf(value);
  return tlv(2, ...((octets[0] ?? 0) >= 128 ? [Uint8Array.of(0)] : []), octets);
}

/** r and s of a DER ECDSA-Sig-Value. */
function parts(signature: Uint8Array): readonly [bigint, bigint] {
  let at = (signature[1] ?? 0) >= 128 ? 3 : 2;
  const next = (): bigint => {
    const end = at + 2 + (signature[at + 1] ?? 0);
    const value = number(signature.subarray(at + 2, end));
    at = end;
    return value;
  };
  return [next(), next()];
}

for (const [name, [scheme, n]] of Object.entries(ORDERS)) {
  test(`SG3-2: ${scheme}, ${name}: r and s outside of 1..n-1 and other encodings than DER are refused`, () => {
    const own = signer(name);
    const right = own.sign(scheme, MESSAGE);
    const [r, s] = parts(right);
    assert.equal(toHex(sequence(integer(r), integer(s))), toHex(right), 'our reader and writer of DER agree with the platform');
    assert.equal(accepted(own, scheme, sequence(integer(r), integer(n - s))), true, 'n - s verifies with ECDSA: control');
    const wrong: { readonly [what: string]: Uint8Array } = {
      'r = 0': sequence(integer(0n), integer(s)), 's = 0': sequence(integer(r), integer(0n)), 'both 0': sequence(integer(0n), integer(0n)), 'both 1': sequence(integer(1n), integer(1n)),
      'r + n': sequence(integer(r + n), integer(s)), 's + n': sequence(integer(r), integer(s + n)), 'r = n': sequence(integer(n), integer(s)), 's = n': sequence(integer(r), integer(n)),
      'r + 1': sequence(integer(r + 1n), integer(s)), 's + 1': sequence(integer(r), integer(s + 1n)), 'r and s exchanged': sequence(integer(s), integer(r)),
      'r = n - 1, s = 1': sequence(integer(n - 1n), integer(1n)), 'negative r': sequence(tlv(2, Uint8Array.of(0xff), octetsOf((1n << 528n) - r)), integer(s)),
      'a zero octet too many': sequence(tlv(2, Uint8Array.of(0, 0), octetsOf(r)), integer(s)), 'an empty INTEGER': sequence(tlv(2), integer(s)),
      'one INTEGER only': sequence(integer(r)), 'a third INTEGER': sequence(integer(r), integer(s), integer(1n)), 'an empty SEQUENCE': sequence(), 'a NULL inside': sequence(integer(r), integer(s), Uint8Array.of(5, 0)),
      'octets behind': concat(right, Uint8Array.of(0)), 'a SET': concat(Uint8Array.of(0x31), right.subarray(1)), 'an OCTET STRING for r': sequence(tlv(4, octetsOf(r)), integer(s)),
      'BER of indefinite length': concat(Uint8Array.of(0x30, 0x80), integer(r), integer(s), Uint8Array.of(0, 0)),
      'BER with a long length': concat(Uint8Array.of(0x30, 0x82, 0), Uint8Array.of(integer(r).length + integer(s).length), integer(r), integer(s)),
      'raw r | s (methods 9 to 11)': concat(octetsOf(r), octetsOf(s)), 'cut short': right.subarray(0, right.length - 1), 'nothing': new Uint8Array(),
    };
    for (const [what, signature] of Object.entries(wrong)) assert.equal(accepted(own, scheme, signature), false, what);
  });
}

// ---- Ed25519 -------------------------------------------------------------------------------------------------------------

/** Order of the base point (RFC 8032 §5.1). */
const L = (1n << 252n) + 27742317777372353535851937790883648493n;
const littleEndian = (value: bigint): Uint8Array => octetsOf((1n << 256n) | value).slice(1).reverse();

test('SG3-2: Ed25519: S of L and more, other lengths and changed points are refused', () => {
  const own = signer('hub-ed25519');
  const right = own.sign('ed25519', MESSAGE);
  const [R, S] = [right.subarray(0, 32), number(right.slice(32).reverse())];
  assert.equal(toHex(concat(R, littleEndian(S))), toHex(right));
  const wrong: { readonly [what: string]: Uint8Array } = {
    'S + L': concat(R, littleEndian(S + L)), 'S + 2 L': concat(R, littleEndian(S + 2n * L)), 'S = 0': concat(R, littleEndian(0n)), 'S = L': concat(R, littleEndian(L)), 'L - S': concat(R, littleEndian(L - S)),
    'R and S exchanged': concat(right.subarray(32), R), 'R = 0': concat(new Uint8Array(32), right.subarray(32)), 'all zero': new Uint8Array(64), 'all ones': new Uint8Array(64).fill(255),
    'the sign of R': right.map((octet, at) => (at === 31 ? octet ^ 0x80 : octet)), 'cut short': right.subarray(0, 63), 'one octet more': concat(right, Uint8Array.of(0)), 'S alone': right.subarray(32), 'nothing': new Uint8Array(),
  };
  for (const [what, signature] of Object.entries(wrong)) assert.equal(accepted(own, 'ed25519', signature), false, what);
});

// ---- RSA -----------------------------------------------------------------------------------------------------------------

const RSA_OCTETS = 256;
const privateKey = createPrivateKey({ key: Buffer.from(key('hub-rsa')), format: 'der', type: 'pkcs8' });
/** m^d mod n of an encoded message. */
const raise = (encoded: Uint8Array): Uint8Array => new Uint8Array(privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded));
const hash = (name: string, ...from: readonly Uint8Array[]): Uint8Array => new Uint8Array(createHash(name).update(concat(...from)).digest());

function mgf1(name: string, seed: Uint8Array, octets: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let n = 0; blocks.length * 20 < octets + 64; n++) blocks.push(hash(name, seed, Uint8Array.of(0, 0, 0, n)));
  return concat(...blocks).subarray(0, octets);
}

interface Pss {
  readonly salt?: number;
  readonly hash?: string;
  readonly mask?: string;
  readonly trailer?: number;
  readonly separator?: number;
  readonly padding?: number;
  readonly topBit?: boolean;
}

/** EMSA-PSS-ENCODE (RFC 8017 §9.1.1) for 2047 bits, right unless changed. */
function pss(change: Pss = {}): Uint8Array {
  const name = change.hash ?? 'sha256';
  const salt = new Uint8Array(change.salt ?? 32).fill(7);
  const digest = hash(name, new Uint8Array(8), hash(name, MESSAGE), salt);
  const db = new Uint8Array(RSA_OCTETS - digest.length - 1).fill(change.padding ?? 0);
  db[db.length - salt.length - 1] = change.separator ?? 1;
  db.set(salt, db.length - salt.length);
  const mask = mgf1(change.mask ?? name, digest, db.length);
  const masked = db.map((octet, at) => octet ^ (mask[at] ?? 0));
  masked[0] = ((masked[0] ?? 0) & 0x7f) | (change.topBit === true ? 0x80 : 0);
  return raise(concat(masked, digest, Uint8Array.of(change.trailer ?? 0xbc)));
}

test('SG3-2: RSA-PSS: salt, mask, trailer and padding must be what the AlgorithmIdentifier says', () => {
  const own = signer('hub-rsa');
  assert.equal(accepted(own, 'rsa-pss-sha256', pss()), true, 'control: our encoding is right');
  assert.equal(accepted(own, 'rsa-pss-sha384', pss({ hash: 'sha384', salt: 48 })), true);
  assert.equal(accepted(own, 'rsa-pss-sha512', pss({ hash: 'sha512', salt: 64 })), true);
  const wrong: { readonly [what: string]: Pss } = {
    'no salt': { salt: 0 }, 'a salt of 20': { salt: 20 }, 'of 31': { salt: 31 }, 'of 33': { salt: 33 }, 'the longest': { salt: 222 }, 'MGF1 with SHA-1': { mask: 'sha1' }, 'MGF1 with SHA-512': { mask: 'sha512' },
    'SHA-1': { hash: 'sha1' }, 'SHA-384 with a salt of 32': { hash: 'sha384' }, 'the trailer of ISO 9796-2': { trailer: 0xcc }, 'another separator': { separator: 2 }, 'no separator': { separator: 0 },
    'padding that is not zero': { padding: 1 },
  };
  for (const [what, change] of Object.entries(wrong)) assert.equal(accepted(own, 'rsa-pss-sha256', pss(change)), false, what);
  const right = pss();
  for (const [what, signature] of Object.entries({ 'cut short': right.subarray(1), 'one octet more': concat(Uint8Array.of(0), right), zero: new Uint8Array(RSA_OCTETS), one: new Uint8Array(RSA_OCTETS).fill(1, 255), 'n and more': new Uint8Array(RSA_OCTETS).fill(255), nothing: new Uint8Array() }))
    assert.equal(accepted(own, 'rsa-pss-sha256', signature), false, what);
});

/** DigestInfo of SHA-256 before its 32 octets (RFC 8017 §9.2, note 1). */
const DIGEST_INFO = Uint8Array.of(0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20);

test('SG3-2: RSA PKCS #1 v1.5: nothing but the one encoding is accepted', () => {
  const own = signer('hub-rsa');
  const digest = hash('sha256', MESSAGE);
  const block = (info: Uint8Array, change: { readonly type?: number; readonly fill?: number; readonly behind?: number; readonly first?: number; readonly end?: number } = {}): Uint8Array => {
    const made = new Uint8Array(RSA_OCTETS).fill(change.fill ?? 0xff);
    made.set([change.first ?? 0, change.type ?? 1]);
    const at = RSA_OCTETS - info.length - (change.behind ?? 0);
    made[at - 1] = change.end ?? 0;
    made.set(info, at);
    return raise(made);
  };
  const info = concat(DIGEST_INFO, digest);
  assert.equal(accepted(own, 'rsa-pkcs1-sha256', block(info)), true, 'control: our encoding is right');
  const bare = concat(Uint8Array.of(0x30, 0x2f, 0x30, 0x0b), DIGEST_INFO.subarray(4, 15), Uint8Array.of(4, 0x20), digest);
  const wrong: { readonly [what: string]: Uint8Array } = {
    'block type 2': block(info, { type: 2 }), 'block type 0': block(info, { type: 0 }), 'padding that is not ones': block(info, { fill: 0xfe }), 'octets behind the digest': block(info, { behind: 8 }),
    'no zero before it': block(info, { end: 0xff }), 'the bare digest': block(digest), 'without NULL': block(bare), 'SHA-1': block(concat(Uint8Array.of(0x30, 0x21, 0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0, 4, 0x14), hash('sha1', MESSAGE))),
    'the digest of something else': block(concat(DIGEST_INFO, hash('sha256', digest))), 'PSS': pss(), 'a BER length': block(concat(Uint8Array.of(0x30, 0x81), info.subarray(1))), 'zero': new Uint8Array(RSA_OCTETS), 'nothing': new Uint8Array(),
  };
  for (const [what, signature] of Object.entries(wrong)) assert.equal(accepted(own, 'rsa-pkcs1-sha256', signature), false, what);
});

test('SG3-2: a public key that is none verifies nothing', () => {
  const own = signer('hub-p256');
  const right = own.sign('ecdsa-sha256', MESSAGE);
  const off = own.publicKey.slice();
  off[off.length - 1] = (off.at(-1) ?? 0) ^ 1; // not on the curve
  for (const bad of [off, own.publicKey.subarray(0, 90), concat(own.publicKey.subarray(0, 26), new Uint8Array(65)), new Uint8Array(91)]) assert.equal(pki.verify(bad, 'ecdsa-sha256', MESSAGE, right), false);
});
