import { createCipheriv, createDecipheriv, createSecretKey, type CipherChaCha20Poly1305Types, type CipherGCMTypes, type KeyObject } from 'node:crypto';
import { concat, invariant, wipe } from '../../base/index.ts';
import type { Aead, AeadName, BlockCipher } from '../../crypto/index.ts';
import { Kept, plain } from './kept.ts';

const ICV_OCTETS = 16;

function cipherOf(name: AeadName, keyOctets: number): CipherGCMTypes | CipherChaCha20Poly1305Types {
  if (name === 'chacha20-poly1305') {
    invariant(keyOctets === 32, 'a ChaCha20 key has 32 octets');
    return 'chacha20-poly1305';
  }
  invariant(keyOctets === 16 || keyOctets === 32, 'an AES-GCM key has 16 or 32 octets');
  return keyOctets === 16 ? 'aes-128-gcm' : 'aes-256-gcm';
}

/** An AEAD of OpenSSL with its key kept. */
export function aead(name: AeadName, key: Uint8Array): Aead {
  const cipherName = cipherOf(name, key.length) as CipherGCMTypes; // both have the same options and methods
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

/** AES-CBC of OpenSSL with its key kept, without OpenSSL's padding. */
export function aesCbc(key: Uint8Array): BlockCipher {
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
