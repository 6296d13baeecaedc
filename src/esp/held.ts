import type { Instant } from '../base/index.ts';

/** Datagrams held at one time; the oldest makes room. */
export const MAX_HELD = 64;
/** Octets of a datagram that is held; longer ones are not. */
export const MAX_HELD_OCTETS = 2048;
/** How long one is held, in ms: an answer that takes longer is repeated meanwhile. */
export const HELD_TIME = 2000;
/** SPIs below are reserved, so no SA will come for them (RFC 4303 §2.1). */
const LEAST_SPI = 256;

interface Held<T> {
  readonly spi: number;
  readonly at: Instant;
  readonly datagram: T;
}

/** The last datagrams of SPIs nobody knows, for SAs that may come (RFC 7296 §2.8): a ring of slots. Anybody can fill it; all they gain is its bound. */
export class HeldDatagrams<T extends { readonly bytes: Uint8Array }> {
  readonly #slots: (Held<T> | undefined)[] = Array.from({ length: MAX_HELD }, () => undefined);
  /** The oldest slot, the next to be filled. */
  #next = 0;

  /** Keeps a copy. */
  hold(spi: number, datagram: T, now: Instant): void {
    if (spi < LEAST_SPI || datagram.bytes.length > MAX_HELD_OCTETS) return;
    this.#slots[this.#next] = { spi, at: now, datagram: { ...datagram, bytes: datagram.bytes.slice() } };
    this.#next = (this.#next + 1) % MAX_HELD;
  }

  has(spi: number): boolean {
    return this.#slots.some((held) => held?.spi === spi);
  }

  /** Takes out what came under these SPIs, oldest first; what is too old goes too, and is not given. */
  take(known: (spi: number) => boolean, now: Instant): T[] {
    const taken: T[] = [];
    for (let i = 0; i < MAX_HELD; i++) {
      const at = (this.#next + i) % MAX_HELD;
      const held = this.#slots[at];
      if (held === undefined || !known(held.spi)) continue;
      this.#slots[at] = undefined;
      if (now - held.at <= HELD_TIME) taken.push(held.datagram);
    }
    return taken;
  }
}
