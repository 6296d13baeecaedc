import { concat } from '../base/index.ts';
import type { EspProtection, PacketHead } from './protection.ts';

/*
 *   0                   1                   2                   3
 *   +---------------------------------------------------------------+
 *   |                    SPI (>= 256)                               |  the ICV covers all of it but itself, and with
 *   +---------------------------------------------------------------+  ESN the high 32 bits of the sequence number
 *   |                    Sequence number, low 32 bits               |
 *   +---------------------------------------------------------------+
 *   |                    IV: AEAD 8 octets, the 64-bit sequence     |
 *   |                    number; CBC 16 octets, random              |
 *   +---------------------------------------------------------------+
 *   |                    inner packet (encrypted) ...               |
 *   |                      [TFC padding]  padding 1, 2, 3 ...       |
 *   |                               +---------------+---------------+
 *   |                               |  pad length   |  next header  |  ends on 4 octets, CBC: on 16
 *   +---------------------------------------------------------------+
 *   |                    ICV: AEAD 16 octets, HMAC half its hash    |
 *   +---------------------------------------------------------------+
 */
export const ESP_HEADER = 8;
/** Next header values (RFC 4303 §2.6). */
export const NEXT_HEADER = { IPV4: 4, IPV6: 41, DUMMY: 59 } as const;

/** What a datagram on an encapsulation port carries (RFC 3948 §2): marker of four zeros, one 0xFF, or an SPI. */
export function classifyDatagram(bytes: Uint8Array): 'ike' | 'keepalive' | 'esp' | 'malformed' {
  if (bytes.length === 1 && bytes[0] === 0xff) return 'keepalive';
  if (bytes.length < 4) return 'malformed';
  if (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0) return 'ike';
  return bytes.length >= ESP_HEADER ? 'esp' : 'malformed';
}

/** What a packet of IP protocol 50 is: no keepalives and no IKE here, and SPI 0 never goes on the wire (RFC 4303 §2.1, NK-5). */
export function classifyPlain(bytes: Uint8Array): 'esp' | 'malformed' {
  const isReserved = bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0;
  return bytes.length >= ESP_HEADER && !isReserved ? 'esp' : 'malformed';
}

/** What sealing and opening need of an SA. */
export interface EspKeys {
  readonly spi: number;
  readonly esn: boolean;
  readonly protection: EspProtection;
}

/** SPI, low half and, apart, the 64-bit number in network order. */
function headOf(keys: EspKeys, sequence: number): PacketHead & { readonly counter: Uint8Array } {
  const header = new Uint8Array(ESP_HEADER);
  const counter = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint32(0, keys.spi);
  view.setUint32(4, sequence >>> 0);
  const wide = new DataView(counter.buffer);
  wide.setUint32(0, Math.floor(sequence / 0x1_0000_0000) >>> 0);
  wide.setUint32(4, sequence >>> 0);
  return { header, counter, high: keys.esn ? counter.subarray(0, 4) : undefined };
}

/** The ESP packet around `inner` with this sequence number, which must not have been used with these keys. */
export function sealEsp(keys: EspKeys, sequence: number, inner: Uint8Array, nextHeader: number): Uint8Array {
  const { block } = keys.protection;
  const head = headOf(keys, sequence);
  const padding = (block - ((inner.length + 2) % block)) % block; // RFC 4303 §2.4
  const text = new Uint8Array(inner.length + padding + 2);
  text.set(inner);
  for (let i = 0; i < padding; i++) text[inner.length + i] = i + 1;
  text[text.length - 2] = padding;
  text[text.length - 1] = nextHeader;
  const iv = keys.protection.makeIv(head.counter);
  return concat(head.header, iv, keys.protection.seal(head, iv, text));
}

/** Octets of the packet that `sealEsp` makes of an inner packet. */
export function espLength(keys: EspKeys, inner: number): number {
  const { iv, icv, block } = keys.protection;
  return ESP_HEADER + iv + Math.ceil((inner + 2) / block) * block + icv;
}

/** SPI and the low 32 bits of the sequence number; the packet has at least 8 octets. */
export function espHeader(bytes: Uint8Array): { spi: number; low: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { spi: view.getUint32(0), low: view.getUint32(4) };
}

/** False for what no packet under these keys can be by its length. */
export function espLengthFits(keys: EspKeys, length: number): boolean {
  const { iv, icv, block, shortest } = keys.protection;
  const text = length - ESP_HEADER - iv - icv;
  return text >= shortest && (shortest < block || text % block === 0);
}

/** Decrypts a packet whose length fits; undefined for a wrong ICV. The result still has its trailer. */
export function openEsp(keys: EspKeys, sequence: number, bytes: Uint8Array): Uint8Array | undefined {
  const text = ESP_HEADER + keys.protection.iv;
  return keys.protection.open(headOf(keys, sequence), bytes.subarray(ESP_HEADER, text), bytes.subarray(text));
}

/** Takes the trailer off; undefined when the padding is not 1, 2, 3… (RFC 4303 §2.4: SHOULD be inspected). */
export function stripTrailer(plain: Uint8Array): { payload: Uint8Array; nextHeader: number } | undefined {
  const end = plain.length - 2;
  if (end < 0) return undefined;
  const padding = plain[end] ?? 0;
  const start = end - padding;
  if (start < 0) return undefined;
  for (let i = 0; i < padding; i++) if (plain[start + i] !== i + 1) return undefined;
  return { payload: plain.subarray(0, start), nextHeader: plain[end + 1] ?? 0 };
}
