import {
  err, fromHex, ipBytes, ipFamily, isPrivateIp, isUnusableIp, ok, parseIp, parsePrefix, prefixRange, Secret, seconds, toUtf8,
  type IpAddress, type IpPrefix, type Millis, type Result,
} from '../base/index.ts';
import { fromBase64 } from './pem.ts';
import { quote } from './problems.ts';
import type { BypassServer, Identity, RemoteAddr } from './types.ts';

/** Least length of a pre-shared key in octets: 128 bits at best (RFC 7296 §2.15 asks for as much entropy as the strongest key). */
export const LEAST_PSK = 16;

/** True when every character is in `allowed` or an ASCII letter or digit. */
export function onlyLettersDigitsAnd(text: string, allowed: string): boolean {
  for (const char of text) {
    const code = char.charCodeAt(0);
    const plain = (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
    if (!plain && !allowed.includes(char)) return false;
  }
  return true;
}

/** True when a control character (tab and line break included) is in the text: no option of ours may hold one. */
export function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 32 || text.charCodeAt(i) === 127) return true;
  return false;
}

const isDecimal = (text: string): boolean => text.length > 0 && [...text].every((char) => char >= '0' && char <= '9');

/** A whole number without sign; undefined for anything else, or more than 10 (or the given number of) digits. */
export function parseNumber(text: string, digits = 10): number | undefined {
  return isDecimal(text) && text.length <= digits ? Number(text) : undefined;
}

const UNITS: { readonly [suffix: string]: number } = { s: 1, m: 60, h: 3600, d: 86_400 };

const OCTET_UNITS: { readonly [suffix: string]: number } = { K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Octets of `1000000`, `100M`, `20G`: K, M, G and T are powers of 1024. */
export function parseOctets(text: string): number | undefined {
  const suffix = text.charAt(text.length - 1);
  const factor = Object.hasOwn(OCTET_UNITS, suffix) ? OCTET_UNITS[suffix] : undefined;
  const number = factor === undefined ? parseNumber(text, 16) : parseNumber(text.slice(0, -1));
  return number === undefined ? undefined : number * (factor ?? 1);
}

/** Families of `ipv4`, `ipv6`; a flag that is on stands for IPv4, one that is off for none. */
export function parseVip(text: string): Result<readonly (4 | 6)[]> {
  if (text === 'ipv4') return ok([4]);
  if (text === 'ipv6') return ok([6]);
  const flag = parseFlag(text);
  return flag === undefined ? err(`${quote(text)} is not possible; give ipv4 or ipv6 (1 is ipv4)`) : ok(flag ? [4] : []);
}

/** Seconds of `30`, `30s`, `5m`, `8h`, `1d`. */
export function parseDuration(text: string): number | undefined {
  const suffix = text.charAt(text.length - 1);
  const factor = Object.hasOwn(UNITS, suffix) ? UNITS[suffix] : undefined;
  const number = parseNumber(factor === undefined ? text : text.slice(0, -1));
  return number === undefined ? undefined : number * (factor ?? 1);
}

const TRUE: readonly string[] = ['1', 'on', 'true', 'yes', 'enabled'];
const FALSE: readonly string[] = ['0', 'off', 'false', 'no', 'disabled'];

/** A UCI flag, in every spelling OpenWrt's own config_get_bool knows. */
export function parseFlag(text: string): boolean | undefined {
  return TRUE.includes(text) ? true : FALSE.includes(text) ? false : undefined;
}

/** A name as DNS has them; not one that a mistyped IPv4 address would be. */
export function isHostName(text: string): boolean {
  const labels = (text.endsWith('.') ? text.slice(0, -1) : text).split('.');
  if (text.length > 253 || labels.some((label) => label.length === 0 || label.length > 63 || label.startsWith('-') || !onlyLettersDigitsAnd(label, '-_'))) return false;
  return !isDecimal(labels[labels.length - 1] ?? ''); // RFC 3696 §2: otherwise a mistyped IPv4 address would be a name
}

/** An address that can be an end of a path. */
export function parseOuterAddress(text: string): Result<IpAddress> {
  const address = parseIp(text);
  if (address === undefined) return err(`${quote(text)} is no IP address; give one such as 192.0.2.1 or 2001:db8::1, without prefix length or port`);
  if (isUnusableIp(address)) return err(`${quote(text)} cannot be an end of a tunnel (unspecified, loopback, link-local or multicast)`);
  return ok(address);
}

export function parseRemoteAddr(text: string): Result<RemoteAddr> {
  if (isHostName(text)) return ok({ kind: 'name', name: text });
  if (parseIp(text) === undefined) return err(`${quote(text)} is neither an IP address nor a host name; give for example 192.0.2.1, 2001:db8::1 or vpn.example.com, without port`);
  const address = parseOuterAddress(text);
  return address.ok ? ok({ kind: 'address', address: address.value }) : address;
}

/** `10.0.0.0/8`, `2001:db8::/32` or a bare address; names the right prefix when host bits are set. */
export function parseTrafficPrefix(text: string): Result<IpPrefix> {
  const prefix = parsePrefix(text);
  if (prefix) return ok(prefix);
  const slash = text.indexOf('/');
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  const length = parseNumber(text.slice(slash + 1));
  if (slash > 0 && address !== undefined && length !== undefined) {
    const bits = ipFamily(address) === 4 ? 32 : 128;
    if (length > bits) return err(`${quote(text)}: an IPv${ipFamily(address)} prefix has at most ${bits} bits`);
    return err(`${quote(text)} has host bits set; the prefix is ${prefixRange({ address, length }).start}/${length}`);
  }
  return err(`${quote(text)} is no prefix; give one such as 10.0.0.0/8 or 2001:db8::/32`);
}

/** A keepalive interval longer than the NATs of RFC 4787 §4.3 wait, or shorter than any, is a mistake. */
const KEEPALIVE_SECONDS = { least: 5, most: 3600 };

/** `auto` (undefined: learned), or a span of time. */
export function parseKeepalive(text: string): Result<Millis | undefined> {
  if (text === 'auto') return ok(undefined);
  const span = parseDuration(text);
  if (span !== undefined && span >= KEEPALIVE_SECONDS.least && span <= KEEPALIVE_SECONDS.most) return ok(seconds(span));
  return err(`${quote(text)} is not possible; give auto, or a time from ${KEEPALIVE_SECONDS.least} s to ${KEEPALIVE_SECONDS.most} s`);
}

const BYPASS_SERVERS: readonly BypassServer[] = ['dns', 'ntp', 'dhcp'];

/** An entry of a bypass list: an address, a prefix, or a kind of server that netifd names. */
export function parseBypass(text: string): Result<IpPrefix | BypassServer> {
  const server = BYPASS_SERVERS.find((word) => word === text);
  if (server) return ok(server);
  if (text.length > 0 && onlyLettersDigitsAnd(text, '-_') && parseIp(text) === undefined) return err(`${quote(text)} is not possible; give an address, a prefix, or one of ${BYPASS_SERVERS.join(', ')}`);
  const prefix = parseTrafficPrefix(text);
  if (!prefix.ok) return prefix;
  if (prefix.value.length === 0) return err(`${quote(text)} would let everything out in clear text; give what remote_ts shall not cover, or a narrower remote_ts`);
  if (isUnusableIp(prefix.value.address)) return err(`${quote(text)} is never routed (unspecified, loopback, link-local or multicast)`);
  return prefix;
}

/** RFC 7296 §3.5. */
const ID = { IPV4_ADDR: 1, FQDN: 2, RFC822_ADDR: 3, IPV6_ADDR: 5, DER_ASN1_DN: 9, KEY_ID: 11 } as const;

/**
 * An IKE identity from text, by strongSwan's rules: an address, `@name` or a name, `user@host`, `keyid:TEXT`, `@#HEX` (key
 * id), `fqdn:NAME`, `email:USER@HOST`, `asn1dn:#HEX` (a distinguished name, DER); `%any` is undefined. A distinguished name has no text
 * form here: it is compared bitwise (RFC 4945 §3.1.5), and one text has several encodings.
 */
export function parseIdentity(text: string): Result<Identity | undefined> {
  if (text === '%any') return ok(undefined);
  const octets = (idType: number, data: string): Result<Identity> => ok({ text, idType, data: toUtf8(data) });
  const named = (idType: number, data: string): Result<Identity> => {
    if (data.length === 0 || [...data].some((char) => char <= ' ' || char > '~')) return err(`${quote(text)} is no identity: a name is printable ASCII without blanks`);
    return octets(idType, data);
  };
  const rest = (prefix: string): string | undefined => (text.startsWith(prefix) ? text.slice(prefix.length) : undefined);
  const keyId = rest('keyid:');
  if (keyId !== undefined) return keyId === '' ? err("'keyid:' needs a text behind it") : octets(ID.KEY_ID, keyId);
  const hexKeyId = rest('@#');
  if (hexKeyId !== undefined) {
    const data = hexKeyId === '' ? undefined : fromHex(hexKeyId);
    return data ? ok({ text, idType: ID.KEY_ID, data }) : err(`${quote(text)} is no key id: '@#' is followed by pairs of hexadecimal digits`);
  }
  const hexName = rest('asn1dn:#');
  if (hexName !== undefined) {
    const data = fromHex(hexName);
    // A Name is a SEQUENCE; the platform looks no closer, it is compared as a whole.
    return data?.[0] === 0x30 ? ok({ text, idType: ID.DER_ASN1_DN, data }) : err(`${quote(text)} is no distinguished name: 'asn1dn:#' is followed by its DER encoding in hexadecimal digits, which begins with 30`);
  }
  const fqdn = rest('fqdn:') ?? (text.startsWith('@@') ? undefined : rest('@'));
  if (fqdn !== undefined) return named(ID.FQDN, fqdn);
  const email = rest('email:') ?? rest('@@');
  if (email !== undefined) return named(ID.RFC822_ADDR, email);
  const address = parseIp(text);
  if (address !== undefined) return ok({ text, idType: ipFamily(address) === 4 ? ID.IPV4_ADDR : ID.IPV6_ADDR, data: ipBytes(address) });
  if (text.includes('=')) return err("a distinguished name is given as 'asn1dn:#HEX', its DER encoding, or for our own certificate as '%subject'; or give a name, an address, user@host or keyid:TEXT");
  return named(text.includes('@') ? ID.RFC822_ADDR : ID.FQDN, text);
}

/** A pre-shared key: text as UTF-8, `0xHEX` or `0sBASE64` as in strongSwan. The error never shows the key. */
export function parsePsk(text: string): Result<Secret> {
  const coded = text.startsWith('0x') ? fromHex(text.slice(2)) : text.startsWith('0s') ? fromBase64(text.slice(2)) : toUtf8(text);
  if (!coded) return err(text.startsWith('0x') ? "begins with '0x' but is not pairs of hexadecimal digits" : "begins with '0s' but is not Base64");
  if (coded.length < LEAST_PSK) return err(`the key has ${coded.length} octets; at least ${LEAST_PSK} are needed (try: openssl rand -hex 32, with 0x before it)`);
  return ok(new Secret(coded));
}

/** A secret's file: the text without the line break at its end. */
export function withoutLineEnd(text: string): string {
  const end = text.endsWith('\r\n') ? 2 : text.endsWith('\n') ? 1 : 0;
  return text.slice(0, text.length - end);
}

export interface Broker {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  /** Clear text to a literal address that is not private. */
  readonly exposed: boolean;
}

/** `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`; IPv6 in brackets. A password in it is refused unseen. */
export function parseBroker(text: string): Result<Broker> {
  const right = 'mqtt://HOST[:PORT] or mqtts://HOST[:PORT]';
  if (text.includes('@')) return err(`holds a user name or password; give ${right}, and username and password as options`);
  const tls = text.startsWith('mqtts://');
  if (!tls && !text.startsWith('mqtt://')) return err(`${quote(text)} is no broker; give ${right}`);
  let rest = text.slice(tls ? 8 : 7);
  if (rest.endsWith('/')) rest = rest.slice(0, -1);
  const bracket = rest.startsWith('[') ? rest.indexOf(']') : -1;
  const colon = bracket > 0 ? (rest.charAt(bracket + 1) === ':' ? bracket + 1 : rest.length) : rest.indexOf(':');
  const hostEnd = bracket > 0 ? bracket + 1 : colon < 0 ? rest.length : colon;
  const host = bracket > 0 ? rest.slice(1, bracket) : rest.slice(0, hostEnd);
  const address = parseIp(host);
  const right6 = bracket > 0 ? address !== undefined && ipFamily(address) === 6 : address === undefined || ipFamily(address) === 4;
  if (!right6 || (address === undefined && !isHostName(host))) return err(`${quote(text)} has no valid host; give ${right}, IPv6 addresses in brackets`);
  const tail = rest.slice(hostEnd);
  const port = tail === '' ? (tls ? 8883 : 1883) : tail.startsWith(':') ? parseNumber(tail.slice(1)) : undefined;
  if (port === undefined || port < 1 || port > 65_535) return err(`${quote(text)} has no valid port; give a number from 1 to 65535`);
  return ok({ tls, host: address ?? host, port, exposed: !tls && address !== undefined && !isPrivateIp(address) && !isUnusableIp(address) });
}
