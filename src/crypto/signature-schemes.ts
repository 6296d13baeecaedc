import { concat, sameBytes } from '../base/index.ts';
import type { KeyKind, SignatureScheme } from './suite.ts';

/** Hash algorithms of SIGNATURE_HASH_ALGORITHMS (RFC 7427 §7; Identity: RFC 8420 §2). 1, SHA-1, is never used. */
export const SIGNATURE_HASH = { SHA2_256: 2, SHA2_384: 3, SHA2_512: 4, IDENTITY: 5 } as const;

/** A scheme, the keys that sign with it, and the AlgorithmIdentifiers that name it: the first is sent, all are accepted. */
interface SchemeRow {
  readonly scheme: SignatureScheme;
  readonly hash: number;
  readonly keys: readonly KeyKind[];
  readonly algorithms: readonly Uint8Array[];
}

// ---- AlgorithmIdentifiers, DER ---------------------------------------------------------------------------------------

/** One DER value; every one here is shorter than 128 octets. */
const der = (tag: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const body = concat(...parts);
  return concat(Uint8Array.of(tag, body.length), body);
};
const SEQUENCE = 0x30;
const explicit = (index: number, value: Uint8Array): Uint8Array => der(0xa0 + index, value);
const oid = (...octets: readonly number[]): Uint8Array => der(0x06, Uint8Array.from(octets));
const integer = (value: number): Uint8Array => der(0x02, Uint8Array.of(value));
const NULL = Uint8Array.of(0x05, 0);
const NOTHING = new Uint8Array(0);

/** 1.2.840.113549.1.1.n */
const pkcs1 = (n: number): Uint8Array => oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, n);
/** 2.16.840.1.101.3.4.2.n: 1 SHA-256, 2 SHA-384, 3 SHA-512. */
const sha2 = (n: number): Uint8Array => oid(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, n);
/** ecdsa-with-SHA256 2, -SHA384 3, -SHA512 4; the parameters are absent (RFC 7427 §A.3). */
const ecdsa = (n: number): Uint8Array => der(SEQUENCE, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, n));

/**
 * RSASSA-PSS with explicit parameters: hash, MGF1 with the same hash, a salt as long as the hash (RFC 4055 §3.1). The form without
 * trailerField is DER; RFC 7427 §A.4.3 writes it out, and a hash may go without its NULL.
 */
function pss(hash: number, saltOctets: number): Uint8Array[] {
  const made: Uint8Array[] = [];
  for (const trailer of [NOTHING, explicit(3, integer(1))])
    for (const hashParameters of [NULL, NOTHING])
      for (const maskParameters of [NULL, NOTHING]) {
        const mask = der(SEQUENCE, pkcs1(8), der(SEQUENCE, sha2(hash), maskParameters));
        const parameters = der(SEQUENCE, explicit(0, der(SEQUENCE, sha2(hash), hashParameters)), explicit(1, mask), explicit(2, integer(saltOctets)), trailer);
        made.push(der(SEQUENCE, pkcs1(10), parameters));
      }
  return made;
}

/** In order of preference; what is not in here is refused, default parameters of PSS (SHA-1) among it (SG3-2). */
const ROWS: readonly SchemeRow[] = [
  { scheme: 'ed25519', hash: SIGNATURE_HASH.IDENTITY, keys: ['ed25519'], algorithms: [der(SEQUENCE, oid(0x2b, 0x65, 0x70))] },
  // A hash as long as the curve comes first (RFC 5480 §4); a longer or shorter one is in order when the peer knows no other.
  { scheme: 'ecdsa-sha256', hash: SIGNATURE_HASH.SHA2_256, keys: ['ec-p256'], algorithms: [ecdsa(2)] },
  { scheme: 'ecdsa-sha384', hash: SIGNATURE_HASH.SHA2_384, keys: ['ec-p384', 'ec-p256'], algorithms: [ecdsa(3)] },
  { scheme: 'ecdsa-sha512', hash: SIGNATURE_HASH.SHA2_512, keys: ['ec-p521', 'ec-p384', 'ec-p256'], algorithms: [ecdsa(4)] },
  { scheme: 'ecdsa-sha384', hash: SIGNATURE_HASH.SHA2_384, keys: ['ec-p521'], algorithms: [ecdsa(3)] },
  { scheme: 'ecdsa-sha256', hash: SIGNATURE_HASH.SHA2_256, keys: ['ec-p384', 'ec-p521'], algorithms: [ecdsa(2)] },
  { scheme: 'rsa-pss-sha256', hash: SIGNATURE_HASH.SHA2_256, keys: ['rsa'], algorithms: pss(1, 32) },
  { scheme: 'rsa-pss-sha384', hash: SIGNATURE_HASH.SHA2_384, keys: ['rsa'], algorithms: pss(2, 48) },
  { scheme: 'rsa-pss-sha512', hash: SIGNATURE_HASH.SHA2_512, keys: ['rsa'], algorithms: pss(3, 64) },
  // PKCS #1 v1.5 is accepted, not chosen (RFC 8247 §3.2: MAY). The parameters are NULL.
  { scheme: 'rsa-pkcs1-sha256', hash: SIGNATURE_HASH.SHA2_256, keys: ['rsa'], algorithms: [der(SEQUENCE, pkcs1(11), NULL)] },
  { scheme: 'rsa-pkcs1-sha384', hash: SIGNATURE_HASH.SHA2_384, keys: ['rsa'], algorithms: [der(SEQUENCE, pkcs1(12), NULL)] },
  { scheme: 'rsa-pkcs1-sha512', hash: SIGNATURE_HASH.SHA2_512, keys: ['rsa'], algorithms: [der(SEQUENCE, pkcs1(13), NULL)] },
];

/** AUTH data of method 14: length(1) | AlgorithmIdentifier | signature (RFC 7427 §3). */
export function encodeSignature(scheme: SignatureScheme, signature: Uint8Array): Uint8Array {
  const algorithm = ROWS.find((row) => row.scheme === scheme)?.algorithms[0] ?? NOTHING;
  return concat(Uint8Array.of(algorithm.length), algorithm, signature);
}

/** A signature of a peer, and the hash its scheme uses; undefined: cut short, or of an algorithm that is not used here. */
export interface DecodedSignature {
  readonly scheme: SignatureScheme;
  readonly hash: number;
  readonly signature: Uint8Array;
}

/** Reads AUTH data of method 14; the AlgorithmIdentifier is compared with known ones, octet by octet (SG3-2). */
export function decodeSignature(data: Uint8Array): DecodedSignature | undefined {
  const length = data[0] ?? 0;
  if (data.length <= 1 + length) return undefined;
  const algorithm = data.subarray(1, 1 + length);
  const row = ROWS.find((r) => r.algorithms.some((known) => sameBytes(known, algorithm)));
  return row && { scheme: row.scheme, hash: row.hash, signature: data.subarray(1 + length) };
}

/** The best scheme for a key with a hash that the peer listed (SG3-1); undefined: there is none. */
export function pickScheme(key: KeyKind, peerHashes: readonly number[]): SignatureScheme | undefined {
  return ROWS.find((row) => row.keys.includes(key) && peerHashes.includes(row.hash))?.scheme;
}
