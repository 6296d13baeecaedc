import { HEADER_LENGTH, MAX_BLOB } from './message.ts';

/** A forwarded message may be longer than what its sender may send, by the USER and GROUP that ubusd adds. */
const MAX_FRAME = HEADER_LENGTH + MAX_BLOB + 1024;
const START = HEADER_LENGTH + 4;

/**
 * Cuts a stream into frames; chunks may end anywhere. It holds at most one frame (1 MiB). A length no ubusd sends makes
 * it `failed` for good: there is no way to find the next frame, so the connection must be closed.
 */
export class FrameReader {
  readonly #start = new Uint8Array(START);
  #frame: Uint8Array = this.#start;
  #have = 0;
  #failed = false;

  get failed(): boolean {
    return this.#failed;
  }

  /** Octets of an unfinished frame. */
  get buffered(): number {
    return this.#have;
  }

  /** Takes a chunk and returns the frames it completes, each a copy of its own. */
  feed(chunk: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    let at = 0;
    while (at < chunk.length && !this.#failed) {
      const take = Math.min(this.#frame.length - this.#have, chunk.length - at);
      this.#frame.set(chunk.subarray(at, at + take), this.#have);
      this.#have += take;
      at += take;
      if (this.#have === this.#frame.length && this.#frame === this.#start) this.#measure();
      if (this.#have === this.#frame.length && this.#frame !== this.#start) {
        frames.push(this.#frame);
        this.#frame = this.#start;
        this.#have = 0;
      }
    }
    return frames;
  }

  #measure(): void {
    const start = this.#start;
    const blob = ((start[9] ?? 0) << 16) | ((start[10] ?? 0) << 8) | (start[11] ?? 0);
    const total = HEADER_LENGTH + blob;
    if (blob < 4 || total > MAX_FRAME) {
      this.#failed = true;
      return;
    }
    const frame = new Uint8Array(total);
    frame.set(start);
    this.#frame = frame;
  }
}
