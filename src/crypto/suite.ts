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

export type AeadName = 'aes-gcm-16' | 'chacha20-poly1305';

/** AES in CBC mode with its key kept (RFC 3602); no padding of its own. IV 16 octets; texts are whole blocks of 16, which the caller sees to. */
export interface BlockCipher {
  encrypt(iv: Uint8Array, plaintext: Uint8Array): Uint8Array;
  decrypt(iv: Uint8Array, ciphertext: Uint8Array): Uint8Array;
  wipe(): void;
}

/**
 * IKE group numbers with an implementation behind them: 31 Curve25519 (RFC 8031), 19, 20, 21 P-256, P-384, P-521 (RFC 5903),
 * 14, 15, 16 MODP of 2048, 3072, 4096 bits (RFC 3526).
 */
export type DhGroup = 31 | 19 | 20 | 21 | 14 | 15 | 16;

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
  /** AES-CBC. @param key 16 or 32 octets. */
  cbc(key: Uint8Array): BlockCipher;
  /** @param secret octets from `entropy`, as many as `DH_SECRET_OCTETS` says (reduced mod n-1 for curves of prime order, so no bias and no retry). */
  dh(group: DhGroup, secret: Uint8Array): DhPair;
  /** Compares in time that depends on the lengths only. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /** Certificates; undefined where the platform has none, then only pre-shared keys can be used. */
  readonly pki: Pki | undefined;
}

/** How a key signs (RFC 7427 appendix A; RFC 8420). Which octets name it on the wire is `signature-schemes`' business. */
export type SignatureScheme =
  | 'rsa-pss-sha256' | 'rsa-pss-sha384' | 'rsa-pss-sha512' | 'rsa-pkcs1-sha256' | 'rsa-pkcs1-sha384' | 'rsa-pkcs1-sha512'
  | 'ecdsa-sha256' | 'ecdsa-sha384' | 'ecdsa-sha512' | 'ed25519';

export type KeyKind = 'rsa' | 'ec-p256' | 'ec-p384' | 'ec-p521' | 'ed25519';

/** A private key of the platform. */
export interface SigningKey {
  readonly kind: KeyKind;
  /** RSA: bits of the modulus. */
  readonly bits: number;
  /** SubjectPublicKeyInfo, DER: tells whether a certificate is this key's. */
  readonly publicKey: Uint8Array;
  /** ECDSA gives a DER ECDSA-Sig-Value (RFC 7427 §3). `scheme` must fit `kind`. */
  sign(scheme: SignatureScheme, octets: Uint8Array): Uint8Array;
  wipe(): void;
}

/** What a certificate says, read by the platform; nothing of it is verified yet. */
export interface CertificateFacts {
  /** Subject and issuer, for people: `CN=hub.example.com, O=Example`. */
  readonly subjectText: string;
  readonly issuerText: string;
  /** The subject as in the certificate, DER: what an ID_DER_ASN1_DN is compared with, bitwise (RFC 4945 §3.1.5). */
  readonly subject: Uint8Array;
  /** Unix seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isCa: boolean;
  readonly keyKind: KeyKind | 'other';
  readonly keyBits: number;
  /** SubjectPublicKeyInfo, DER. Its SHA-1 names a CA in a CERTREQ (RFC 7296 §3.7). */
  readonly publicKey: Uint8Array;
  readonly dnsNames: readonly string[];
  readonly emails: readonly string[];
  /** 4 or 16 octets each. */
  readonly addresses: readonly Uint8Array[];
}

/** Rules of a path validation (I3.6-2); everything else is as RFC 5280 §6 says. */
export interface ChainRules {
  readonly anchors: readonly Uint8Array[];
  /** Empty: no revocation check. Otherwise every certificate below an anchor needs a valid CRL of its issuer. */
  readonly crls: readonly Uint8Array[];
  /** Unix seconds; undefined: the clock is not set, dates are not looked at (the caller checks again later). */
  readonly now: number | undefined;
  /** Also accept extended key usages serverAuth and clientAuth. */
  readonly allowTlsUsage: boolean;
}

/** What a CRL says; nothing of it is verified yet. */
export interface CrlFacts {
  readonly issuerText: string;
  /** Unix seconds. */
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
}

export type ChainVerdict = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** The platform's X.509. Certificates and CRLs are DER. No method throws on foreign input. */
export interface Pki {
  /** Undefined: not a certificate. */
  read(certificate: Uint8Array): CertificateFacts | undefined;
  /** Undefined: not a CRL. */
  readCrl(crl: Uint8Array): CrlFacts | undefined;
  /** PKCS #8, PKCS #1 or SEC 1, DER; undefined: no key that can be used here. */
  signingKey(der: Uint8Array): SigningKey | undefined;
  /** True when `signature` of `octets` is that of the key (SubjectPublicKeyInfo, DER). */
  verify(publicKey: Uint8Array, scheme: SignatureScheme, octets: Uint8Array, signature: Uint8Array): boolean;
  /** Whether `leaf` may authenticate a peer of IKE (I3.6-2); `why` is for people and the log. */
  verifyChain(leaf: Uint8Array, intermediates: readonly Uint8Array[], rules: ChainRules): ChainVerdict;
}

/** Octets of randomness `CryptoSuite.dh` needs for a group. */
export const DH_SECRET_OCTETS: { readonly [G in DhGroup]: number } = { 31: 32, 19: 48, 20: 64, 21: 82, 14: 40, 15: 48, 16: 56 };
