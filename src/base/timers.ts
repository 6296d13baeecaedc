import type { Instant } from './brand.ts';

/** Named deadlines of one state machine. There is one host timer in the process; this table only says when. */
export class TimerTable<Name extends string> {
  readonly #at = new Map<Name, Instant>();
  readonly #changed: (() => void) | undefined;

  /** @param changed called whenever `next` may be another. */
  constructor(changed?: () => void) {
    this.#changed = changed;
  }

  set(name: Name, at: Instant): void {
    if (this.#at.get(name) === at) return;
    this.#at.set(name, at);
    this.#changed?.();
  }

  /** Sets the timer only when it is not running or would fire later. */
  setIfEarlier(name: Name, at: Instant): void {
    const old = this.#at.get(name);
    if (old === undefined || at < old) this.set(name, at);
  }

  clear(name: Name): void {
    if (this.#at.delete(name)) this.#changed?.();
  }

  clearAll(): void {
    this.#at.clear();
    this.#changed?.();
  }

  get(name: Name): Instant | undefined {
    return this.#at.get(name);
  }

  has(name: Name): boolean {
    return this.#at.has(name);
  }

  /** The earliest deadline. */
  next(): Instant | undefined {
    let best: Instant | undefined;
    for (const at of this.#at.values()) if (best === undefined || at < best) best = at;
    return best;
  }

  /** Removes and returns the names that are due, earliest first. Early and repeated ticks return nothing. */
  takeDue(now: Instant): Name[] {
    const due: [Name, Instant][] = [];
    for (const [name, at] of this.#at) if (at <= now) due.push([name, at]);
    due.sort((a, b) => a[1] - b[1]);
    for (const [name] of due) this.clear(name);
    return due.map(([name]) => name);
  }
}
