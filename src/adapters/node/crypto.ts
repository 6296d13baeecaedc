import {
  createCipheriv, createDecipheriv, createECDH, createHash, createHmac, createPrivateKey, createPublicKey, createSecretKey,
  diffieHellman, randomBytes, timingSafeEqual, type KeyObject,
} from 'node:crypto';
import { concat, invariant, wipe } from '../../base/index.ts';
import { DH_SECRET_OCTETS, type Aead, type BlockCipher, type CryptoSuite, type DhGroup, type DhPair, type HashName, type Mac } from '../../crypto/index.ts';
import type { Entropy } from '../../ports/index.ts';

/** A plain copy: a Buffer may be a window on Node's pool, and its `slice` does not copy. */
const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

/** Guards the key of an object that can be wiped: using it afterwards is a bug of ours. */
class Kept<T> {
  #value: T | undefined;

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    invariant(this.#value !== undefined, 'a wiped key is not used');
    return this.#value;
  }

  drop(): void {
    this.#value = undefined;
  }
}

// ---- HMAC ----------------------------------------------------------------------------------------------------------

const HASH_OCTETS: { readonly [H in HashName]: number } = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

function hmac(name: HashName, key: Uint8Array): Mac {
  const kept = new Kept<KeyObject>(createSecretKey(key));
  return {
    size: HASH_OCTETS[name],
    sign(...parts) {
      const mac = createHmac(name, kept.get());
      for (const part of parts) mac.update(part);
      return plain(mac.digest());
    },
    wipe: () => kept.drop(),
  };
}

// ---- AES-GCM -------------------------------------------------------------------------------------------------------

const ICV_OCTETS = 16;

function aesGcm16(key: Uint8Array): Aead {
  invariant(key.length === 16 || key.length === 32, 'an AES-GCM key has 16 or 32 octets');
  const cipherName = key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm';
  const kept = new Kept<KeyObject>(createSecretKey(key));
  return {
    seal(nonce, aad, plaintext) {
      const cipher = createCipheriv(cipherName, kept.get(), nonce, { authTagLength: ICV_OCTETS });
      cipher.setAAD(aad);
      const body = cipher.update(plaintext);
      return concat(body, cipher.final(), cipher.getAuthTag());
    },
    open(nonce, aad, sealed) {
      if (sealed.length < ICV_OCTETS) return undefined;
      const decipher = createDecipheriv(cipherName, kept.get(), nonce, { authTagLength: ICV_OCTETS });
      decipher.setAAD(aad);
      decipher.setAuthTag(sealed.subarray(sealed.length - ICV_OCTETS));
      const body = decipher.update(sealed.subarray(0, sealed.length - ICV_OCTETS));
      try {
        decipher.final(); // throws for a wrong tag, and for nothing else: no octets are left in a stream cipher
      } catch {
        wipe(body);
        return undefined;
      }
      return plain(body);
    },
    wipe: () => kept.drop(),
  };
}

// ---- AES-CBC -------------------------------------------------------------------------------------------------------

function aesCbc(key: Uint8Array): BlockCipher {
  invariant(key.length === 16 || key.length === 32, 'an AES-CBC key has 16 or 32 octets');
  const cipherName = key.length === 16 ? 'aes-128-cbc' : 'aes-256-cbc';
  const kept = new Kept<KeyObject>(createSecretKey(key));
  const run = (cipher: ReturnType<typeof createCipheriv> | ReturnType<typeof createDecipheriv>, text: Uint8Array): Uint8Array => {
    cipher.setAutoPadding(false);
    return concat(cipher.update(text), cipher.final());
  };
  return {
    encrypt: (iv, plaintext) => run(createCipheriv(cipherName, kept.get(), iv), plaintext),
    decrypt: (iv, ciphertext) => run(createDecipheriv(cipherName, kept.get(), iv), ciphertext),
    wipe: () => kept.drop(),
  };
}

// ---- Curve25519 (RFC 7748, RFC 8031) -------------------------------------------------------------------------------

const X25519_OCTETS = 32;
/** DER before the 32 octets of a private key (PKCS #8) and of a public one (SPKI), RFC 8410 §4 and §7. */
const X25519_PKCS8 = Uint8Array.of(0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20);
const X25519_SPKI = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00);

function x25519(secret: Uint8Array): DhPair {
  const der = Buffer.from(concat(X25519_PKCS8, secret));
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  wipe(der);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const kept = new Kept<KeyObject>(privateKey);
  return {
    group: 31,
    publicValue: plain(spki.subarray(X25519_SPKI.length)),
    derive(peerValue) {
      const own = kept.get();
      if (peerValue.length !== X25519_OCTETS) return undefined;
      const publicKey = createPublicKey({ key: Buffer.from(concat(X25519_SPKI, peerValue)), format: 'der', type: 'spki' });
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

// ---- P-256 (RFC 5903) ----------------------------------------------------------------------------------------------

const P256_OCTETS = 32;
const P256_N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const UNCOMPRESSED = Uint8Array.of(4);

function toBigInt(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const octet of bytes) value = (value << 8n) | BigInt(octet);
  return value;
}

function fromBigInt(value: bigint): Uint8Array {
  const out = new Uint8Array(P256_OCTETS);
  for (let i = P256_OCTETS - 1, rest = value; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 255n);
  return out;
}

/** The octets are a number far longer than n: reduced to 1..n-1 the bias is below 2^-127. */
function p256(secret: Uint8Array): DhPair {
  const ecdh = createECDH('prime256v1');
  const scalar = fromBigInt((toBigInt(secret) % (P256_N - 1n)) + 1n);
  ecdh.setPrivateKey(scalar);
  wipe(scalar);
  const kept = new Kept(ecdh);
  return {
    group: 19,
    publicValue: plain(ecdh.getPublicKey().subarray(UNCOMPRESSED.length)),
    derive(peerValue) {
      const own = kept.get();
      if (peerValue.length !== 2 * P256_OCTETS) return undefined;
      try {
        // Throws unless both coordinates are below p and the point is on the curve (RFC 6989 §2.3); infinity has no
        // such form.
        return plain(own.computeSecret(concat(UNCOMPRESSED, peerValue)));
      } catch {
        return undefined;
      }
    },
    wipe: () => kept.drop(),
  };
}

// ---- The suite -----------------------------------------------------------------------------------------------------

const GROUPS: { readonly [G in DhGroup]?: (secret: Uint8Array) => DhPair } = { 31: x25519, 19: p256 };

/** Node's OpenSSL as the core's `CryptoSuite`. Keys live in key objects of OpenSSL; `wipe` gives them up. */
export function nodeCrypto(): CryptoSuite {
  return {
    hash(name, ...parts) {
      const hash = createHash(name);
      for (const part of parts) hash.update(part);
      return plain(hash.digest());
    },
    hmac,
    aead: (_name, key) => aesGcm16(key),
    cbc: aesCbc,
    pki: undefined,
    dh(group, secret) {
      invariant(secret.length === DH_SECRET_OCTETS[group], `group ${group} needs ${DH_SECRET_OCTETS[group]} octets of entropy`);
      const make = GROUPS[group];
      invariant(make !== undefined, `group ${group} has an implementation`);
      return make(secret);
    },
    equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  };
}

/** The operating system's random octets; the label means nothing here. */
export function nodeEntropy(): Entropy {
  return { bytes: (count) => plain(randomBytes(count)) };
}
