import { ByteWriter, concat } from '../base/index.ts';
import {
  decodeChain, encodeHeader, encodePayloads, HEADER_OCTETS, PAYLOAD, type DecodedChain, type IkeHeader, type Payload, type PayloadOf,
} from '../codec/ike/index.ts';
import { encrOf, integOf, type Aead, type BlockCipher, type CryptoSuite, type EncrTransform, type IntegTransform, type Mac } from '../crypto/index.ts';
import type { Chosen } from './negotiate.ts';
import type { IkeDeps } from './types.ts';

/*
 * SK (RFC 7296 §3.14):  generic header | IV | ciphertext of (text | padding | pad length) | ICV
 * SKF (RFC 7383 §2.5):  generic header | fragment number (2) | total fragments (2) | IV | ciphertext | ICV
 *
 * What stands before the IV is the head: authenticated in the clear, from SPIi on (RFC 5282 §5.1, RFC 7296 §3.14).
 */

const GENERIC_OCTETS = 4;
const NUMBERS_OCTETS = 4;
const AEAD_IV_OCTETS = 8;
const BLOCK_OCTETS = 16;

/** Keys of one direction: SK_e with the salt at the end if there is one, and SK_a, empty with AEAD. */
export interface DirectionKeys {
  readonly encr: Uint8Array;
  readonly integ: Uint8Array;
}

/** Header of a message before its length and its first payload are known. */
export type SealHeader = Omit<IkeHeader, 'length' | 'nextPayload'>;

/** Place of one fragment; `firstInner` is the type of the first payload of the whole message in fragment 1, else 0. */
export interface FragmentPlace {
  readonly number: number;
  readonly total: number;
  readonly firstInner: number;
}

/** An authenticated fragment: its place and its piece of the encoded payloads. */
export interface OpenedFragment extends FragmentPlace {
  readonly plaintext: Uint8Array;
}

/** What authenticates but cannot be used. */
interface Malformed {
  readonly malformed: string;
}

/** One direction's cipher with its keys. `text` has neither padding nor pad length. */
interface Direction {
  /** Octets of IV, ciphertext and ICV for so many octets of text. */
  sealedOctets(text: number): number;
  /** Octets of text that fit into so many of IV, ciphertext and ICV; below zero: not even none. */
  room(sealed: number): number;
  /** IV | ciphertext | ICV. */
  seal(head: Uint8Array, text: Uint8Array): Uint8Array;
  /** The text behind the first `head` octets of a message; undefined for a wrong ICV. */
  open(message: Uint8Array, head: number): Uint8Array | Malformed | undefined;
  wipe(): void;
}

/** Takes padding and pad length off (RFC 7296 §3.14: any content, up to 255 octets). */
function unpad(padded: Uint8Array): Uint8Array | Malformed {
  const last = padded[padded.length - 1];
  if (last === undefined) return { malformed: 'no pad length' };
  return last + 1 > padded.length ? { malformed: 'pad length exceeds the payload' } : padded.subarray(0, padded.length - last - 1);
}

/**
 * AEAD (RFC 5282 §3, RFC 7634 §2): nonce = salt | IV. The IV is a counter, so no two messages of a key share one;
 * retransmissions send stored octets and never come here again (AE3-1).
 */
class AeadDirection implements Direction {
  readonly #aead: Aead;
  readonly #salt: Uint8Array;
  readonly #icvOctets: number;
  #counter = 0n;

  constructor(suite: CryptoSuite, encr: EncrTransform, name: NonNullable<EncrTransform['aead']>, keys: DirectionKeys) {
    this.#aead = suite.aead(name, keys.encr.subarray(0, encr.keyOctets));
    this.#salt = keys.encr.slice(encr.keyOctets);
    this.#icvOctets = encr.icvOctets;
  }

  sealedOctets(text: number): number {
    return AEAD_IV_OCTETS + text + 1 + this.#icvOctets;
  }

  room(sealed: number): number {
    return sealed - AEAD_IV_OCTETS - 1 - this.#icvOctets;
  }

  seal(head: Uint8Array, text: Uint8Array): Uint8Array {
    const iv = new ByteWriter(AEAD_IV_OCTETS).u64(this.#counter++).finish();
    // Pad Length 0: an AEAD needs no padding.
    return concat(iv, this.#aead.seal(concat(this.#salt, iv), head, concat(text, Uint8Array.of(0))));
  }

  open(message: Uint8Array, head: number): Uint8Array | Malformed | undefined {
    const start = head + AEAD_IV_OCTETS;
    if (message.length < start + this.#icvOctets) return undefined;
    const padded = this.#aead.open(concat(this.#salt, message.subarray(head, start)), message.subarray(0, head), message.subarray(start));
    return padded && unpad(padded);
  }

  wipe(): void {
    this.#aead.wipe();
    this.#salt.fill(0);
  }
}

/** CBC and HMAC (I3.14-1): encrypt, then MAC; the MAC is over the whole message up to the ICV and is checked before anything. */
class CbcDirection implements Direction {
  readonly #deps: IkeDeps;
  readonly #cipher: BlockCipher;
  readonly #mac: Mac;
  readonly #icvOctets: number;

  constructor(deps: IkeDeps, integ: IntegTransform, keys: DirectionKeys) {
    this.#deps = deps;
    this.#cipher = deps.suite.cbc(keys.encr);
    this.#mac = deps.suite.hmac(integ.hash, keys.integ);
    this.#icvOctets = integ.icvOctets;
  }

  sealedOctets(text: number): number {
    return BLOCK_OCTETS + Math.ceil((text + 1) / BLOCK_OCTETS) * BLOCK_OCTETS + this.#icvOctets;
  }

  room(sealed: number): number {
    return Math.floor((sealed - BLOCK_OCTETS - this.#icvOctets) / BLOCK_OCTETS) * BLOCK_OCTETS - 1;
  }

  #icv(...parts: readonly Uint8Array[]): Uint8Array {
    return this.#mac.sign(...parts).subarray(0, this.#icvOctets);
  }

  seal(head: Uint8Array, text: Uint8Array): Uint8Array {
    const padded = new Uint8Array(this.sealedOctets(text.length) - BLOCK_OCTETS - this.#icvOctets);
    padded.set(text);
    padded[padded.length - 1] = padded.length - text.length - 1;
    // Who could tell the IV beforehand could choose the first block (RFC 3602 §3).
    const iv = this.#deps.entropy.bytes(BLOCK_OCTETS, 'iv');
    const ciphertext = this.#cipher.encrypt(iv, padded);
    return concat(iv, ciphertext, this.#icv(head, iv, ciphertext));
  }

  open(message: Uint8Array, head: number): Uint8Array | Malformed | undefined {
    const end = message.length - this.#icvOctets;
    if (end < head) return undefined;
    if (!this.#deps.suite.equal(this.#icv(message.subarray(0, end)), message.subarray(end))) return undefined;
    const start = head + BLOCK_OCTETS;
    if (end < start + BLOCK_OCTETS || (end - start) % BLOCK_OCTETS !== 0) return { malformed: 'ciphertext is not whole blocks' };
    return unpad(this.#cipher.decrypt(message.subarray(head, start), message.subarray(start, end)));
  }

  wipe(): void {
    this.#cipher.wipe();
    this.#mac.wipe();
  }
}

function direction(deps: IkeDeps, chosen: Chosen, keys: DirectionKeys): Direction {
  const encr = encrOf(chosen.encr.id, chosen.encr.keyLength);
  const integ = integOf(chosen.integ);
  if (encr?.aead !== undefined) return new AeadDirection(deps.suite, encr, encr.aead, keys);
  if (!encr || !integ) throw new Error('a cipher or a MAC was agreed on that has no row');
  return new CbcDirection(deps, integ, keys);
}

/** Seals and opens the messages and fragments of one IKE SA. */
export class SkProtection {
  readonly #out: Direction;
  readonly #in: Direction;

  /** @param out, into keys of our and of the peer's direction. */
  constructor(deps: IkeDeps, chosen: Chosen, out: DirectionKeys, into: DirectionKeys) {
    this.#out = direction(deps, chosen, out);
    this.#in = direction(deps, chosen, into);
  }

  /** A whole message with one SK payload. */
  seal(header: SealHeader, payloads: readonly Payload[]): Uint8Array {
    const inner = encodePayloads(payloads);
    return this.sealEncoded(header, inner.first, inner.bytes);
  }

  /** The same of payloads that are encoded already; `firstInner` is the type of the first, 0 for none. */
  sealEncoded(header: SealHeader, firstInner: number, text: Uint8Array): Uint8Array {
    const length = GENERIC_OCTETS + this.#out.sealedOctets(text.length);
    const generic = new ByteWriter(GENERIC_OCTETS).u8(firstInner).u8(0).u16(length).finish();
    const head = concat(encodeHeader({ ...header, nextPayload: PAYLOAD.SK.code }, HEADER_OCTETS + length), generic);
    return concat(head, this.#out.seal(head, text));
  }

  /** Octets of the IKE message, without marker, that `sealEncoded` makes of so many octets of encoded payloads. */
  sealedLength(text: number): number {
    return HEADER_OCTETS + GENERIC_OCTETS + this.#out.sealedOctets(text);
  }

  /** The payloads inside, or undefined for a wrong ICV: then nothing about the message is known (I3.14-2). */
  open(message: Uint8Array, sk: PayloadOf<'SK'>): DecodedChain | undefined {
    const text = this.#in.open(message, sk.bodyOffset);
    if (!text) return undefined;
    return 'malformed' in text ? { kind: 'malformed', why: text.malformed } : decodeChain(sk.firstInner, text, 0, text.length);
  }

  /** A message with one SKF payload (RFC 7383 §2.5) whose piece of the encoded payloads is `text`. */
  sealFragment(header: SealHeader, place: FragmentPlace, text: Uint8Array): Uint8Array {
    const length = GENERIC_OCTETS + NUMBERS_OCTETS + this.#out.sealedOctets(text.length);
    const front = new ByteWriter(GENERIC_OCTETS + NUMBERS_OCTETS).u8(place.firstInner).u8(0).u16(length).u16(place.number).u16(place.total).finish();
    const head = concat(encodeHeader({ ...header, nextPayload: PAYLOAD.SKF.code }, HEADER_OCTETS + length), front);
    return concat(head, this.#out.seal(head, text));
  }

  /** Octets of text that fit into a fragment of at most `limit` octets of IKE message, marker not counted; may be 0 or less. */
  fragmentRoom(limit: number): number {
    return this.#out.room(limit - HEADER_OCTETS - GENERIC_OCTETS - NUMBERS_OCTETS);
  }

  /** An authenticated fragment, or undefined for one to be dropped: wrong ICV, or padding that cannot be. */
  openFragment(message: Uint8Array, skf: PayloadOf<'SKF'>): OpenedFragment | undefined {
    const text = this.#in.open(message, skf.bodyOffset);
    if (!text || 'malformed' in text) return undefined;
    return { number: skf.fragment, total: skf.total, firstInner: skf.firstInner, plaintext: text };
  }

  wipe(): void {
    this.#out.wipe();
    this.#in.wipe();
  }
}
