/** A first-in first-out queue with a bound; when full, the oldest entry is dropped and counted. */
export class BoundedQueue<T> {
  #items: T[] = [];
  readonly #most: number;
  #dropped = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get length(): number {
    return this.#items.length;
  }

  /** How many entries were dropped since the last `takeDropped`. */
  get dropped(): number {
    return this.#dropped;
  }

  takeDropped(): number {
    const count = this.#dropped;
    this.#dropped = 0;
    return count;
  }

  push(item: T): void {
    this.#items.push(item);
    if (this.#items.length > this.#most) {
      this.#items.shift();
      this.#dropped++;
    }
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  shift(): T | undefined {
    return this.#items.shift();
  }

  items(): readonly T[] {
    return this.#items;
  }

  clear(): void {
    this.#items = [];
  }
}
