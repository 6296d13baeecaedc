import { compareBytes } from '../base/index.ts';

/**
 * RFC 7296 §2.8.1, §2.8.2: both sides rekeyed the same SA, and two new ones stand. The one made with the lowest of the four nonces is
 * redundant: who started its exchange deletes it, and who started the other's deletes the SA that was rekeyed.
 */

/** The lower nonce of one exchange; octet by octet, and of two where one begins the other the shorter. */
export function lowerNonce(ni: Uint8Array, nr: Uint8Array): Uint8Array {
  return compareBytes(ni, nr) <= 0 ? ni : nr;
}

/** The exchange that we started holds the lowest of the four nonces. */
export function oursIsRedundant(ours: readonly [Uint8Array, Uint8Array], theirs: readonly [Uint8Array, Uint8Array]): boolean {
  return compareBytes(lowerNonce(...ours), lowerNonce(...theirs)) < 0;
}
