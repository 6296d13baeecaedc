import { ByteWriter, concat, invariant, toUtf8, wipe } from '../base/index.ts';
import type { CryptoSuite, HashName } from './suite.ts';

/*
 * What RFC 7296 §2.13-2.18 computes with the negotiated PRF, which is always HMAC here: `hash` is its hash function,
 * and the preferred key size of the PRF is the output of that hash.
 */

/** prf+ is not defined beyond 255 blocks (RFC 7296 §2.13). */
const MAX_BLOCKS = 255;

/** One block of the negotiated PRF: prf(key, parts joined). */
export function prf(suite: CryptoSuite, hash: HashName, key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = suite.hmac(hash, key);
  const block = mac.sign(...parts);
  mac.wipe();
  return block;
}

/** The first `length` octets of prf+(key, seed) (RFC 7296 §2.13). */
export function prfPlus(suite: CryptoSuite, hash: HashName, key: Uint8Array, seed: Uint8Array, length: number): Uint8Array {
  const mac = suite.hmac(hash, key);
  invariant(length <= MAX_BLOCKS * mac.size, 'prf+ is asked for at most 255 blocks');
  const out = new Uint8Array(length);
  let previous = new Uint8Array(0);
  for (let at = 0, n = 1; at < length; n++) {
    const block = mac.sign(previous, seed, Uint8Array.of(n));
    wipe(previous);
    previous = new Uint8Array(block);
    wipe(block);
    out.set(previous.subarray(0, length - at), at);
    at += previous.length;
  }
  wipe(previous);
  mac.wipe();
  return out;
}

/** SKEYSEED of a first IKE SA: prf(Ni | Nr, g^ir) (RFC 7296 §2.14). */
export function skeyseed(suite: CryptoSuite, hash: HashName, nonceI: Uint8Array, nonceR: Uint8Array, shared: Uint8Array): Uint8Array {
  return prf(suite, hash, concat(nonceI, nonceR), shared);
}

/** SKEYSEED of a rekeyed IKE SA: prf of the old SA(SK_d of the old SA, g^ir | Ni | Nr) (RFC 7296 §2.18). */
export function skeyseedRekey(
  suite: CryptoSuite, oldHash: HashName, oldSkD: Uint8Array, shared: Uint8Array, nonceI: Uint8Array, nonceR: Uint8Array,
): Uint8Array {
  return prf(suite, oldHash, oldSkD, shared, nonceI, nonceR);
}

/** Keys of one IKE SA. `i` and `r` are its original initiator and responder; `skE*` end with the salt if there is one. */
export interface IkeKeys {
  readonly skD: Uint8Array;
  readonly skAi: Uint8Array;
  readonly skAr: Uint8Array;
  readonly skEi: Uint8Array;
  readonly skEr: Uint8Array;
  readonly skPi: Uint8Array;
  readonly skPr: Uint8Array;
}

/** Cuts consecutive keys of the given sizes into arrays of their own, then wipes the stream. */
function cut(stream: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  let at = 0;
  const keys = sizes.map((size) => stream.slice(at, (at += size)));
  wipe(stream);
  return keys;
}

const NO_KEY = new Uint8Array(0);

/**
 * The seven keys of an IKE SA (RFC 7296 §2.14).
 * @param encrOctets octets of one SK_e, salt included (RFC 5282 §7.1). @param integOctets 0 with AEAD.
 */
export function ikeKeys(
  suite: CryptoSuite, hash: HashName, seed: Uint8Array, nonceI: Uint8Array, nonceR: Uint8Array, spiI: bigint, spiR: bigint,
  encrOctets: number, integOctets: number,
): IkeKeys {
  const prfOctets = prfKeyOctets(hash);
  const spis = new ByteWriter(16).u64(spiI).u64(spiR).finish();
  const sizes = [prfOctets, integOctets, integOctets, encrOctets, encrOctets, prfOctets, prfOctets];
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const keys = cut(prfPlus(suite, hash, seed, concat(nonceI, nonceR, spis), total), sizes);
  const [skD = NO_KEY, skAi = NO_KEY, skAr = NO_KEY, skEi = NO_KEY, skEr = NO_KEY, skPi = NO_KEY, skPr = NO_KEY] = keys;
  return { skD, skAi, skAr, skEi, skEr, skPi, skPr };
}

/** Overwrites the keys of an IKE SA that has ended. */
export function wipeIkeKeys(keys: IkeKeys): void {
  wipe(keys.skD, keys.skAi, keys.skAr, keys.skEi, keys.skEr, keys.skPi, keys.skPr);
}

/** Keys of one pair of Child SAs. `i` is the initiator of the exchange that made them; `encr*` end with the salt. */
export interface ChildKeys {
  readonly encrI: Uint8Array;
  readonly integI: Uint8Array;
  readonly encrR: Uint8Array;
  readonly integR: Uint8Array;
}

/**
 * KEYMAT of a pair of Child SAs (RFC 7296 §2.17).
 * @param shared g^ir of a CREATE_CHILD_SA with KE, else undefined. @param encrOctets salt included.
 * @param integOctets 0 with AEAD.
 */
export function childKeys(
  suite: CryptoSuite, hash: HashName, skD: Uint8Array, nonceI: Uint8Array, nonceR: Uint8Array, shared: Uint8Array | undefined,
  encrOctets: number, integOctets: number,
): ChildKeys {
  const seed = concat(shared ?? NO_KEY, nonceI, nonceR);
  const sizes = [encrOctets, integOctets, encrOctets, integOctets];
  const keys = cut(prfPlus(suite, hash, skD, seed, 2 * (encrOctets + integOctets)), sizes);
  wipe(seed);
  const [encrI = NO_KEY, integI = NO_KEY, encrR = NO_KEY, integR = NO_KEY] = keys;
  return { encrI, integI, encrR, integR };
}

/** Preferred key size in octets of the HMAC PRF with this hash: its output (RFC 7296 §2.13). */
export function prfKeyOctets(hash: HashName): number {
  return { sha1: 20, sha256: 32, sha384: 48, sha512: 64 }[hash];
}

/**
 * The octets one side signs or MACs (RFC 7296 §2.15).
 * @param message its IKE_SA_INIT message as last sent, without marker. @param peerNonce the other side's nonce data.
 * @param skP its SK_p. @param idBody its ID payload without generic header, as sent.
 */
export function authOctets(
  suite: CryptoSuite, hash: HashName, message: Uint8Array, peerNonce: Uint8Array, skP: Uint8Array, idBody: Uint8Array,
): Uint8Array {
  return concat(message, peerNonce, prf(suite, hash, skP, idBody));
}

/** AUTH data of a shared secret: prf(prf(secret, "Key Pad for IKEv2"), octets) (RFC 7296 §2.15). */
export function pskAuth(suite: CryptoSuite, hash: HashName, psk: Uint8Array, octets: Uint8Array): Uint8Array {
  const key = prf(suite, hash, psk, toUtf8('Key Pad for IKEv2'));
  const auth = prf(suite, hash, key, octets);
  wipe(key);
  return auth;
}
