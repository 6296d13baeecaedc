import { after, concat, ipFamily, type Instant, type Path } from '../base/index.ts';
import { decodeChain, encodePayloads, type DecodedChain, type Payload } from '../codec/ike/index.ts';
import { FRAGMENT_PACKET, FRAGMENT_PACKET_LEAST, FRAGMENT_TIME, FRAGMENTS_MOST, MESSAGE_MOST } from './constants.ts';
import type { OpenedFragment, SealHeader, SkProtection } from './seal.ts';

/*
 * RFC 7383. A message that is larger than its limit is cut as plaintext, each piece sealed by itself; the receiver checks the ICV of a
 * piece before it keeps it, so that only the peer can make us keep anything.
 */

const UDP_AND_MARKER_OCTETS = 12;

/** Octets of IKE message, without marker, that one packet of `packet` octets carries on this path. */
export function messageRoom(path: Path, packet: number): number {
  return packet - (ipFamily(path.remote.address) === 6 ? 40 : 20) - UDP_AND_MARKER_OCTETS;
}

/** The usual limit of a message on a path, in octets (FR2.5.1-1). */
export const messageLimit = (path: Path): number => messageRoom(path, FRAGMENT_PACKET);

/** The limit where larger ones got no answer: every IPv6 link carries 1280 octets, an IPv4 host takes 576 (FR2.5.1-1). */
export const leastLimit = (path: Path): number => messageRoom(path, ipFamily(path.remote.address) === 6 ? FRAGMENT_PACKET : FRAGMENT_PACKET_LEAST);

/** Seals a message as one SK, or as SKF pieces when it exceeds `limit` octets (FR2.4-1, FR2.5-1); undefined: never pieces. */
export function sealWithin(protection: SkProtection, header: SealHeader, payloads: readonly Payload[], limit: number | undefined): Uint8Array[] {
  const { first, bytes } = encodePayloads(payloads);
  const room = limit === undefined || protection.sealedLength(bytes.length) <= limit ? 0 : protection.fragmentRoom(limit);
  const total = room <= 0 ? 1 : Math.ceil(bytes.length / room);
  // More pieces than a receiver has to take are no way out: then IP may cut it.
  if (total < 2 || total > FRAGMENTS_MOST) return [protection.sealEncoded(header, first, bytes)];
  return Array.from({ length: total }, (_, i) =>
    protection.sealFragment(header, { number: i + 1, total, firstInner: i === 0 ? first : 0 }, bytes.subarray(i * room, (i + 1) * room)));
}

/** The pieces of one message of the peer; one queue per direction and SA (FR2.6-5). */
export class Reassembly {
  #messageId = -1;
  #total = 0;
  #octets = 0;
  #expires: Instant | undefined;
  #largest = 0;
  #pieces = new Map<number, OpenedFragment>();

  /** Octets of the largest fragment of the message that was completed last, as a hint for the answer (FR2.5.1-1). */
  get largest(): number {
    return this.#largest;
  }

  /** Whether this piece is worth opening: its place is possible and it is not there yet (FR2.6-1). */
  wants(messageId: number, number: number, total: number, now: Instant): boolean {
    if (number < 1 || number > total || total > FRAGMENTS_MOST) return false;
    if (messageId !== this.#messageId || this.#expires === undefined || now >= this.#expires) return true;
    return total > this.#total || (total === this.#total && !this.#pieces.has(number));
  }

  /** Takes a piece whose ICV was right; returns the payloads once all are there. */
  take(messageId: number, piece: OpenedFragment, octets: number, now: Instant): DecodedChain | undefined {
    if (!this.wants(messageId, piece.number, piece.total, now)) return undefined;
    // FR2.6-3: what took too long is forgotten silently; FR2.6-1: a larger total means that the sender cut the message anew.
    if (messageId !== this.#messageId || piece.total > this.#total || this.#expires === undefined || now >= this.#expires) {
      this.clear();
      this.#messageId = messageId;
      this.#total = piece.total;
      this.#largest = 0;
      this.#expires = after(now, FRAGMENT_TIME);
    }
    if (this.#octets + piece.plaintext.length > MESSAGE_MOST) {
      this.clear();
      return undefined;
    }
    this.#octets += piece.plaintext.length;
    this.#largest = Math.max(this.#largest, octets);
    this.#pieces.set(piece.number, piece);
    if (this.#pieces.size < this.#total) return undefined;
    const inOrder = Array.from({ length: this.#total }, (_, i) => this.#pieces.get(i + 1)?.plaintext ?? new Uint8Array());
    const text = concat(...inOrder);
    const first = this.#pieces.get(1)?.firstInner ?? 0;
    this.clear();
    return decodeChain(first, text, 0, text.length);
  }

  clear(): void {
    this.#pieces.clear();
    this.#messageId = -1;
    this.#total = 0;
    this.#octets = 0;
    this.#expires = undefined;
  }
}
