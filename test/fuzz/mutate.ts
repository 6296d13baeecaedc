import { toUtf8 } from '../../src/base/index.ts';
import type { Prng } from '../sim/prng.ts';

/** Two values that were compared and were not equal: octets of one in an input may better be those of the other. */
export interface Pair {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** What the mutator may draw from. */
export interface Material {
  /** Other inputs, to splice with. */
  readonly pool: readonly Uint8Array[];
  /** Octets that mean something to the code. */
  readonly words: readonly Uint8Array[];
  /** Comparisons seen with the input that is to be changed. */
  readonly pairs: readonly Pair[];
}

const EDGES = [0, 1, 2, 3, 4, 7, 8, 16, 32, 33, 40, 46, 53, 63, 64, 127, 128, 255] as const;
const WIDTHS = [1, 2, 4, 8] as const;

/** A number in every form it may have in an input: 1, 2, 4 octets, either order. */
export function formsOf(value: number): Uint8Array[] {
  const out: Uint8Array[] = [];
  if (value >= 0 && value < 256) out.push(Uint8Array.of(value));
  if (value > -0x8000 && value < 0x1_0000) out.push(Uint8Array.of(value >> 8, value), Uint8Array.of(value, value >> 8));
  out.push(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value), Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24));
  return out;
}

/** Words of a dictionary for numbers and texts that stand in code. */
export function wordsOf(literals: readonly (number | string)[]): Uint8Array[] {
  return literals.flatMap((literal) => {
    if (typeof literal === 'string') return [toUtf8(literal)];
    return Number.isInteger(literal) && Math.abs(literal) < 2 ** 32 ? formsOf(literal).slice(0, 2) : [];
  });
}

/** Pairs for one comparison, in every width that both values have. */
export function pairsOf(a: unknown, b: unknown): Pair[] {
  if (typeof a === 'string' && typeof b === 'string') return a.length > 0 && a.length < 64 && b.length < 64 ? [{ from: toUtf8(a), to: toUtf8(b) }] : [];
  if (typeof a !== 'number' || typeof b !== 'number' || !Number.isInteger(a) || !Number.isInteger(b) || Math.abs(a) >= 2 ** 32 || Math.abs(b) >= 2 ** 32) return [];
  const [from, to] = [formsOf(a), formsOf(b)];
  return from.flatMap((left) => to.filter((right) => right.length === left.length).slice(0, 1).map((right) => ({ from: left, to: right })));
}

function cut(input: Uint8Array, from: number, to: number, put: Uint8Array): Uint8Array {
  const out = new Uint8Array(input.length - (to - from) + put.length);
  out.set(input.subarray(0, from));
  out.set(put, from);
  out.set(input.subarray(to), from + put.length);
  return out;
}

/** Where `what` stands in the input, from a random place on and round; -1 when nowhere. */
function find(prng: Prng, input: Uint8Array, what: Uint8Array): number {
  const most = input.length - what.length;
  if (most < 0 || what.length === 0) return -1;
  const start = prng.range(0, most);
  for (let step = 0; step <= most; step++) {
    const at = (start + step) % (most + 1);
    if (what.every((octet, i) => input[at + i] === octet)) return at;
  }
  return -1;
}

function change(prng: Prng, input: Uint8Array, { pool, words, pairs }: Material): Uint8Array {
  const at = input.length === 0 ? 0 : prng.range(0, input.length - 1);
  const span = Math.min(input.length - at, prng.pick([1, 2, 4, 8, prng.range(1, 64)]));
  switch (input.length === 0 ? prng.range(6, 8) : prng.range(0, 11)) {
    case 0:
      input[at] = (input[at] ?? 0) ^ (1 << prng.range(0, 7));
      return input;
    case 1:
      input[at] = prng.pick(EDGES);
      return input;
    case 2:
      input[at] = prng.range(0, 255);
      return input;
    case 3: { // a number a little larger or smaller
      const width = prng.pick(WIDTHS);
      if (at + width > input.length) return input;
      let carry = prng.range(-8, 8);
      for (let i = at + width - 1; i >= at; i--) {
        const sum = (input[i] ?? 0) + carry;
        input[i] = sum;
        carry = sum >> 8;
      }
      return input;
    }
    case 4:
      return cut(input, at, at + span, new Uint8Array());
    case 5: // doubled
      return cut(input, at, at, input.slice(at, at + span));
    case 6:
      return cut(input, at, at, prng.bytes(prng.range(1, 8)));
    case 7: {
      const word = words.length > 0 ? prng.pick(words) : Uint8Array.of(0);
      return cut(input, at, prng.chance(0.6) ? Math.min(input.length, at + word.length) : at, word);
    }
    case 8: { // the end of this one becomes the end of another
      const other = pool.length > 0 ? prng.pick(pool) : input;
      const from = other.length === 0 ? 0 : prng.range(0, other.length - 1);
      return prng.chance(0.5) ? cut(input, at, input.length, other.slice(from)) : cut(input, at, Math.min(input.length, at + span), other.slice(from, from + prng.range(1, 64)));
    }
    case 9: // a run of equal octets
      return input.fill(prng.chance(0.5) ? 0 : 255, at, at + span);
    default: {
      if (pairs.length === 0) return input;
      const { from, to } = prng.pick(pairs);
      const place = find(prng, input, from);
      return place < 0 ? input : cut(input, place, place + from.length, to);
    }
  }
}

/** A changed copy of `input`, at most `most` octets. */
export function mutate(prng: Prng, input: Uint8Array, material: Material, most: number): Uint8Array {
  let out: Uint8Array = input.slice();
  for (let count = 1 << prng.range(0, 4); count > 0; count--) {
    out = change(prng, out, material);
    if (out.length > most) out = out.slice(0, most);
    if (prng.chance(0.2)) break;
  }
  return out;
}
