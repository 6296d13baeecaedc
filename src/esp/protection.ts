import { concat } from '../base/index.ts';
import type { Entropy } from '../base/index.ts';
import type { Aead, BlockCipher, CryptoSuite, Mac } from '../crypto/index.ts';
import type { EspSa } from '../ports/index.ts';

/** What a sequence number becomes in a packet: the header that is sent, and the high half that is not. */
export interface PacketHead {
  /** SPI and the low 32 bits, 8 octets. */
  readonly header: Uint8Array;
  /** With ESN the high 32 bits, 4 octets: part of what the ICV covers (RFC 4303 §2.2.1). */
  readonly high: Uint8Array | undefined;
}

/** The algorithms of one SA with their keys kept. Texts are whole blocks of `block` octets, trailer included. */
export interface EspProtection {
  /** Octets of IV and of ICV in a packet. */
  readonly iv: number;
  readonly icv: number;
  /** Text, pad length and next header together are padded to a multiple of this (RFC 4303 §2.4). */
  readonly block: number;
  /** Octets of the shortest text that can be opened. */
  readonly shortest: number;
  /** The IV for the packet with this 64-bit sequence number, 8 octets in network order. */
  makeIv(counter: Uint8Array): Uint8Array;
  /** Ciphertext | ICV. */
  seal(head: PacketHead, iv: Uint8Array, text: Uint8Array): Uint8Array;
  /** The text, or undefined for a wrong ICV; nothing is decrypted then. */
  open(head: PacketHead, iv: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
  wipe(): void;
}

const SALT = 4;
const AES_BLOCK = 16;

/** RFC 4106 §5, RFC 7634 §2.1: SPI | sequence number, with ESN SPI | high | low. */
function associated(head: PacketHead): Uint8Array {
  return head.high === undefined ? head.header : concat(head.header.subarray(0, 4), head.high, head.header.subarray(4));
}

/** AES-GCM (RFC 4106) or ChaCha20-Poly1305 (RFC 7634): nonce salt | IV, IV the sequence number, which is never used twice. */
export function aeadProtection(aead: Aead, salt: Uint8Array): EspProtection {
  return {
    iv: 8, icv: 16, block: 4, shortest: 2,
    makeIv: (counter) => counter,
    seal: (head, iv, text) => aead.seal(concat(salt, iv), associated(head), text),
    open: (head, iv, sealed) => aead.open(concat(salt, iv), associated(head), sealed),
    wipe: () => {
      aead.wipe();
      salt.fill(0);
    },
  };
}

/**
 * AES-CBC (RFC 3602) with an HMAC over SPI, sequence number, IV, ciphertext and, with ESN, the high half behind them. The
 * IV cannot be foreseen (RFC 3602 §3). `icv`: octets the tag is cut to.
 */
export function cbcProtection(suite: CryptoSuite, cipher: BlockCipher, mac: Mac, icv: number, entropy: Entropy): EspProtection {
  const tagOf = (head: PacketHead, iv: Uint8Array, text: Uint8Array): Uint8Array =>
    mac.sign(head.header, iv, text, head.high ?? new Uint8Array(0)).subarray(0, icv);
  return {
    iv: AES_BLOCK, icv, block: AES_BLOCK, shortest: AES_BLOCK,
    makeIv: () => entropy.bytes(AES_BLOCK, 'esp.iv'),
    seal(head, iv, text) {
      const sealed = cipher.encrypt(iv, text);
      return concat(sealed, tagOf(head, iv, sealed));
    },
    open(head, iv, sealed) {
      const text = sealed.subarray(0, sealed.length - icv);
      return suite.equal(tagOf(head, iv, text), sealed.subarray(sealed.length - icv)) ? cipher.decrypt(iv, text) : undefined;
    },
    wipe: () => {
      cipher.wipe();
      mac.wipe();
    },
  };
}

/** Hash and octets of the key, as long as the hash (RFC 4868 §2.1.1); the tag is half of it. */
const INTEG = {
  'hmac-sha256-128': { hash: 'sha256', key: 32 },
  'hmac-sha384-192': { hash: 'sha384', key: 48 },
  'hmac-sha512-256': { hash: 'sha512', key: 64 },
} as const;

/** The protection an SA asks for; its secrets are only read. Throws (a bug) for keys that do not fit the algorithms. */
export function protectionOf(suite: CryptoSuite, sa: Pick<EspSa, 'cipher' | 'key' | 'integ'>, entropy: Entropy | undefined): EspProtection {
  const key = sa.key.reveal();
  const salt = sa.cipher === 'aes-cbc' ? 0 : SALT;
  const half = key.length === 16 + salt && sa.cipher !== 'chacha20-poly1305';
  if (!half && key.length !== 32 + salt) throw new Error(`an ESP key of ${key.length} octets for ${sa.cipher}`);
  if (sa.cipher !== 'aes-cbc') {
    if (sa.integ !== undefined) throw new Error(`${sa.cipher} with ${sa.integ.name}`);
    return aeadProtection(suite.aead(sa.cipher, key.slice(0, -salt)), key.slice(-salt));
  }
  const row = sa.integ === undefined ? undefined : INTEG[sa.integ.name];
  if (sa.integ === undefined || row?.key !== sa.integ.key.reveal().length) throw new Error('aes-cbc without an integrity key that fits');
  if (entropy === undefined) throw new Error('aes-cbc needs entropy for its IVs');
  return cbcProtection(suite, suite.cbc(key.slice()), suite.hmac(row.hash, sa.integ.key.reveal().slice()), row.key / 2, entropy);
}
