import { ByteWriter, concat } from '../base/index.ts';
import { decodeChain, encodeHeader, encodePayloads, PAYLOAD, type DecodedChain, type IkeHeader, type Payload, type PayloadOf } from '../codec/ike/index.ts';
import type { Chosen } from './negotiate.ts';
import type { Aead, CryptoSuite } from '../crypto/index.ts';

const SALT_OCTETS = 4;
const IV_OCTETS = 8;
const ICV_OCTETS = 16;

/**
 * One direction's protection of the Encrypted payload with an AEAD (RFC 5282 §3): nonce = salt | IV, AAD = everything
 * up to and including the SK generic header. The IV is a counter, so no two messages of a key share one;
 * retransmissions send stored octets and never come here again.
 */
class Direction {
  readonly aead: Aead;
  readonly salt: Uint8Array;
  counter = 0n;

  constructor(suite: CryptoSuite, keyAndSalt: Uint8Array) {
    this.aead = suite.aead('aes-gcm-16', keyAndSalt.subarray(0, keyAndSalt.length - SALT_OCTETS));
    this.salt = keyAndSalt.slice(keyAndSalt.length - SALT_OCTETS);
  }
}

export interface DirectionKeys {
  readonly encr: Uint8Array;
  readonly integ: Uint8Array;
}

/** Seals and opens the messages of one IKE SA. */
export class SkProtection {
  readonly #out: Direction;
  readonly #in: Direction;

  /** @param out, into SK_e (salt at the end) and SK_a (empty with AEAD) of our and the peer's direction. */
  constructor(suite: CryptoSuite, _chosen: Chosen, out: DirectionKeys, into: DirectionKeys) {
    this.#out = new Direction(suite, out.encr);
    this.#in = new Direction(suite, into.encr);
  }

  seal(header: Omit<IkeHeader, 'length' | 'nextPayload'>, payloads: readonly Payload[]): Uint8Array {
    const inner = encodePayloads(payloads);
    const plaintext = concat(inner.bytes, Uint8Array.of(0)); // Pad Length 0: an AEAD needs no padding (AE3-1)
    const skLength = 4 + IV_OCTETS + plaintext.length + ICV_OCTETS;
    const aad = concat(
      encodeHeader({ ...header, nextPayload: PAYLOAD.SK.code }, 28 + skLength),
      new ByteWriter(4).u8(inner.first).u8(0).u16(skLength).finish(),
    );
    const iv = new ByteWriter(IV_OCTETS).u64(this.#out.counter++).finish();
    return concat(aad, iv, this.#out.aead.seal(concat(this.#out.salt, iv), aad, plaintext));
  }

  /** The payloads inside, or undefined for a wrong ICV: then nothing about the message is known (I3.14-2). */
  open(message: Uint8Array, sk: PayloadOf<'SK'>): DecodedChain | undefined {
    if (sk.body.length < IV_OCTETS + 1 + ICV_OCTETS) return undefined;
    const iv = sk.body.subarray(0, IV_OCTETS);
    const plaintext = this.#in.aead.open(concat(this.#in.salt, iv), message.subarray(0, sk.bodyOffset), sk.body.subarray(IV_OCTETS));
    if (!plaintext || plaintext.length === 0) return undefined;
    const padding = (plaintext[plaintext.length - 1] ?? 0) + 1;
    if (padding > plaintext.length) return { kind: 'malformed', why: 'pad length exceeds the payload' };
    return decodeChain(sk.firstInner, plaintext, 0, plaintext.length - padding);
  }

  wipe(): void {
    this.#out.aead.wipe();
    this.#in.aead.wipe();
    this.#out.salt.fill(0);
    this.#in.salt.fill(0);
  }
}
