import type { EspOverhead } from '../kernel/index.ts';

/** What the outbound SAs add to a packet: a hub has thousands of SAs, of four kinds. The last kind stays when its last SA goes: the next will be like it. */
export class Overheads {
  readonly #kindOf = new Map<number, number>();
  readonly #kinds = new Map<number, { readonly overhead: EspOverhead; count: number }>();

  get kinds(): EspOverhead[] {
    return [...this.#kinds.values()].map((kind) => kind.overhead);
  }

  /** True when the kinds changed. */
  add(handle: number, overhead: EspOverhead): boolean {
    const key = overhead.iv * 1000 + overhead.icv;
    const known = this.#kinds.get(key);
    this.#kindOf.set(handle, key);
    if (known) known.count++;
    else this.#kinds.set(key, { overhead, count: 1 });
    const cleaned = this.#clean(key);
    return !known || cleaned;
  }

  /** True when the kinds changed. */
  remove(handle: number): boolean {
    const key = this.#kindOf.get(handle);
    const kind = key === undefined ? undefined : this.#kinds.get(key);
    if (!kind) return false;
    this.#kindOf.delete(handle);
    kind.count--;
    return this.#clean(undefined);
  }

  /** Forgets kinds without an SA, but the last. */
  #clean(keep: number | undefined): boolean {
    let changed = false;
    for (const [key, { count }] of this.#kinds) {
      if (count > 0 || key === keep || this.#kinds.size === 1) continue;
      this.#kinds.delete(key);
      changed = true;
    }
    return changed;
  }
}
