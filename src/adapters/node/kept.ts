import { invariant } from '../../base/index.ts';

/** A plain copy: a Buffer may be a window on Node's pool, and its `slice` does not copy. */
export const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

/** Guards the key of an object that can be wiped: using it afterwards is a bug of ours. */
export class Kept<T> {
  #value: T | undefined;

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    invariant(this.#value !== undefined, 'a wiped key is not used');
    return this.#value;
  }

  drop(): void {
    this.#value = undefined;
  }
}
