import type { ByteReader, ByteWriter } from '../../base/index.ts';
import type { PayloadOf, Proposal, Transform } from './types.ts';

/*
 * SA payload (RFC 7296 §3.3): proposals, each followed by its transforms, each followed by its attributes.
 *
 * | 0 (last) or 2 |   RESERVED    |        Proposal Length        |
 * | Proposal Num  |  Protocol ID  |    SPI Size   |Num  Transforms|
 * |                        SPI (variable)                         |
 *
 * | 0 (last) or 3 |   RESERVED    |        Transform Length       |
 * |Transform Type |   RESERVED    |          Transform ID         |
 * |                      Transform Attributes                     |
 *
 * |A|       Attribute Type        |  A=0: Attribute Length; A=1: Attribute Value  |
 */

const MORE_PROPOSALS = 2;
const MORE_TRANSFORMS = 3;
const PROPOSAL_FIXED = 8;
const TRANSFORM_FIXED = 8;

/** Attribute Format bit: type and value in four octets (RFC 7296 §3.3.5). */
const ATTRIBUTE_TV = 0x8000;
const ATTRIBUTE_KEY_LENGTH = 14;

/** Reads the attributes of one transform; a string says why they cannot be read. */
function readTransform(reader: ByteReader, end: number): Transform | string {
  const type = reader.u8();
  reader.skip(1);
  const id = reader.u16();
  let keyLength: number | undefined;
  let unknownAttribute = false;
  while (reader.offset < end) {
    const head = reader.u16();
    const value = reader.u16();
    if (reader.failed || reader.offset > end) return 'transform attribute is cut short';
    if ((head & ATTRIBUTE_TV) === 0) {
      // TLV form: none of the attributes we know has it, and Key Length MUST NOT (RFC 7296 §3.3.5).
      if (value > end - reader.offset) return 'transform attribute is longer than its transform';
      reader.skip(value);
      unknownAttribute = true;
    } else if ((head & ~ATTRIBUTE_TV) === ATTRIBUTE_KEY_LENGTH && keyLength === undefined) {
      keyLength = value;
    } else {
      unknownAttribute = true;
    }
  }
  return {
    type,
    id,
    ...(keyLength === undefined ? undefined : { keyLength }),
    ...(unknownAttribute ? { unknownAttribute } : undefined),
  };
}

function readTransforms(reader: ByteReader, count: number, end: number): Transform[] | string {
  const transforms: Transform[] = [];
  for (let i = 0; i < count; i++) {
    const start = reader.offset;
    if (end - start < TRANSFORM_FIXED) return 'transform is cut short';
    const last = reader.u8();
    reader.skip(1);
    const length = reader.u16();
    if (length < TRANSFORM_FIXED || length > end - start) return 'transform length does not fit its proposal';
    if (last !== (i === count - 1 ? 0 : MORE_TRANSFORMS)) return 'last-transform mark is wrong';
    const transform = readTransform(reader, start + length);
    if (typeof transform === 'string') return transform;
    transforms.push(transform);
  }
  return reader.offset === end ? transforms : 'octets after the last transform';
}

/** Decodes the body of an SA payload (RFC 7296 §3.3); a string says what is malformed. */
export function decodeSa(reader: ByteReader): PayloadOf<'SA'> | string {
  const proposals: Proposal[] = [];
  let more = true;
  while (more) {
    const start = reader.offset;
    const left = reader.left;
    if (left < PROPOSAL_FIXED) return 'proposal is cut short';
    const last = reader.u8();
    reader.skip(1);
    const length = reader.u16();
    if (last !== 0 && last !== MORE_PROPOSALS) return 'last-proposal mark is wrong';
    const number = reader.u8();
    const protocol = reader.u8();
    const spiSize = reader.u8();
    const count = reader.u8();
    if (length < PROPOSAL_FIXED + spiSize || length > left) return 'proposal length does not fit its payload';
    const spi = reader.bytes(spiSize);
    const transforms = readTransforms(reader, count, start + length);
    if (typeof transforms === 'string') return transforms;
    proposals.push({ number, protocol, spi, transforms });
    more = last === MORE_PROPOSALS;
  }
  return reader.left === 0 ? { type: 'SA', proposals } : 'octets after the last proposal';
}

/** Encodes the body of an SA payload; an attribute we do not know is not written. */
export function encodeSa(payload: PayloadOf<'SA'>, out: ByteWriter): void {
  payload.proposals.forEach((proposal, i) => {
    const start = out.length;
    out.u8(i === payload.proposals.length - 1 ? 0 : MORE_PROPOSALS).u8(0).u16(0);
    out.u8(proposal.number).u8(proposal.protocol).u8(proposal.spi.length).u8(proposal.transforms.length).bytes(proposal.spi);
    proposal.transforms.forEach((transform, k) => {
      const at = out.length;
      out.u8(k === proposal.transforms.length - 1 ? 0 : MORE_TRANSFORMS).u8(0).u16(0);
      out.u8(transform.type).u8(0).u16(transform.id);
      if (transform.keyLength !== undefined) out.u16(ATTRIBUTE_TV | ATTRIBUTE_KEY_LENGTH).u16(transform.keyLength);
      out.patch16(at + 2, out.length - at);
    });
    out.patch16(start + 2, out.length - start);
  });
}
