import type { SelectorRow } from './inner.ts';

interface Entry<T> {
  readonly item: T;
  /** Items added earlier come first. */
  readonly order: number;
}

/** Leading bits that start and end of the range have in common. */
function commonBits(row: SelectorRow): number {
  for (let i = 0; i < row.start.length; i++) {
    const differing = (row.start[i] ?? 0) ^ (row.end[i] ?? 0);
    if (differing !== 0) return i * 8 + Math.clz32(differing) - 24;
  }
  return row.start.length * 8;
}

/** The first `bits` bits of the address as a map key; its length tells the family. */
function prefixKey(address: Uint8Array, bits: number): string {
  let key = `${address.length}/`;
  for (let i = 0; i * 8 < bits; i++) {
    const octet = address[i] ?? 0;
    key += `${i * 8 + 8 <= bits ? octet : octet & (0xff00 >> (bits % 8))}.`;
  }
  return key;
}

/**
 * Which of many sets of selectors may hold an address, without looking at all of them: each row is filed under the prefix
 * that covers its range, prefixes of one length in one map, so that a question costs one look per length in use.
 */
export class SelectorIndex<T> {
  /** By octets of address, then by prefix length, then by prefix. */
  readonly #lengths = new Map<number, Map<number, Map<string, Entry<T>[]>>>();

  /** `order` is the item's rank among all; the same item is filed once at a time. */
  add(item: T, order: number, rows: readonly SelectorRow[]): void {
    for (const row of rows) {
      const width = row.start.length;
      const bits = commonBits(row);
      const lengths = this.#lengths.get(width) ?? new Map<number, Map<string, Entry<T>[]>>();
      const prefixes = lengths.get(bits) ?? new Map<string, Entry<T>[]>();
      const key = prefixKey(row.start, bits);
      const entries = prefixes.get(key) ?? [];
      this.#lengths.set(width, lengths);
      lengths.set(bits, prefixes);
      prefixes.set(key, entries);
      if (entries.some((entry) => entry.item === item)) continue; // the same range for another protocol
      const later = entries.findIndex((entry) => entry.order > order);
      entries.splice(later < 0 ? entries.length : later, 0, { item, order });
    }
  }

  /** Undoes `add` with the same rows. */
  remove(item: T, rows: readonly SelectorRow[]): void {
    for (const row of rows) {
      const lengths = this.#lengths.get(row.start.length);
      const bits = commonBits(row);
      const prefixes = lengths?.get(bits);
      const key = prefixKey(row.start, bits);
      const entries = prefixes?.get(key);
      const at = entries?.findIndex((entry) => entry.item === item) ?? -1;
      if (lengths === undefined || prefixes === undefined || entries === undefined || at < 0) continue;
      entries.splice(at, 1);
      if (entries.length === 0) prefixes.delete(key);
      if (prefixes.size === 0) lengths.delete(bits);
    }
  }

  /** The item of lowest order, filed under a prefix of the address, that `matches`. */
  find(address: Uint8Array, matches: (item: T) => boolean): T | undefined {
    let best: Entry<T> | undefined;
    for (const [bits, prefixes] of this.#lengths.get(address.length) ?? []) {
      for (const entry of prefixes.get(prefixKey(address, bits)) ?? []) {
        if (best !== undefined && entry.order >= best.order) break;
        if (!matches(entry.item)) continue;
        best = entry;
        break;
      }
    }
    return best?.item;
  }
}
