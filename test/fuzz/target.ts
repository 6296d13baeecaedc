import type { Prng } from '../sim/prng.ts';

/** Something that takes foreign octets. Run it by `make fuzz`; its corpus is replayed, and parsers get a million inputs, in `make test`. */
export interface Target {
  /** Also the name of its files in `corpus/` and `regressions/`. */
  readonly name: string;
  /** Whole inputs to start from: goldens, and what our own encoder makes. */
  readonly seeds: () => readonly Uint8Array[];
  /** Throws when a property does not hold. The array must not be kept or changed. */
  readonly run: (input: Uint8Array) => void;
  /** Inputs longer than this are cut, octets. */
  readonly most: number;
  /** Quick enough for a million inputs in a test. */
  readonly parser: boolean;
  /** The same where a million inputs must be quick; default `most`. */
  readonly short?: number;
  /** A change that knows the format, used for a part of the inputs; changes `input` in place. */
  readonly repair?: (prng: Prng, input: Uint8Array) => void;
}
