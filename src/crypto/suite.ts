export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** A keyed MAC whose key schedule is kept. Synchronous; same inputs, same octets. */
export interface Mac {
  /** Octets of a full, untruncated tag. */
  readonly size: number;
  sign(...parts: readonly Uint8Array[]): Uint8Array;
  /** Forgets the key. */
  wipe(): void;
}

/** An AEAD cipher with its key kept (RFC 5282, RFC 4106). Nonce 12 octets, ICV 16 octets appended to the ciphertext. */
export interface Aead {
  /** Returns ciphertext | ICV. */
  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** Returns the plaintext, or undefined for a wrong ICV. `sealed` is ciphertext | ICV. */
  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
  wipe(): void;
}

export type AeadName = 'aes-gcm-16';

/** IKE group numbers with an implementation behind them: 31 Curve25519 (RFC 8031), 19 P-256 (RFC 5903). */
export type DhGroup = 31 | 19;

/** One ephemeral key pair of a Diffie-Hellman group. */
export interface DhPair {
  readonly group: DhGroup;
  /** KE payload data, in the group's wire format. */
  readonly publicValue: Uint8Array;
  /** g^ir in wire length, leading zeros kept; undefined when the peer's value is invalid (RFC 6989, RFC 7748 §6.1). */
  derive(peerValue: Uint8Array): Uint8Array | undefined;
  /** Forgets the private value. */
  wipe(): void;
}

/**
 * The platform's cryptography, as the core sees it: pure functions of their arguments. No shape of any library shows.
 * No method throws on foreign input.
 */
export interface CryptoSuite {
  hash(name: HashName, ...parts: readonly Uint8Array[]): Uint8Array;
  /** HMAC with the given hash (RFC 2104). */
  hmac(name: HashName, key: Uint8Array): Mac;
  /** @param key 16 or 32 octets, without salt. */
  aead(name: AeadName, key: Uint8Array): Aead;
  /** @param secret octets from `entropy`: 32 for group 31, 48 for group 19 (reduced mod n-1, so no bias and no retry). */
  dh(group: DhGroup, secret: Uint8Array): DhPair;
  /** Compares in time that depends on the lengths only. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
}

/** Octets of randomness `CryptoSuite.dh` needs for a group. */
export const DH_SECRET_OCTETS: { readonly [G in DhGroup]: number } = { 31: 32, 19: 48 };
