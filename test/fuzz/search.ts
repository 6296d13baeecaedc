// The search: an input that makes the code do something it has not done before (a branch, or a branch many more times) is kept and
// changed further. What "something" is, counters say that instrument.mjs put into the code.
import type { Prng } from '../sim/prng.ts';
import { mutate, pairsOf, type Pair } from './mutate.ts';
import type { Target } from './target.ts';

/** What the code tells while an input runs. */
export interface Coverage {
  readonly counters: Uint32Array;
  /** Tells the operands of every comparison that does not hold, until called without a function. */
  readonly trace: (see: ((a: unknown, b: unknown) => void) | undefined) => void;
}

interface Entry {
  readonly input: Uint8Array;
  /** What it was the first to show. */
  readonly features: readonly number[];
  pairs: readonly Pair[] | undefined;
  readonly fromSeed: boolean;
}

/** An input and the error it caused. */
export interface Fault {
  readonly input: Uint8Array;
  readonly why: string;
}

const BUCKETS = 8;
/** Comparisons remembered for one input. */
const PAIRS_MOST = 400;

/** 1, 2, 3, 4..7, 8..15, 16..31, 32..127 and more are different; 8 and 9 times round a loop are the same. */
function bucketOf(count: number): number {
  if (count < 4) return count - 1;
  if (count < 8) return 3;
  if (count < 16) return 4;
  if (count < 32) return 5;
  return count < 128 ? 6 : 7;
}

export class Search {
  readonly #target: Target;
  readonly #coverage: Coverage;
  readonly #prng: Prng;
  readonly #words: readonly Uint8Array[];
  readonly #known: Uint8Array;
  readonly #entries: Entry[] = [];
  readonly #pool: Uint8Array[] = [];
  readonly #faults = new Map<string, Fault>();
  runs = 0;
  /** Told before each run: a run that never ends can then be named by who watches. */
  before: (input: Uint8Array) => void = () => {};

  constructor(target: Target, coverage: Coverage, words: readonly Uint8Array[], prng: Prng) {
    this.#target = target;
    this.#coverage = coverage;
    this.#words = words;
    this.#prng = prng;
    this.#known = new Uint8Array(coverage.counters.length * BUCKETS);
  }

  get faults(): readonly Fault[] {
    return [...this.#faults.values()];
  }

  get kept(): number {
    return this.#entries.length;
  }

  /** Different things seen. */
  get features(): number {
    return this.#known.reduce((sum, seen) => sum + seen, 0);
  }

  #run(input: Uint8Array): void {
    this.#coverage.counters.fill(0);
    this.before(input);
    this.runs++;
    try {
      this.#target.run(input);
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      // One of each kind: the message without its numbers and the place where it happened.
      const kind = why.split('\n').slice(0, 3).join(' ').replaceAll(/[0-9a-f]{2,}|\d/g, '');
      const old = this.#faults.get(kind);
      if (this.#faults.size < 20 && (old === undefined || old.input.length > input.length)) this.#faults.set(kind, { input: input.slice(), why });
    }
  }

  /** Features of the last run that were never seen. */
  #fresh(): number[] {
    const { counters } = this.#coverage;
    const out: number[] = [];
    for (let i = 0; i < counters.length; i++) {
      const count = counters[i] ?? 0;
      if (count === 0) continue;
      const feature = i * BUCKETS + bucketOf(count);
      if (this.#known[feature] === 0) out.push(feature);
    }
    return out;
  }

  /** Runs an input and keeps it when it shows something new. */
  try(input: Uint8Array, fromSeed = false): boolean {
    this.#run(input);
    const features = this.#fresh();
    if (features.length === 0) return false;
    for (const feature of features) this.#known[feature] = 1;
    this.#entries.push({ input, features, pairs: undefined, fromSeed });
    this.#pool.push(input);
    return true;
  }

  #pairs(entry: Entry): readonly Pair[] {
    if (entry.pairs) return entry.pairs;
    const pairs: Pair[] = [];
    this.#coverage.trace((a, b) => {
      if (pairs.length < PAIRS_MOST) pairs.push(...pairsOf(a, b), ...pairsOf(b, a));
    });
    this.#run(entry.input);
    this.#coverage.trace(undefined);
    entry.pairs = pairs;
    return pairs;
  }

  /** One new input. */
  step(): void {
    const count = this.#entries.length;
    const newest = Math.max(1, count >> 3);
    const entry = this.#entries[this.#prng.chance(0.4) ? count - this.#prng.range(1, newest) : this.#prng.range(0, count - 1)];
    const input = mutate(this.#prng, entry?.input ?? new Uint8Array(), { pool: this.#pool, words: this.#words, pairs: entry ? this.#pairs(entry) : [] }, this.#target.most);
    if (this.#target.repair && this.#prng.chance(0.5)) this.#target.repair(this.#prng, input);
    this.try(input);
  }

  #shows(input: Uint8Array, features: readonly number[]): boolean {
    this.#run(input);
    return features.every((feature) => bucketOf(this.#coverage.counters[Math.floor(feature / BUCKETS)] ?? 0) === feature % BUCKETS && this.#coverage.counters[Math.floor(feature / BUCKETS)] !== 0);
  }

  /** What is worth keeping in the tree: inputs that are no seeds, as short as they can be made within the time, the shortest first. */
  harvest(more: () => boolean): Uint8Array[] {
    const made = this.#entries.filter((entry) => !entry.fromSeed).map((entry) => {
      let { input } = entry;
      for (let span = input.length >> 1; span > 0 && more(); span >>= 1) {
        for (let at = 0; at + span <= input.length && more(); ) {
          const shorter = new Uint8Array(input.length - span);
          shorter.set(input.subarray(0, at));
          shorter.set(input.subarray(at + span), at);
          if (this.#shows(shorter, entry.features)) input = shorter;
          else at += span;
        }
      }
      return { input, features: entry.features };
    });
    // Shortened inputs may show what longer ones showed: the shortest that show something new, in that order.
    const seen = new Set<number>(this.#entries.filter((entry) => entry.fromSeed).flatMap((entry) => entry.features));
    const wanted = new Set(made.flatMap((entry) => entry.features));
    return made.sort((a, b) => a.input.length - b.input.length).filter(({ input }) => {
      this.#run(input);
      let fresh = false;
      this.#coverage.counters.forEach((count, i) => {
        const feature = i * BUCKETS + bucketOf(count);
        if (count === 0 || seen.has(feature) || !wanted.has(feature)) return;
        seen.add(feature);
        fresh = true;
      });
      return fresh;
    }).map(({ input }) => input);
  }
}
