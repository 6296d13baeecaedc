import type { ByteReader, ByteWriter } from '../../base/index.ts';
import type { PayloadOf } from './types.ts';

/*
 * SK payload (RFC 7296 §3.14): IV | ciphertext | padding | pad length | ICV, opaque here. Its Next Payload field names
 * the first payload inside. SKF (RFC 7383 §2.5) puts two fields before that:
 *
 * |        Fragment Number        |        Total Fragments        |
 */

/** Takes the body of an SK payload; `firstInner` is the Next Payload field of its generic header. */
export function decodeSk(reader: ByteReader, firstInner: number): PayloadOf<'SK'> {
  const bodyOffset = reader.offset;
  return { type: 'SK', firstInner, body: reader.rest(), bodyOffset };
}

/** Takes the body of an SKF payload; a string says what is malformed. Fragment numbers are for the caller to judge. */
export function decodeSkf(reader: ByteReader, firstInner: number): PayloadOf<'SKF'> | string {
  const fragment = reader.u16();
  const total = reader.u16();
  if (reader.failed) return 'payload is cut short';
  const bodyOffset = reader.offset;
  return { type: 'SKF', firstInner, fragment, total, body: reader.rest(), bodyOffset };
}

export function encodeSk(payload: PayloadOf<'SK'>, out: ByteWriter): void {
  out.bytes(payload.body);
}

export function encodeSkf(payload: PayloadOf<'SKF'>, out: ByteWriter): void {
  out.u16(payload.fragment).u16(payload.total).bytes(payload.body);
}
