import type { Entropy } from '../../src/ports/index.ts';

/** A seeded generator (sfc32 over a hash of the seed's text): the same seed gives the same draws on every engine. */
export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number | string) {
    // FNV-1a with three starts; sfc32's first rounds are thrown away.
    const hash = (start: number): number => {
      let h = start;
      for (const char of String(seed)) h = Math.imul(h ^ (char.codePointAt(0) ?? 0), 0x01000193);
      return h >>> 0;
    };
    this.#a = hash(0x811c9dc5);
    this.#b = hash(0x9e3779b9);
    this.#c = hash(0x6a09e667);
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** Uniform in 0..2^32-1. */
  u32(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t | 0;
    return t >>> 0;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.u32() / 0x1_0000_0000;
  }

  /** A whole number in `from..to`, both included. */
  range(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return probability > 0 && this.unit() < probability;
  }

  pick<T>(all: readonly T[]): T {
    const one = all[this.range(0, all.length - 1)];
    if (one === undefined) throw new Error('nothing to pick from');
    return one;
  }

  bytes(count: number): Uint8Array {
    const out = new Uint8Array(count);
    for (let i = 0; i < count; i++) out[i] = this.u32() >>> 13;
    return out;
  }
}

/** The platform's randomness in a simulation: one stream per label, so that a new draw for one purpose shifts no other. */
export class SimEntropy implements Entropy {
  readonly #seed: string;
  readonly #streams = new Map<string, Prng>();

  constructor(seed: number | string) {
    this.#seed = String(seed);
  }

  bytes(count: number, label: string): Uint8Array {
    let stream = this.#streams.get(label);
    if (!stream) {
      stream = new Prng(`${this.#seed}|${label}`);
      this.#streams.set(label, stream);
    }
    return stream.bytes(count);
  }
}
