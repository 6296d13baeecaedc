import { concat } from '../base/index.ts';
import type { Aead } from '../crypto/index.ts';

/*
 *   0                   1                   2                   3
 *   +---------------------------------------------------------------+
 *   |                    SPI (>= 256)                               |  additional authenticated data: SPI | sequence,
 *   +---------------------------------------------------------------+  with ESN SPI | high 32 bits | low 32 bits
 *   |                    Sequence number, low 32 bits               |  (RFC 4106 §5)
 *   +---------------------------------------------------------------+
 *   |                    IV: 64-bit sequence number                 |  nonce: salt | IV (RFC 4106 §4)
 *   |                                                               |
 *   +---------------------------------------------------------------+
 *   |                    inner packet (encrypted) ...               |
 *   |                      [TFC padding]  padding 1, 2, 3 ...       |
 *   |                               +---------------+---------------+
 *   |                               |  pad length   |  next header  |
 *   +---------------------------------------------------------------+
 *   |                    ICV, 16 octets                             |
 *   +---------------------------------------------------------------+
 */
export const ESP_HEADER = 8;
export const ESP_IV = 8;
export const ESP_ICV = 16;
/** Shortest packet: header, IV, padded trailer of an empty payload, ICV. */
export const ESP_MIN = ESP_HEADER + ESP_IV + 2 + ESP_ICV;
/** Next header values (RFC 4303 §2.6). */
export const NEXT_HEADER = { IPV4: 4, IPV6: 41, DUMMY: 59 } as const;

/** What a datagram on an encapsulation port carries (RFC 3948 §2): marker of four zeros, one 0xFF, or an SPI. */
export function classifyDatagram(bytes: Uint8Array): 'ike' | 'keepalive' | 'esp' | 'malformed' {
  if (bytes.length === 1 && bytes[0] === 0xff) return 'keepalive';
  if (bytes.length < 4) return 'malformed';
  if (bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0) return 'ike';
  return bytes.length >= ESP_HEADER ? 'esp' : 'malformed';
}

/** What sealing and opening need of an SA. */
export interface EspKeys {
  readonly spi: number;
  readonly aead: Aead;
  /** 4 octets. */
  readonly salt: Uint8Array;
  readonly esn: boolean;
}

const put32 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
};

const split = (sequence: number): { high: number; low: number } => ({ high: Math.floor(sequence / 0x1_0000_0000) >>> 0, low: sequence >>> 0 });

function associated(keys: EspKeys, sequence: number): Uint8Array {
  const { high, low } = split(sequence);
  const aad = new Uint8Array(keys.esn ? 12 : 8);
  put32(aad, 0, keys.spi);
  if (keys.esn) put32(aad, 4, high);
  put32(aad, keys.esn ? 8 : 4, low);
  return aad;
}

/** The ESP packet around `inner` with this sequence number, which must not have been used with these keys. */
export function sealEsp(keys: EspKeys, sequence: number, inner: Uint8Array, nextHeader: number): Uint8Array {
  const { high, low } = split(sequence);
  const header = new Uint8Array(ESP_HEADER + ESP_IV);
  put32(header, 0, keys.spi);
  put32(header, 4, low);
  put32(header, 8, high);
  put32(header, 12, low);
  const padding = (4 - ((inner.length + 2) % 4)) % 4; // RFC 4303 §2.4
  const plain = new Uint8Array(inner.length + padding + 2);
  plain.set(inner);
  for (let i = 0; i < padding; i++) plain[inner.length + i] = i + 1;
  plain[plain.length - 2] = padding;
  plain[plain.length - 1] = nextHeader;
  const nonce = concat(keys.salt, header.subarray(ESP_HEADER));
  return concat(header, keys.aead.seal(nonce, associated(keys, sequence), plain));
}

/** SPI and the low 32 bits of the sequence number; the packet has at least 8 octets. */
export function espHeader(bytes: Uint8Array): { spi: number; low: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { spi: view.getUint32(0), low: view.getUint32(4) };
}

/** Decrypts a packet of at least `ESP_MIN` octets; undefined for a wrong ICV. The result still has its trailer. */
export function openEsp(keys: EspKeys, sequence: number, bytes: Uint8Array): Uint8Array | undefined {
  const nonce = concat(keys.salt, bytes.subarray(ESP_HEADER, ESP_HEADER + ESP_IV));
  return keys.aead.open(nonce, associated(keys, sequence), bytes.subarray(ESP_HEADER + ESP_IV));
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
