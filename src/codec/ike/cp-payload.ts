import type { ByteReader, ByteWriter } from '../../base/index.ts';
import type { PayloadOf } from './types.ts';

/*
 * CP payload (RFC 7296 §3.15): a type, then attributes.
 *
 * |   CFG Type    |                    RESERVED                   |
 *
 * |R|         Attribute Type      |            Length             |
 * |                             Value                             |
 */

/** The reserved bit before the attribute type is ignored (RFC 7296 §3.15.1). */
const ATTRIBUTE_TYPE_MASK = 0x7fff;

/** Decodes the body of a CP payload; a string says what is malformed. */
export function decodeCp(reader: ByteReader): PayloadOf<'CP'> | string {
  const cfgType = reader.u8();
  reader.skip(3);
  const attributes: { type: number; value: Uint8Array }[] = [];
  while (reader.left > 0) {
    const type = reader.u16() & ATTRIBUTE_TYPE_MASK;
    const length = reader.u16();
    attributes.push({ type, value: reader.bytes(length) });
  }
  return reader.failed ? 'payload is cut short' : { type: 'CP', cfgType, attributes };
}

/** Encodes the body of a CP payload. */
export function encodeCp(payload: PayloadOf<'CP'>, out: ByteWriter): void {
  out.u8(payload.cfgType).zeros(3);
  for (const attribute of payload.attributes) out.u16(attribute.type & ATTRIBUTE_TYPE_MASK).u16(attribute.value.length).bytes(attribute.value);
}
