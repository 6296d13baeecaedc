import { createHash, createHmac, createSecretKey, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { CryptoSuite, HashName, Mac } from '../../crypto/index.ts';
import type { Entropy } from '../../ports/index.ts';
import { aead, aesCbc } from './ciphers.ts';
import { dh } from './dh.ts';
import { Kept, plain } from './kept.ts';

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

/** Node's OpenSSL as the core's `CryptoSuite`. Keys live in key objects of OpenSSL; `wipe` gives them up. */
export function nodeCrypto(): CryptoSuite {
  return {
    hash(name, ...parts) {
      const hash = createHash(name);
      for (const part of parts) hash.update(part);
      return plain(hash.digest());
    },
    hmac,
    aead,
    cbc: aesCbc,
    pki: undefined,
    dh,
    equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  };
}

/** The operating system's random octets; the label means nothing here. */
export function nodeEntropy(): Entropy {
  return { bytes: (count) => plain(randomBytes(count)) };
}
