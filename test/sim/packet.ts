/** Packets of the simulated net: outer ones as plain values, inner ones as the octets a TUN device carries. */
import { ByteReader, ByteWriter, concat, ipBytes, ipFamily, ipFromBytes, type Endpoint } from '../../src/base/index.ts';

/** What travels on outer links. `esp` is IP protocol 50, with ports 0; `raw` is anything else that is neither UDP nor TCP of the outside: inner packets that leaked. */
export interface OuterPacket {
  readonly protocol: 'udp' | 'tcp' | 'esp' | 'raw';
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly bytes: Uint8Array;
  /** The DF bit of IPv4. IPv6 is never cut on its way. */
  readonly dontFragment?: boolean;
}

const TRANSPORT = { udp: 8, tcp: 20, esp: 0 } as const;

/** Octets on the wire, IP header included. */
export function outerSize(packet: OuterPacket): number {
  if (packet.protocol === 'raw') return packet.bytes.length;
  return packet.bytes.length + (ipFamily(packet.source.address) === 4 ? 20 : 40) + TRANSPORT[packet.protocol];
}

export interface InnerPacket {
  readonly protocol: number;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly payload: Uint8Array;
}

const UDP = 17;
const TCP = 6;

function checksum(...parts: readonly Uint8Array[]): number {
  const bytes = concat(...parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** An IP packet with UDP (17) or a bare TCP header (6, flags ACK). */
export function buildInner(packet: InnerPacket): Uint8Array {
  const source = ipBytes(packet.source.address);
  const destination = ipBytes(packet.destination.address);
  const transport = new ByteWriter();
  transport.u16(packet.source.port).u16(packet.destination.port);
  if (packet.protocol === UDP) transport.u16(8 + packet.payload.length).u16(0);
  else transport.u32(1).u32(1).u16(0x5010).u16(65535).u16(0).u16(0);
  transport.bytes(packet.payload);
  const length = transport.length;
  const pseudo = new ByteWriter().bytes(source).bytes(destination).u32(length).u32(packet.protocol).finish();
  const sum = checksum(pseudo, transport.finish());
  transport.patch16(packet.protocol === UDP ? 6 : 16, sum === 0 ? 0xffff : sum);
  if (source.length === 16) return concat(new ByteWriter().u32(0x60000000).u16(length).u8(packet.protocol).u8(64).bytes(source).bytes(destination).finish(), transport.finish());
  const header = new ByteWriter().u8(0x45).u8(0).u16(20 + length).u16(0).u16(0x4000).u8(64).u8(packet.protocol).u16(0).bytes(source).bytes(destination);
  header.patch16(10, checksum(header.finish()));
  return concat(header.finish(), transport.finish());
}

/** Addresses and protocol of an IP packet; ports and payload where there are ports. Undefined: not an IP packet. */
export function parseInner(bytes: Uint8Array): InnerPacket | undefined {
  const version = (bytes[0] ?? 0) >> 4;
  const reader = new ByteReader(bytes);
  if (version !== 4 && version !== 6) return undefined;
  const headerLength = version === 4 ? ((bytes[0] ?? 0) & 15) * 4 : 40;
  reader.skip(version === 4 ? 9 : 6);
  const protocol = reader.u8();
  reader.skip(version === 4 ? 2 : 1);
  const source = ipFromBytes(reader.bytes(version === 4 ? 4 : 16));
  const destination = ipFromBytes(reader.bytes(version === 4 ? 4 : 16));
  if (reader.failed || !source || !destination) return undefined;
  const transport = new ByteReader(bytes, headerLength);
  const ports = protocol === UDP || protocol === TCP;
  const sourcePort = ports ? transport.u16() : 0;
  const destinationPort = ports ? transport.u16() : 0;
  transport.skip(protocol === UDP ? 4 : protocol === TCP ? 16 : 0);
  if (transport.failed) return undefined;
  return { protocol, source: { address: source, port: sourcePort }, destination: { address: destination, port: destinationPort }, payload: transport.rest() };
}

/** Begins every payload that must never be seen in clear on an outer link. */
export const CLEAR_MARK = new Uint8Array([0x63, 0x6c, 0x65, 0x61, 0x72, 0x21, 0x7e, 0x7e]);

/** True when `bytes` hold the mark of a payload that must not leave unencrypted. */
export function holdsClearText(bytes: Uint8Array): boolean {
  for (let i = bytes.indexOf(0x63); i >= 0; i = bytes.indexOf(0x63, i + 1)) {
    let k = 1;
    while (k < CLEAR_MARK.length && bytes[i + k] === CLEAR_MARK[k]) k++;
    if (k === CLEAR_MARK.length) return true;
  }
  return false;
}

/** True for a datagram of port 4500 that is neither IKE (four zero octets first) nor a keepalive (RFC 3948 §2). */
export function isEspInUdp(packet: OuterPacket): boolean {
  const { bytes } = packet;
  if (packet.protocol !== 'udp' || (packet.source.port !== 4500 && packet.destination.port !== 4500)) return false;
  return bytes.length > 4 && (bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 0 || bytes[3] !== 0);
}

/** True for ESP, in UDP or not. */
export const isEsp = (packet: OuterPacket): boolean => packet.protocol === 'esp' || isEspInUdp(packet);
