/**
 * The arithmetic of the algorithms written down a second time, in BigInt and as their documents say it: slow, not in constant time, and with
 * nothing of the platform's library but single AES blocks. What the adapter computes is compared with it.
 */
import { createCipheriv } from 'node:crypto';
import { concat } from '../../../src/base/index.ts';

export const bigEndian = (value: bigint, octets: number): Uint8Array => Uint8Array.from({ length: octets }, (_, i) => Number((value >> BigInt(8 * (octets - 1 - i))) & 255n));
export const littleEndian = (value: bigint, octets: number): Uint8Array => bigEndian(value, octets).reverse();
export const fromBig = (octets: Uint8Array): bigint => octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
export const fromLittle = (octets: Uint8Array): bigint => fromBig(octets.slice().reverse());

export function power(base: bigint, exponent: bigint, p: bigint): bigint {
  let [result, square] = [1n, ((base % p) + p) % p];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % p;
    square = (square * square) % p;
  }
  return result;
}

// ---- X25519 (RFC 7748 §5) ------------------------------------------------------------------------------------------

export const P25519 = 2n ** 255n - 19n;

/** X25519 of 32 octets each: scalar clamped, top bit of u masked, u taken mod p. */
export function x25519(scalar: Uint8Array, u: Uint8Array): Uint8Array {
  const p = P25519;
  const k = (fromLittle(scalar) & (2n ** 255n - 8n)) | 2n ** 254n;
  const x1 = (fromLittle(u) & (2n ** 255n - 1n)) % p;
  let [x2, z2, x3, z3, swap] = [1n, 0n, x1, 1n, 0n];
  for (let t = 254n; t >= 0n; t--) {
    const bit = (k >> t) & 1n;
    if (swap !== bit) [x2, x3, z2, z3] = [x3, x2, z3, z2];
    swap = bit;
    const [a, b, c, d] = [x2 + z2, x2 - z2, x3 + z3, x3 - z3];
    const [aa, bb, da, cb] = [(a * a) % p, (b * b) % p, d * a, c * b];
    const e = aa - bb;
    x3 = (da + cb) ** 2n % p;
    z3 = (x1 * ((da - cb) ** 2n % p)) % p;
    x2 = (aa * bb) % p;
    z2 = (e * (aa + 121_665n * e)) % p;
  }
  if (swap) [x2, z2] = [x3, z3];
  return littleEndian((((x2 * power(z2, p - 2n, p)) % p) + p) % p, 32);
}

// ---- Weierstrass curves with a = -3 (SEC 1 §2.2.1) -----------------------------------------------------------------

export interface Curve {
  readonly group: 19 | 20 | 21;
  /** Octets of a coordinate. */
  readonly octets: number;
  readonly p: bigint;
  readonly n: bigint;
  readonly b: bigint;
}
export type Point = readonly [bigint, bigint];

/** FIPS 186-4 D.1.2.3 to D.1.2.5. */
export const CURVES: readonly Curve[] = [
  {
    group: 19, octets: 32, p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n, n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  {
    group: 20, octets: 48, p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    n: 39402006196394479212279040100143613805079739270465446667946905279627659399113263569398956308152294913554433653942643n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  {
    group: 21, octets: 66, p: 2n ** 521n - 1n,
    n: 6864797660130609714981900799081393217269435300143305409394463459185543183397655394245057746333217197532963996371363321113864768612440380340372808892707005449n,
    b: 0x051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
];

/** A point with this x, if there is one: p = 3 mod 4 for all three curves. */
export function pointAt(curve: Curve, x: bigint): Point | undefined {
  const { p, b } = curve;
  const square = (((x ** 3n - 3n * x + b) % p) + p) % p;
  const y = power(square, (p + 1n) / 4n, p);
  return (y * y) % p === square ? [x, y] : undefined;
}

/** k times a point, in Jacobian coordinates; undefined for infinity. */
export function multiply(curve: Curve, k: bigint, [px, py]: Point): Point | undefined {
  const { p } = curve;
  const mod = (value: bigint): bigint => ((value % p) + p) % p;
  let [x, y, z] = [0n, 1n, 0n];
  const double = (): void => {
    if (z === 0n) return;
    const m = mod(3n * (x - z * z) * (x + z * z));
    const s = mod(4n * x * y * y);
    const x2 = mod(m * m - 2n * s);
    [x, y, z] = [x2, mod(m * (s - x2) - 8n * y ** 4n), mod(2n * y * z)];
  };
  for (let bit = BigInt(k.toString(2).length) - 1n; bit >= 0n; bit--) {
    double();
    if (((k >> bit) & 1n) === 0n) continue;
    if (z === 0n) {
      [x, y, z] = [px, py, 1n];
      continue;
    }
    const [u2, s2] = [mod(px * z * z), mod(py * z ** 3n)];
    const [h, r] = [mod(u2 - x), mod(s2 - y)];
    if (h === 0n) {
      if (r === 0n) double();
      else [x, y, z] = [0n, 1n, 0n];
      continue;
    }
    const [h2, h3] = [mod(h * h), mod(h ** 3n)];
    const x3 = mod(r * r - h3 - 2n * x * h2);
    [x, y, z] = [x3, mod(r * (x * h2 - x3) - y * h3), mod(h * z)];
  }
  if (z === 0n) return undefined;
  const inverse = power(z, p - 2n, p);
  return [mod(x * inverse ** 2n), mod(y * inverse ** 3n)];
}

// ---- ChaCha20-Poly1305 (RFC 7539 §2) -------------------------------------------------------------------------------

function chachaBlock(key: Uint8Array, counter: number, nonce: Uint8Array): Uint8Array {
  const words = (octets: Uint8Array): number[] => Array.from({ length: octets.length / 4 }, (_, i) => Number(fromLittle(octets.slice(4 * i, 4 * i + 4))));
  const state = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, ...words(key), counter, ...words(nonce));
  const work = state.slice();
  const at = (i: number): number => work[i] ?? 0;
  const half = (a: number, b: number, d: number, bits: number): void => {
    work[a] = at(a) + at(b);
    const x = at(d) ^ at(a);
    work[d] = (x << bits) | (x >>> (32 - bits));
  };
  const quarter = (a: number, b: number, c: number, d: number): void => {
    half(a, b, d, 16);
    half(c, d, b, 12);
    half(a, b, d, 8);
    half(c, d, b, 7);
  };
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 4; i++) quarter(i, i + 4, i + 8, i + 12);
    for (let i = 0; i < 4; i++) quarter(i, 4 + ((i + 1) & 3), 8 + ((i + 2) & 3), 12 + ((i + 3) & 3));
  }
  return concat(...Array.from(work, (word, i) => littleEndian(BigInt((word + (state[i] ?? 0)) >>> 0), 4)));
}

function poly1305(key: Uint8Array, message: Uint8Array): Uint8Array {
  const r = fromLittle(key.slice(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let i = 0; i < message.length; i += 16) sum = ((sum + fromLittle(concat(message.slice(i, i + 16), Uint8Array.of(1)))) * r) % (2n ** 130n - 5n);
  return littleEndian((sum + fromLittle(key.slice(16, 32))) & (2n ** 128n - 1n), 16);
}

const fill = (octets: Uint8Array): Uint8Array => new Uint8Array((16 - (octets.length % 16)) % 16);
const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((octet, i) => octet ^ (b[i] ?? 0));

/** A stream cipher with a one-way tag, as both AEADs are. */
export interface Stream {
  /** As many octets as asked for, to be added to the text. */
  keystream(octets: number): Uint8Array;
  tag(aad: Uint8Array, ciphertext: Uint8Array): Uint8Array;
}

export function chachaStream(key: Uint8Array, nonce: Uint8Array): Stream {
  return {
    keystream: (octets) => concat(...Array.from({ length: Math.ceil(octets / 64) }, (_, i) => chachaBlock(key, i + 1, nonce))).slice(0, octets),
    tag: (aad, text) =>
      poly1305(chachaBlock(key, 0, nonce), concat(aad, fill(aad), text, fill(text), littleEndian(BigInt(aad.length), 8), littleEndian(BigInt(text.length), 8))),
  };
}

// ---- AES-GCM (SP 800-38D) with a nonce of 96 bits ------------------------------------------------------------------

export function gcmStream(key: Uint8Array, nonce: Uint8Array): Stream {
  const block = (input: Uint8Array): Uint8Array => new Uint8Array(createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false).update(input));
  const h = fromBig(block(new Uint8Array(16)));
  const times = (x: bigint): bigint => {
    let [z, v] = [0n, h];
    for (let i = 127n; i >= 0n; i--) {
      if ((x >> i) & 1n) z ^= v;
      v = v & 1n ? (v >> 1n) ^ (0xe1n << 120n) : v >> 1n;
    }
    return z;
  };
  const counter = (n: number): Uint8Array => block(concat(nonce, bigEndian(BigInt(n), 4)));
  return {
    keystream: (octets) => concat(...Array.from({ length: Math.ceil(octets / 16) }, (_, i) => counter(i + 2))).slice(0, octets),
    tag(aad, text) {
      const input = concat(aad, fill(aad), text, fill(text), bigEndian(8n * BigInt(aad.length), 8), bigEndian(8n * BigInt(text.length), 8));
      let sum = 0n;
      for (let i = 0; i < input.length; i += 16) sum = times(sum ^ fromBig(input.slice(i, i + 16)));
      return xor(counter(1), bigEndian(sum, 16));
    },
  };
}

/** The text of a ciphertext. */
export const decrypt = (stream: Stream, ciphertext: Uint8Array): Uint8Array => xor(ciphertext, stream.keystream(ciphertext.length));
