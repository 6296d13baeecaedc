import { fold, sumWords } from '../base/index.ts';
import type { InnerPacket } from './inner.ts';

/** Every IPv6 link carries this much (RFC 8200 §5); a smaller value is never told. */
export const IPV6_MIN_MTU = 1280;

const at16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
const put16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
};

/** Lowers the MSS option of a TCP SYN to what fits `mtu`, in place, checksum included. True when it changed the packet. */
export function clampMss(bytes: Uint8Array, packet: InnerPacket, mtu: number): boolean {
  const tcp = packet.upper;
  if (packet.protocol !== 6 || packet.laterFragment || tcp + 20 > packet.length) return false;
  if (((bytes[tcp + 13] ?? 0) & 0x02) === 0) return false;
  const end = tcp + ((bytes[tcp + 12] ?? 0) >> 4) * 4;
  const most = mtu - (packet.version === 4 ? 40 : 60);
  if (end > packet.length || most < 1) return false;
  let at = tcp + 20;
  while (at + 1 < end) {
    const kind = bytes[at] ?? 0;
    if (kind === 0) return false;
    if (kind === 1) {
      at++;
      continue;
    }
    const size = bytes[at + 1] ?? 0;
    if (size < 2 || at + size > end) return false;
    if (kind === 2 && size === 4) {
      const old = at16(bytes, at + 2);
      if (old <= most) return false;
      replaceWord(bytes, tcp, at + 2, most);
      return true;
    }
    at += size;
  }
  return false;
}

/** Writes two octets at `at` and mends the TCP checksum (RFC 1624 §3: HC' = ~(~HC + ~m + m')), also at odd offsets. */
function replaceWord(bytes: Uint8Array, tcp: number, at: number, value: number): void {
  const odd = (at - tcp) % 2 === 1;
  const swap = (word: number): number => (odd ? ((word & 0xff) << 8) | (word >>> 8) : word);
  const sum = (~at16(bytes, tcp + 16) & 0xffff) + (~swap(at16(bytes, at)) & 0xffff) + swap(value);
  put16(bytes, at, value);
  put16(bytes, tcp + 16, ~fold(sum) & 0xffff);
}

/** The biggest inner packet of this version the bundle carries. */
export const innerLimit = (version: 4 | 6, mtu: number): number => (version === 6 ? Math.max(mtu, IPV6_MIN_MTU) : mtu);

/**
 * The ICMP message that tells the sender of a too big packet the MTU (RFC 1191 §4, RFC 4443 §3.2), written as from the
 * packet's own destination, since the plane has no address; undefined where RFC 1122 §3.2.2 and RFC 4443 §2.4 forbid
 * an answer (errors, later fragments, multicast).
 */
export function tooBigMessage(bytes: Uint8Array, packet: InnerPacket, mtu: number): Uint8Array | undefined {
  if (packet.laterFragment) return undefined;
  const limit = innerLimit(packet.version, mtu);
  if (packet.version === 4) {
    if ((packet.destination[0] ?? 0) >= 224) return undefined;
    if (packet.protocol === 1 && packet.ports !== undefined && packet.ports.source >>> 8 !== 8) return undefined;
    const quote = Math.min(packet.length, packet.upper + 8);
    const out = new Uint8Array(28 + quote);
    out[0] = 0x45;
    put16(out, 2, out.length);
    out[8] = 64;
    out[9] = 1;
    out.set(packet.destination, 12);
    out.set(packet.source, 16);
    put16(out, 10, ~fold(sumWords(out.subarray(0, 20), 0)) & 0xffff);
    out[20] = 3;
    out[21] = 4;
    put16(out, 26, Math.min(limit, 65535));
    out.set(bytes.subarray(0, quote), 28);
    put16(out, 22, ~fold(sumWords(out.subarray(20), 0)) & 0xffff);
    return out;
  }
  if (packet.destination[0] === 0xff || packet.source[0] === 0xff) return undefined;
  if (packet.protocol === 58 && packet.ports !== undefined && packet.ports.source >>> 8 < 128) return undefined;
  const quote = Math.min(packet.length, IPV6_MIN_MTU - 48);
  const out = new Uint8Array(48 + quote);
  out[0] = 0x60;
  put16(out, 4, 8 + quote);
  out[6] = 58;
  out[7] = 64;
  out.set(packet.destination, 8);
  out.set(packet.source, 24);
  out[40] = 2;
  put16(out, 44, limit >>> 16);
  put16(out, 46, limit & 0xffff);
  out.set(bytes.subarray(0, quote), 48);
  // Pseudo-header, RFC 8200 §8.1: addresses, length, next header 58.
  put16(out, 42, ~fold(sumWords(out.subarray(8, 40), 8 + quote + 58) + sumWords(out.subarray(40), 0)) & 0xffff);
  return out;
}
