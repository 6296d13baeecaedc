/** Sequence numbers the receiver remembers below the highest one seen (RFC 4303 §3.4.3: at least 32). */
export const REPLAY_WINDOW = 1024;

const WRAP = 0x1_0000_0000;

/**
 * Anti-replay window of one inbound SA, RFC 4303 §3.4.3 and appendix A2. Sequence numbers are plain numbers: exact up
 * to 2^53, which no SA reaches. Bits live in a ring indexed by sequence modulo the window.
 */
export class ReplayWindow {
  readonly #bits = new Uint8Array(REPLAY_WINDOW);
  readonly #esn: boolean;
  #top = 0;

  constructor(esn: boolean) {
    this.#esn = esn;
  }

  /** Highest sequence number accepted; 0 before the first. */
  get top(): number {
    return this.#top;
  }

  /** The full sequence number behind the 32 bits on the wire, or undefined when it could only be an old one of before the start. */
  extend(low: number): number | undefined {
    if (!this.#esn) return low;
    const topLow = this.#top % WRAP;
    const topHigh = (this.#top - topLow) / WRAP;
    const bottom = topLow - REPLAY_WINDOW + 1;
    if (bottom >= 0) return (low >= bottom ? topHigh : topHigh + 1) * WRAP + low; // RFC 4303 appendix A2.1, case A
    if (low < bottom + WRAP) return topHigh * WRAP + low; // case B: the window spans two subspaces
    return topHigh === 0 ? undefined : (topHigh - 1) * WRAP + low;
  }

  /** True when the number was not seen and is not too old. Says nothing of authenticity. */
  check(sequence: number): boolean {
    if (sequence === 0) return false;
    if (sequence > this.#top) return true;
    if (sequence + REPLAY_WINDOW <= this.#top) return false;
    return this.#bits[sequence % REPLAY_WINDOW] === 0;
  }

  /** Marks the number as seen; only after the ICV was right. */
  accept(sequence: number): void {
    if (sequence > this.#top) {
      if (sequence - this.#top >= REPLAY_WINDOW) this.#bits.fill(0);
      else for (let at = this.#top + 1; at < sequence; at++) this.#bits[at % REPLAY_WINDOW] = 0;
      this.#top = sequence;
    }
    this.#bits[sequence % REPLAY_WINDOW] = 1;
  }

  /** Moves the window up as if `sequence` had been received; never down. For tests at the edges. */
  skipTo(sequence: number): void {
    if (sequence > this.#top) this.accept(sequence);
  }
}
