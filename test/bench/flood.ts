/** A flood's packets: IKE_SA_INIT requests of ever new sources and SPIs, with a sound offer and without a cookie. */
import { ByteWriter, concat, ipBytes, ipFromBytes, type IpAddress } from '../../src/base/index.ts';
import { encodeHeader, encodePayloads, EXCHANGE, HEADER_OCTETS, notify, type IkeSpi } from '../../src/codec/ike/index.ts';

export interface FloodPacket {
  readonly source: IpAddress;
  readonly bytes: Uint8Array;
}

/** The IPv4 address so many behind `base`. */
export function addressAfter(base: IpAddress, index: number): IpAddress {
  const octets = ipBytes(base);
  const first = new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0);
  return ipFromBytes(new ByteWriter(4).u32((first + index) >>> 0).finish()) as IpAddress;
}

/** Sources are the 2^24 addresses from `base` on, again and again. */
export function* flood(base: IpAddress): Generator<FloodPacket, never> {
  const inner = encodePayloads([
    { type: 'SA', proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(), transforms: [{ type: 1, id: 20, keyLength: 256 }, { type: 2, id: 5 }, { type: 4, id: 31 }] }] },
    { type: 'KE', group: 31, data: new Uint8Array(32).fill(9) }, { type: 'NONCE', data: new Uint8Array(32).fill(7) },
    notify('NAT_DETECTION_SOURCE_IP', new Uint8Array(20)), notify('NAT_DETECTION_DESTINATION_IP', new Uint8Array(20)),
  ]);
  for (let i = 1; ; i++) {
    const header = {
      spiI: BigInt(i) as IkeSpi, spiR: 0n as IkeSpi, nextPayload: inner.first, majorVersion: 2, minorVersion: 0, exchange: EXCHANGE.IKE_SA_INIT,
      fromOriginalInitiator: true, isResponse: false, messageId: 0,
    };
    yield { source: addressAfter(base, i & 0xffffff), bytes: concat(encodeHeader(header, HEADER_OCTETS + inner.bytes.length), inner.bytes) };
  }
}
