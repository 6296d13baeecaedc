import type { Brand } from './brand.ts';

/**
 * An IP address as canonical text (RFC 5952 for IPv6, no zone), so that equality is `===` and it can key a map.
 * Made only by the functions of this file.
 */
export type IpAddress = Brand<string, 'IpAddress'>;
export type IpFamily = 4 | 6;

export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

export interface IpPrefix {
  readonly address: IpAddress;
  readonly length: number;
}

/** Inclusive range of addresses of one family. */
export interface IpRange {
  readonly start: IpAddress;
  readonly end: IpAddress;
}

export function ipFamily(address: IpAddress): IpFamily {
  return address.includes(':') ? 6 : 4;
}

function parseDecimal(text: string, most: number): number | undefined {
  if (text.length === 0 || text.length > 5) return undefined;
  if (text.length > 1 && text.charAt(0) === '0') return undefined;
  let value = 0;
  for (const char of text) {
    const digit = char.charCodeAt(0) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value > most ? undefined : value;
}

function parseIp4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const out = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const value = parseDecimal(parts[i] ?? '', 255);
    if (value === undefined) return undefined;
    out[i] = value;
  }
  return out;
}

function parseGroup(text: string): number | undefined {
  if (text.length === 0 || text.length > 4) return undefined;
  let value = 0;
  for (const char of text) {
    const digit = '0123456789abcdef'.indexOf(char.toLowerCase());
    if (digit < 0) return undefined;
    value = value * 16 + digit;
  }
  return value;
}

function parseIp6(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined;
  let rest = text;
  let tail: Uint8Array | undefined;
  const lastColon = text.lastIndexOf(':');
  if (text.includes('.')) {
    tail = parseIp4(text.slice(lastColon + 1));
    if (!tail) return undefined;
    rest = `${text.slice(0, lastColon + 1)}${(((tail[0] ?? 0) << 8) | (tail[1] ?? 0)).toString(16)}:${(((tail[2] ?? 0) << 8) | (tail[3] ?? 0)).toString(16)}`;
  }
  const halves = rest.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string): number[] | undefined => {
    if (half === '') return [];
    const out: number[] = [];
    for (const part of half.split(':')) {
      const value = parseGroup(part);
      if (value === undefined) return undefined;
      out.push(value);
    }
    return out;
  };
  const head = groups(halves[0] ?? '');
  const end = halves.length === 2 ? groups(halves[1] ?? '') : [];
  if (!head || !end) return undefined;
  const count = head.length + end.length;
  if (halves.length === 2 ? count > 7 : count !== 8) return undefined;
  const all = [...head, ...new Array<number>(8 - count).fill(0), ...end];
  const out = new Uint8Array(16);
  all.forEach((value, i) => {
    out[2 * i] = value >> 8;
    out[2 * i + 1] = value & 255;
  });
  return out;
}

/** Parses an IPv4 or IPv6 address in text; undefined when it is neither (zones are not accepted). */
export function parseIp(text: string): IpAddress | undefined {
  const bytes = text.includes(':') ? parseIp6(text) : parseIp4(text);
  return bytes && ipFromBytes(bytes);
}

/** Parses an address that is known to be valid; throws (a bug) when it is not. */
export function ip(text: string): IpAddress {
  const address = parseIp(text);
  if (address === undefined) throw new Error(`not an IP address: ${text}`);
  return address;
}

/** The address of 4 or 16 octets in network order; undefined for any other length. */
export function ipFromBytes(bytes: Uint8Array): IpAddress | undefined {
  if (bytes.length === 4) return Array.from(bytes).join('.') as IpAddress;
  if (bytes.length !== 16) return undefined;
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  let runStart = -1;
  let runLength = 1; // RFC 5952 §4.2.2: a single zero group is not shortened
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > runLength) {
      runStart = i;
      runLength = length;
    }
  }
  const hex = (from: number, to: number): string => groups.slice(from, to).map((g) => g.toString(16)).join(':');
  return (runStart < 0 ? hex(0, 8) : `${hex(0, runStart)}::${hex(runStart + runLength, 8)}`) as IpAddress;
}

/** The 4 or 16 octets of an address in network order. */
export function ipBytes(address: IpAddress): Uint8Array {
  const bytes = address.includes(':') ? parseIp6(address) : parseIp4(address);
  if (!bytes) throw new Error(`not an IP address: ${address}`);
  return bytes;
}

/** `192.0.2.1:500` or `[2001:db8::1]:500`. */
export function formatEndpoint(endpoint: Endpoint): string {
  return ipFamily(endpoint.address) === 6 ? `[${endpoint.address}]:${endpoint.port}` : `${endpoint.address}:${endpoint.port}`;
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address && a.port === b.port;
}

/**
 * Whether a packet whose end is `seen` goes or comes by `end`, an end of a path: ESP without UDP (IP protocol 50) has no ports, which is
 * written as port 0, and then the address alone is compared (D5.5.2-3).
 */
export function isEndOf(seen: Endpoint, end: Endpoint): boolean {
  return seen.address === end.address && (seen.port === 0 || seen.port === end.port);
}

/** Parses `ADDRESS/LENGTH`, or a bare address as a host prefix; host bits must be zero. */
export function parsePrefix(text: string): IpPrefix | undefined {
  const slash = text.indexOf('/');
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = ipFamily(address) === 4 ? 32 : 128;
  const length = slash < 0 ? bits : parseDecimal(text.slice(slash + 1), bits);
  if (length === undefined) return undefined;
  const prefix = { address, length };
  return prefixRange(prefix).start === address ? prefix : undefined;
}

export function formatPrefix(prefix: IpPrefix): string {
  return `${prefix.address}/${prefix.length}`;
}

/** First and last address of a prefix (host bits are ignored). */
export function prefixRange(prefix: IpPrefix): IpRange {
  const start = ipBytes(prefix.address);
  const end = start.slice();
  for (let bit = prefix.length; bit < start.length * 8; bit++) {
    const mask = 0x80 >> (bit & 7);
    start[bit >> 3] = (start[bit >> 3] ?? 0) & ~mask;
    end[bit >> 3] = (end[bit >> 3] ?? 0) | mask;
  }
  return { start: ipFromBytes(start) as IpAddress, end: ipFromBytes(end) as IpAddress };
}

/** An IPv4 address as a number; its text is known to be right. */
function ip4Number(address: IpAddress): number {
  let sum = 0;
  let octet = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code !== 46) octet = octet * 10 + code - 48;
    else [sum, octet] = [sum * 256 + octet, 0];
  }
  return sum * 256 + octet;
}

/** Orders addresses: IPv4 before IPv6, then by value. */
export function compareIp(a: IpAddress, b: IpAddress): number {
  if (a === b) return 0; // one address has one text
  if (ipFamily(a) !== ipFamily(b)) return ipFamily(a) - ipFamily(b);
  if (ipFamily(a) === 4) return ip4Number(a) - ip4Number(b);
  const x = ipBytes(a);
  const y = ipBytes(b);
  for (let i = 0; i < x.length; i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function rangeContains(range: IpRange, address: IpAddress): boolean {
  return ipFamily(address) === ipFamily(range.start) && compareIp(range.start, address) <= 0 && compareIp(address, range.end) <= 0;
}

export function prefixContains(prefix: IpPrefix, address: IpAddress): boolean {
  const family = ipFamily(prefix.address);
  if (family !== ipFamily(address)) return false;
  if (prefix.length === (family === 4 ? 32 : 128)) return prefix.address === address; // one address has one text
  const ours = ipBytes(prefix.address);
  const theirs = ipBytes(address);
  for (let bit = 0; bit < prefix.length; bit += 8) {
    const mask = bit + 8 <= prefix.length ? 0xff : (0xff00 >> (prefix.length & 7)) & 0xff;
    if ((((ours[bit >> 3] ?? 0) ^ (theirs[bit >> 3] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** The fewest prefixes that cover exactly the range, lowest first. */
export function rangePrefixes(range: IpRange): IpPrefix[] {
  const width = ipFamily(range.start) === 4 ? 32 : 128;
  if (range.start === range.end) return [{ address: range.start, length: width }];
  const toBig = (address: IpAddress): bigint => ipBytes(address).reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
  const fromBig = (value: bigint): IpAddress => {
    const out = new Uint8Array(width / 8);
    let rest = value;
    for (let i = out.length - 1; i >= 0; i--) {
      out[i] = Number(rest & 255n);
      rest >>= 8n;
    }
    return ipFromBytes(out) as IpAddress;
  };
  const out: IpPrefix[] = [];
  let at = toBig(range.start);
  const end = toBig(range.end);
  while (at <= end) {
    let host = 0;
    while (host < width && (at >> BigInt(host) & 1n) === 0n && at + (1n << BigInt(host + 1)) - 1n <= end) host++;
    out.push({ address: fromBig(at), length: width - host });
    at += 1n << BigInt(host);
  }
  return out;
}

/** True for RFC 1918, RFC 6598 (carrier NAT) and ULA addresses: a NAT towards the Internet is to be expected. */
export function isPrivateIp(address: IpAddress): boolean {
  return PRIVATE.some((prefix) => prefixContains(prefix, address));
}

/** True for addresses that can never be one end of a path: unspecified, loopback, link-local, multicast, v4-mapped. */
export function isUnusableIp(address: IpAddress): boolean {
  return UNUSABLE.some((prefix) => prefixContains(prefix, address));
}

const prefix = (text: string): IpPrefix => {
  const parsed = parsePrefix(text);
  if (!parsed) throw new Error(`not a prefix: ${text}`);
  return parsed;
};
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'].map(prefix);
const UNUSABLE = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3', '::/127', '::ffff:0:0/96', 'fe80::/10', 'ff00::/8'].map(prefix);
