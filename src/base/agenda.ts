import type { Instant } from './brand.ts';

interface Entry<T> {
  readonly item: T;
  readonly at: Instant;
}

/**
 * Which of many state machines wants to be ticked next. Whoever changes one says so (`touch`); its deadline is asked for only then, so
 * that a call costs the logarithm of how many there are, and not their number. A binary heap; what is out of date is thrown away when it
 * comes up, and the heap is made anew when most of it is.
 */
export class Agenda<T> {
  readonly #deadlineOf: (item: T) => Instant | undefined;
  readonly #current = new Map<T, Entry<T>>();
  readonly #touched = new Set<T>();
  #heap: Entry<T>[] = [];

  constructor(deadlineOf: (item: T) => Instant | undefined) {
    this.#deadlineOf = deadlineOf;
  }

  /** The item's deadline may be another now. */
  touch(item: T): void {
    this.#touched.add(item);
  }

  delete(item: T): void {
    this.#touched.delete(item);
    this.#current.delete(item);
  }

  /** The earliest deadline of all. */
  next(): Instant | undefined {
    this.#settle();
    return this.#heap[0]?.at;
  }

  /** The items whose deadline has come, earliest first; each must be touched by what is done about it. */
  due(now: Instant): T[] {
    const out: T[] = [];
    for (this.#settle(); this.#heap[0] !== undefined && this.#heap[0].at <= now; this.#dropStale()) {
      const { item } = this.#heap[0];
      this.#pop();
      this.#current.delete(item);
      this.#touched.add(item);
      out.push(item);
    }
    return out;
  }

  #settle(): void {
    for (const item of this.#touched) {
      const at = this.#deadlineOf(item);
      const known = this.#current.get(item);
      if (known?.at === at) continue;
      if (at === undefined) this.#current.delete(item);
      else {
        const entry = { item, at };
        this.#current.set(item, entry);
        this.#push(entry);
      }
    }
    this.#touched.clear();
    if (this.#heap.length > 2 * this.#current.size + 16) this.#rebuild();
    this.#dropStale();
  }

  #rebuild(): void {
    this.#heap = [...this.#current.values()].sort((a, b) => a.at - b.at); // a sorted array is a heap
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top !== undefined && this.#current.get(top.item) !== top; top = this.#heap[0]) this.#pop();
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || parent.at <= entry.at) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      if (a === undefined) break;
      const [child, index] = b !== undefined && b.at < a.at ? [b, left + 1] : [a, left];
      if (child.at >= last.at) break;
      heap[at] = child;
      at = index;
    }
    heap[at] = last;
  }
}
