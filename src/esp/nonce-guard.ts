/**
 * Watches that no key meets a nonce twice (RFC 4106 §3.1): under one key and salt the IVs must grow strictly. Shared by
 * all planes of a simulation, so that an SA installed twice, or at both ends with one key, is seen too.
 */
export class NonceGuard {
  readonly #last = new Map<string, number>();

  /** Throws (a bug) when `sequence` is not above every earlier one of this key. `key` is key | salt. */
  use(key: Uint8Array, sequence: number): void {
    const id = Array.from(key).join(',');
    const last = this.#last.get(id);
    if (last !== undefined && sequence <= last) throw new Error(`nonce used twice: sequence ${sequence} after ${last}`);
    this.#last.set(id, sequence);
  }
}
