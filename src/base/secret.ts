/** Key material or a password. Printing, JSON and string conversion show `<secret>` and nothing else. */
export class Secret {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The octets themselves; the caller must not keep or print them. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** Overwrites the octets with zeros. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return '<secret>';
  }

  toJSON(): string {
    return '<secret>';
  }
}
