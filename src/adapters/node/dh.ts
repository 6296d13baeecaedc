import { createDiffieHellman, createECDH, createPrivateKey, createPublicKey, diffieHellman, getDiffieHellman, type KeyObject } from 'node:crypto';
import { concat, invariant, wipe } from '../../base/index.ts';
import { DH_SECRET_OCTETS, type DhGroup, type DhPair } from '../../crypto/index.ts';
import { Kept, plain } from './kept.ts';

// ---- Curve25519 (RFC 7748, RFC 8031) -------------------------------------------------------------------------------

const X25519_OCTETS = 32;

/**
 * Key objects are made from and read as JWK (RFC 8037 §2): OpenSSL 3 takes fifteen times as long to find its decoder for PKCS #8, which
 * was most of a handshake. The public value is not looked at when a private key is made.
 */
const jwk = (octets: Uint8Array): string => Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64url');

function x25519(secret: Uint8Array): DhPair {
  const privateKey = createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', d: jwk(secret), x: '' }, format: 'jwk' });
  const { x } = privateKey.export({ format: 'jwk' });
  invariant(x !== undefined, 'an X25519 key has a public value');
  const kept = new Kept<KeyObject>(privateKey);
  return {
    group: 31,
    publicValue: plain(Buffer.from(x, 'base64url')),
    derive(peerValue) {
      const own = kept.get();
      if (peerValue.length !== X25519_OCTETS) return undefined;
      // RFC 8031 §3: the top bit is masked and values above p are taken mod p; OpenSSL does both.
      const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: jwk(peerValue) }, format: 'jwk' });
      try {
        const shared = plain(diffieHellman({ privateKey: own, publicKey }));
        // RFC 7748 §6.1: a point of small order makes all zeros; OpenSSL refuses it too.
        return shared.some((octet) => octet !== 0) ? shared : undefined;
      } catch {
        return undefined;
      }
    },
    wipe: () => kept.drop(),
  };
}

// ---- Numbers -------------------------------------------------------------------------------------------------------

function toBigInt(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const octet of bytes) value = (value << 8n) | BigInt(octet);
  return value;
}

function fromBigInt(value: bigint, octets: number): Uint8Array {
  const out = new Uint8Array(octets);
  for (let i = octets - 1, rest = value; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 255n);
  return out;
}

/** Zeros in front, to the length of the field (RFC 7296 §2.14, §3.4). */
function leftPadded(bytes: Uint8Array, octets: number): Uint8Array {
  const out = new Uint8Array(octets);
  out.set(bytes, octets - bytes.length);
  return out;
}

// ---- P-256, P-384, P-521 (RFC 5903) --------------------------------------------------------------------------------

interface Curve {
  readonly group: 19 | 20 | 21;
  readonly name: string;
  /** Octets of a coordinate. */
  readonly octets: number;
  readonly order: bigint;
}

const UNCOMPRESSED = Uint8Array.of(4);
const P256: Curve = { group: 19, name: 'prime256v1', octets: 32, order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n };
const P384: Curve = { group: 20, name: 'secp384r1', octets: 48, order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n };
const P521: Curve = {
  group: 21, name: 'secp521r1', octets: 66,
  order: 0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
};

/** The secret is a number far longer than n: reduced to 1..n-1 the bias is below 2^-120. */
function ecp(curve: Curve, secret: Uint8Array): DhPair {
  const ecdh = createECDH(curve.name);
  const scalar = fromBigInt((toBigInt(secret) % (curve.order - 1n)) + 1n, curve.octets);
  ecdh.setPrivateKey(scalar);
  wipe(scalar);
  const kept = new Kept(ecdh);
  return {
    group: curve.group,
    publicValue: plain(ecdh.getPublicKey().subarray(UNCOMPRESSED.length)),
    derive(peerValue) {
      const own = kept.get();
      if (peerValue.length !== 2 * curve.octets) return undefined;
      try {
        // Throws unless both coordinates are below p and the point is on the curve (RFC 6989 §2.3); infinity has no
        // such form.
        return leftPadded(own.computeSecret(concat(UNCOMPRESSED, peerValue)), curve.octets);
      } catch {
        return undefined;
      }
    },
    wipe: () => kept.drop(),
  };
}

// ---- MODP (RFC 3526) -----------------------------------------------------------------------------------------------

interface Modp {
  readonly group: 14 | 15 | 16;
  readonly prime: Uint8Array;
  readonly generator: Uint8Array;
  /** p - 1: the least value that is too large. */
  readonly limit: Uint8Array;
}

function modpOf(group: Modp['group']): Modp {
  const named = getDiffieHellman(`modp${group}`);
  const prime = plain(named.getPrime());
  const limit = prime.slice();
  limit[limit.length - 1] = (limit.at(-1) ?? 0) & 0xfe; // p is odd
  return { group, prime, generator: plain(named.getGenerator()), limit };
}

const MODP: { readonly [G in Modp['group']]: Modp } = { 14: modpOf(14), 15: modpOf(15), 16: modpOf(16) };

/** RFC 6989 §2.1: 1 < y < p - 1; `y` has the length of the prime. */
function inRange(y: Uint8Array, limit: Uint8Array): boolean {
  const last = y.length - 1;
  if (y.every((octet, i) => octet === 0 || (i === last && octet === 1))) return false;
  for (let i = 0; i < y.length; i++) {
    const difference = (y[i] ?? 0) - (limit[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function modp(group: Modp, secret: Uint8Array): DhPair {
  const made = createDiffieHellman(group.prime, group.generator);
  made.setPrivateKey(secret);
  const publicValue = leftPadded(made.generateKeys(), group.prime.length);
  const kept = new Kept(made);
  return {
    group: group.group,
    publicValue,
    derive(peerValue) {
      const own = kept.get();
      if (peerValue.length !== group.prime.length || !inRange(peerValue, group.limit)) return undefined;
      try {
        return leftPadded(own.computeSecret(peerValue), group.prime.length);
      } catch {
        return undefined; // OpenSSL looks again
      }
    },
    wipe: () => kept.drop(),
  };
}

// ---- All -----------------------------------------------------------------------------------------------------------

const GROUPS: { readonly [G in DhGroup]: (secret: Uint8Array) => DhPair } = {
  31: x25519,
  19: (secret) => ecp(P256, secret),
  20: (secret) => ecp(P384, secret),
  21: (secret) => ecp(P521, secret),
  14: (secret) => modp(MODP[14], secret),
  15: (secret) => modp(MODP[15], secret),
  16: (secret) => modp(MODP[16], secret),
};

/** A key pair of the group from `DH_SECRET_OCTETS` octets of entropy. */
export function dh(group: DhGroup, secret: Uint8Array): DhPair {
  invariant(secret.length === DH_SECRET_OCTETS[group], `group ${group} needs ${DH_SECRET_OCTETS[group]} octets of entropy`);
  return GROUPS[group](secret);
}
