import type { Endpoint, Entropy, Path } from '../../src/base/index.ts';
import { Secret, ip, ipBytes, parsePrefix, prefixRange } from '../../src/base/index.ts';
import type { ChildSpi, TrafficSelector } from '../../src/codec/ike/index.ts';
import type { EspSa } from '../../src/ports/index.ts';
import type { CryptoSuite } from '../../src/crypto/index.ts';
import { protectionOf } from '../../src/esp/index.ts';
import type { EspKeys } from '../../src/esp/index.ts';

export const hex = (text: string): Uint8Array => Uint8Array.from((text.replaceAll(' ', '').match(new RegExp('..', 'g')) ?? []).map((pair) => parseInt(pair, 16)));

/** A generator of the same numbers for the same seed (mulberry32). */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export const endpoint = (address: string, port: number): Endpoint => ({ address: ip(address), port });

export function path(local: string, remote: string, ifindex = 2): Path {
  return { uplink: 'wan', ifindex, local: endpoint(local, 4500), remote: endpoint(remote, 4500) };
}

/** A selector of a whole prefix, all protocols and ports unless told. */
export function ts(prefix: string, protocol = 0, startPort = 0, endPort = 65535): TrafficSelector {
  const parsed = parsePrefix(prefix);
  if (parsed === undefined) throw new Error(`not a prefix: ${prefix}`);
  return { protocol, startPort, endPort, ...prefixRange(parsed) };
}

/** One row per ESP suite that can be negotiated: octets of key with salt, and what authenticates CBC. */
export interface EspSuite {
  readonly name: string;
  readonly cipher: EspSa['cipher'];
  readonly octets: number;
  readonly integ?: { readonly name: NonNullable<EspSa['integ']>['name']; readonly octets: number };
}

export const ESP_SUITES: readonly EspSuite[] = [
  { name: 'aes128gcm16', cipher: 'aes-gcm-16', octets: 20 },
  { name: 'aes256gcm16', cipher: 'aes-gcm-16', octets: 36 },
  { name: 'chacha20poly1305', cipher: 'chacha20-poly1305', octets: 36 },
  { name: 'aes128-sha256', cipher: 'aes-cbc', octets: 16, integ: { name: 'hmac-sha256-128', octets: 32 } },
  { name: 'aes256-sha256', cipher: 'aes-cbc', octets: 32, integ: { name: 'hmac-sha256-128', octets: 32 } },
  { name: 'aes256-sha384', cipher: 'aes-cbc', octets: 32, integ: { name: 'hmac-sha384-192', octets: 48 } },
  { name: 'aes256-sha512', cipher: 'aes-cbc', octets: 32, integ: { name: 'hmac-sha512-256', octets: 64 } },
];

/** The shortest packet of an AEAD: header, IV, two octets of trailer, ICV. */
export const AEAD_MIN = 34;

/** Counts up: for IVs nobody has to guess. */
export function testEntropy(): Entropy {
  let next = 0;
  return { bytes: (count) => new Uint8Array(count).map(() => ++next) };
}

export interface SaOptions {
  handle: number;
  direction: 'in' | 'out';
  spi: number;
  bundle?: number;
  child?: number;
  esn?: boolean;
  key?: Uint8Array;
  /** Default AES-GCM, by the length of the key. */
  suite?: EspSuite;
  copyDscp?: boolean;
  copyDf?: boolean;
  local?: readonly TrafficSelector[];
  remote?: readonly TrafficSelector[];
}

/** Key and salt of AES-256-GCM made of one octet. */
export const keyOf = (octet: number, octets = 36): Uint8Array => new Uint8Array(octets).map((_, i) => (octet + i) & 255);

export function sa(options: SaOptions): EspSa {
  const key = options.key ?? keyOf(7, options.suite?.octets);
  const integ = options.suite?.integ;
  return {
    handle: options.handle, bundle: options.bundle ?? 1, child: options.child ?? 1, direction: options.direction,
    spi: options.spi as ChildSpi, cipher: options.suite?.cipher ?? 'aes-gcm-16', key: new Secret(key.slice()), esn: options.esn ?? true,
    integ: integ && { name: integ.name, key: new Secret(keyOf((key[0] ?? 0) ^ 0x55, integ.octets)) }, copyDscp: options.copyDscp ?? false, copyDf: options.copyDf ?? false,
    local: options.local ?? [ts('10.1.0.0/16'), ts('fd00:1::/32')], remote: options.remote ?? [ts('10.2.0.0/16'), ts('fd00:2::/32')],
  };
}

/** What seals and opens under such an SA. */
export function espKeys(suite: CryptoSuite, options: SaOptions, entropy = testEntropy()): EspKeys {
  const made = sa(options);
  return { spi: made.spi, esn: made.esn, protection: protectionOf(suite, made, entropy) };
}

const put16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
};

/** RFC 1071. */
export function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) for (let i = 0; i < part.length; i += 2) sum += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** An IPv4 or IPv6 packet around `upper`. */
export function packet(from: string, to: string, protocol: number, upper: Uint8Array, options: { df?: boolean; fragment?: number } = {}): Uint8Array {
  const source = ipBytes(ip(from));
  const destination = ipBytes(ip(to));
  if (source.length === 16) {
    const out = new Uint8Array(40 + upper.length);
    out[0] = 0x60;
    put16(out, 4, upper.length);
    out[6] = protocol;
    out[7] = 64;
    out.set(source, 8);
    out.set(destination, 24);
    out.set(upper, 40);
    return out;
  }
  const out = new Uint8Array(20 + upper.length);
  out[0] = 0x45;
  put16(out, 2, out.length);
  put16(out, 6, ((options.df ?? false) ? 0x4000 : 0) | (options.fragment ?? 0));
  out[8] = 64;
  out[9] = protocol;
  out.set(source, 12);
  out.set(destination, 16);
  put16(out, 10, checksum(out.subarray(0, 20)));
  out.set(upper, 20);
  return out;
}

export function udp(sourcePort: number, destinationPort: number, size = 32): Uint8Array {
  const out = new Uint8Array(8 + size);
  put16(out, 0, sourcePort);
  put16(out, 2, destinationPort);
  put16(out, 4, out.length);
  for (let i = 8; i < out.length; i++) out[i] = i;
  return out;
}

const pseudoHeader = (whole: Uint8Array, upperAt: number): Uint8Array => {
  const v4 = (whole[0] ?? 0) >> 4 === 4;
  const addresses = v4 ? whole.slice(12, 20) : whole.slice(8, 40);
  const out = new Uint8Array(addresses.length + 4);
  out.set(addresses);
  put16(out, addresses.length, v4 ? (whole[9] ?? 0) : (whole[6] ?? 0));
  put16(out, addresses.length + 2, whole.length - upperAt);
  return out;
};

/** True when the TCP or ICMPv6 checksum over upper layer and pseudo-header is right. */
export function upperChecksumRight(whole: Uint8Array, upperAt: number): boolean {
  return checksum(pseudoHeader(whole, upperAt), whole.slice(upperAt)) === 0;
}

/** A TCP SYN with these options (padded), its checksum right. */
export function tcpSyn(from: string, to: string, options: Uint8Array, flags = 0x02): Uint8Array {
  const size = 20 + Math.ceil(options.length / 4) * 4;
  const upper = new Uint8Array(size);
  put16(upper, 0, 40000);
  put16(upper, 2, 80);
  upper[12] = (size / 4) << 4;
  upper[13] = flags;
  upper.set(options, 20);
  const whole = packet(from, to, 6, upper);
  const at = whole.length - size;
  put16(whole, at + 16, checksum(pseudoHeader(whole, at), whole.slice(at)));
  return whole;
}
