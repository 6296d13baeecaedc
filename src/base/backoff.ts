import { millis, type Millis } from './brand.ts';

export interface BackoffShape {
  readonly first: Millis;
  readonly factor: number;
  readonly most: Millis;
  /** Fraction by which a delay may differ up or down, 0..1. */
  readonly jitter: number;
}

/**
 * Growing delays with jitter.
 * @param random a number in [0, 1) drawn by the caller; the delay is spread evenly over `1 ± jitter`.
 */
export class Backoff {
  readonly #shape: BackoffShape;
  #tries = 0;

  constructor(shape: BackoffShape) {
    this.#shape = shape;
  }

  get tries(): number {
    return this.#tries;
  }

  next(random: number): Millis {
    const { first, factor, most, jitter } = this.#shape;
    const base = Math.min(first * factor ** this.#tries, most);
    this.#tries++;
    return millis(base * (1 - jitter + 2 * jitter * random));
  }

  reset(): void {
    this.#tries = 0;
  }
}
