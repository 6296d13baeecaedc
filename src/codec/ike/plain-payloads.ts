import type { ByteReader, ByteWriter } from '../../base/index.ts';
import type { CertPayload, IdPayload, NotifyPayload, PayloadOf } from './types.ts';

/*
 * The payloads that are a fixed part and octets. Each decoder reads the body (what follows the generic header) and
 * returns the payload, or a string that says what is malformed.
 */

const CUT_SHORT = 'payload is cut short';

/*
 * KE payload (RFC 7296 §3.4)
 * |   Diffie-Hellman Group Num    |           RESERVED            |
 * |                       Key Exchange Data                       |
 */
export function decodeKe(reader: ByteReader): PayloadOf<'KE'> | string {
  const group = reader.u16();
  reader.skip(2);
  return reader.failed ? CUT_SHORT : { type: 'KE', group, data: reader.rest() };
}

export function encodeKe(payload: PayloadOf<'KE'>, out: ByteWriter): void {
  out.u16(payload.group).u16(0).bytes(payload.data);
}

/*
 * ID payload (RFC 7296 §3.5)
 * |   ID Type     |                 RESERVED                      |
 * |                   Identification Data                         |
 */
export function decodeId<T extends 'IDi' | 'IDr'>(type: T, reader: ByteReader): IdPayload<T> | string {
  if (reader.left < 4) return CUT_SHORT;
  const body = reader.rest();
  return { type, idType: body[0] ?? 0, data: body.slice(4), body };
}

/** Writes `body` as it was sent if there is one (RFC 7296 §2.15 signs it, reserved octets included). */
export function encodeId(payload: IdPayload, out: ByteWriter): void {
  if (payload.body.length > 0) out.bytes(payload.body);
  else out.u8(payload.idType).zeros(3).bytes(payload.data);
}

/*
 * CERT and CERTREQ payloads (RFC 7296 §3.6, §3.7)
 * | Cert Encoding |     Certificate Data or Certification Authority
 */
export function decodeCert<T extends 'CERT' | 'CERTREQ'>(type: T, reader: ByteReader): CertPayload<T> | string {
  const encoding = reader.u8();
  return reader.failed ? CUT_SHORT : { type, encoding, data: reader.rest() };
}

export function encodeCert(payload: CertPayload, out: ByteWriter): void {
  out.u8(payload.encoding).bytes(payload.data);
}

/*
 * AUTH payload (RFC 7296 §3.8)
 * | Auth Method   |                RESERVED                       |
 * |                      Authentication Data                      |
 */
export function decodeAuth(reader: ByteReader): PayloadOf<'AUTH'> | string {
  const method = reader.u8();
  reader.skip(3);
  return reader.failed ? CUT_SHORT : { type: 'AUTH', method, data: reader.rest() };
}

export function encodeAuth(payload: PayloadOf<'AUTH'>, out: ByteWriter): void {
  out.u8(payload.method).zeros(3).bytes(payload.data);
}

/* Nonce and Vendor ID payloads (RFC 7296 §3.9, §3.12) are octets and nothing else. */
export function decodeNonce(reader: ByteReader): PayloadOf<'NONCE'> {
  return { type: 'NONCE', data: reader.rest() };
}

export function decodeVendor(reader: ByteReader): PayloadOf<'V'> {
  return { type: 'V', data: reader.rest() };
}

export function encodeData(payload: PayloadOf<'NONCE'> | PayloadOf<'V'>, out: ByteWriter): void {
  out.bytes(payload.data);
}

/*
 * N payload (RFC 7296 §3.10)
 * |  Protocol ID  |   SPI Size    |      Notify Message Type      |
 * |                Security Parameter Index (SPI)                 |
 * |                       Notification Data                       |
 */
export function decodeNotify(reader: ByteReader): NotifyPayload | string {
  const protocol = reader.u8();
  const spiSize = reader.u8();
  const notify = reader.u16();
  const spi = reader.bytes(spiSize);
  return reader.failed ? CUT_SHORT : { type: 'N', protocol, spi, notify, data: reader.rest() };
}

export function encodeNotify(payload: NotifyPayload, out: ByteWriter): void {
  out.u8(payload.protocol).u8(payload.spi.length).u16(payload.notify).bytes(payload.spi).bytes(payload.data);
}

/*
 * D payload (RFC 7296 §3.11)
 * | Protocol ID   |   SPI Size    |          Num of SPIs          |
 * |               Security Parameter Index(es) (SPI)              |
 */
export function decodeDelete(reader: ByteReader): PayloadOf<'D'> | string {
  const protocol = reader.u8();
  const spiSize = reader.u8();
  const count = reader.u16();
  if (reader.failed) return CUT_SHORT;
  if (reader.left !== spiSize * count) return 'SPIs do not fill the payload';
  const spis: Uint8Array[] = [];
  // An IKE SA is named by the message itself: size and count are 0, and a count of empty SPIs means nothing.
  while (reader.left > 0) spis.push(reader.bytes(spiSize));
  return { type: 'D', protocol, spiSize, spis };
}

export function encodeDelete(payload: PayloadOf<'D'>, out: ByteWriter): void {
  out.u8(payload.protocol).u8(payload.spiSize).u16(payload.spis.length);
  for (const spi of payload.spis) out.bytes(spi);
}
