import { ByteReader, ByteWriter } from '../../base/index.ts';
import type { IkeHeader, IkeSpi } from './types.ts';

/*
 *                      1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+-------------------------------+
 * |                 IKE SA Initiator's SPI (8)                    |
 * |                 IKE SA Responder's SPI (8)                    |
 * +---------------+-------+-------+---------------+---------------+
 * | Next Payload  | MjVer | MnVer | Exchange Type |     Flags     |
 * +---------------+-------+-------+---------------+---------------+
 * |                          Message ID                           |
 * |                            Length                             |
 * +---------------------------------------------------------------+
 */

/** Octets of the IKE header (RFC 7296 §3.1). */
export const HEADER_OCTETS = 28;

/** Flags octet of the header (RFC 7296 §3.1); the Version bit 0x10 and all others are sent as zero and ignored. */
const FLAG_INITIATOR = 0x08;
const FLAG_RESPONSE = 0x20;

/**
 * Decodes the header of a whole IKE message without its non-ESP marker. Undefined when it is shorter than a header or
 * its Length field is not the length of the datagram (RFC 7296 §3.1); the version is for the caller to judge.
 */
export function decodeHeader(bytes: Uint8Array): IkeHeader | undefined {
  if (bytes.length < HEADER_OCTETS) return undefined;
  const reader = new ByteReader(bytes, 0, HEADER_OCTETS);
  const spiI = reader.u64() as IkeSpi;
  const spiR = reader.u64() as IkeSpi;
  const nextPayload = reader.u8();
  const version = reader.u8();
  const exchange = reader.u8();
  const flags = reader.u8();
  const messageId = reader.u32();
  const length = reader.u32();
  if (length !== bytes.length) return undefined;
  return {
    spiI,
    spiR,
    nextPayload,
    majorVersion: version >> 4,
    minorVersion: version & 15,
    exchange,
    fromOriginalInitiator: (flags & FLAG_INITIATOR) !== 0,
    isResponse: (flags & FLAG_RESPONSE) !== 0,
    messageId,
    length,
  };
}

/** Encodes the 28 octets of a header whose message has `totalLength` octets, this header included. */
export function encodeHeader(header: Omit<IkeHeader, 'length'>, totalLength: number): Uint8Array {
  return new ByteWriter(HEADER_OCTETS)
    .u64(header.spiI)
    .u64(header.spiR)
    .u8(header.nextPayload)
    .u8((header.majorVersion << 4) | (header.minorVersion & 15))
    .u8(header.exchange)
    .u8((header.fromOriginalInitiator ? FLAG_INITIATOR : 0) | (header.isResponse ? FLAG_RESPONSE : 0))
    .u32(header.messageId)
    .u32(totalLength)
    .finish();
}
