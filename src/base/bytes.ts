/**
 * Reads octets in order. A read past the end returns zeros (or an empty view) and sets `failed`; it never throws, so
 * that a codec checks once at the end instead of after every field.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  readonly #end: number;
  #failed = false;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = Math.min(end, bytes.length);
  }

  /** True once a read went past the end. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Offset of the next octet in the underlying array. */
  get offset(): number {
    return this.#at;
  }

  /** Octets left. */
  get left(): number {
    return this.#end - this.#at;
  }

  #take(count: number): number {
    if (count < 0 || this.#at + count > this.#end) {
      this.#failed = true;
      this.#at = this.#end;
      return -1;
    }
    const at = this.#at;
    this.#at += count;
    return at;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.#view.getUint8(at);
  }

  /** Two octets, network byte order unless `littleEndian`. */
  u16(littleEndian = false): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#view.getUint16(at, littleEndian);
  }

  /** Four octets, network byte order unless `littleEndian`. */
  u32(littleEndian = false): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#view.getUint32(at, littleEndian);
  }

  /** Eight octets, network byte order unless `littleEndian`. */
  u64(littleEndian = false): bigint {
    const at = this.#take(8);
    return at < 0 ? 0n : this.#view.getBigUint64(at, littleEndian);
  }

  /** A view (no copy) of the next `count` octets. */
  view(count: number): Uint8Array {
    const at = this.#take(count);
    return at < 0 ? new Uint8Array(0) : this.#bytes.subarray(at, at + count);
  }

  /** A copy of the next `count` octets. (Not by `slice`: of a Buffer that is a view.) */
  bytes(count: number): Uint8Array {
    return new Uint8Array(this.view(count));
  }

  /** A copy of everything left. */
  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  skip(count: number): void {
    this.#take(count);
  }
}

/** Collects octets; grows as needed. Network byte order unless asked otherwise. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#at;
  }

  #room(count: number): number {
    const need = this.#at + count;
    if (need > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    const at = this.#at;
    this.#at = need;
    return at;
  }

  u8(value: number): this {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number, littleEndian = false): this {
    const at = this.#room(2);
    this.#view.setUint16(at, value, littleEndian);
    return this;
  }

  u32(value: number, littleEndian = false): this {
    const at = this.#room(4);
    this.#view.setUint32(at, value >>> 0, littleEndian);
    return this;
  }

  u64(value: bigint, littleEndian = false): this {
    const at = this.#room(8);
    this.#view.setBigUint64(at, value, littleEndian);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  zeros(count: number): this {
    this.#room(count);
    return this;
  }

  /** Overwrites two octets already written at `at`. */
  patch16(at: number, value: number, littleEndian = false): this {
    this.#view.setUint16(at, value, littleEndian);
    return this;
  }

  /** Overwrites four octets already written at `at`. */
  patch32(at: number, value: number, littleEndian = false): this {
    this.#view.setUint32(at, value >>> 0, littleEndian);
    return this;
  }

  /** Overwrites one octet already written at `at`. */
  patch8(at: number, value: number): this {
    this.#view.setUint8(at, value);
    return this;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }
}

/** Joins octet strings into one new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Compares public octet strings. Not for MACs or secrets: those use the crypto suite's constant-time compare. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Orders octet strings as RFC 7296 §2.8.1 orders nonces: octet by octet, a shorter prefix first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Overwrites key material with zeros. */
export function wipe(...all: readonly (Uint8Array | undefined)[]): void {
  for (const bytes of all) bytes?.fill(0);
}

/** Sum of 16-bit words for the Internet checksum (RFC 1071), on top of `sum`. */
export function sumWords(bytes: Uint8Array, sum: number): number {
  let total = sum;
  for (let i = 0; i + 1 < bytes.length; i += 2) total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  if (bytes.length % 2 === 1) total += (bytes[bytes.length - 1] ?? 0) << 8;
  return total;
}

/** The sum with its carries added (RFC 1071 §4.1): 16 bits. */
export function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}
