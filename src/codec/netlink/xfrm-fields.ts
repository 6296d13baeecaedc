import type { IpAddress, IpFamily, IpPrefix } from '../../base/index.ts';
import { ByteReader, ByteWriter, ipBytes, ipFamily, ipFromBytes } from '../../base/index.ts';
import { AF } from './message.ts';
import type { XfrmCounters, XfrmEncap, XfrmLimits, XfrmMark, XfrmPort, XfrmSelector } from './xfrm-types.ts';

/*
 * Fields that several structures of linux/xfrm.h share. The structures are laid out as C does it where 64-bit numbers
 * are aligned to 8 octets, which is every architecture but 32-bit x86: there XFRM messages of SAs and policies are
 * 4 octets shorter in places, and these codecs do not fit.
 */

/** Octets of the shared structures. */
export const SIZE = { address: 16, selector: 56, limits: 64, counters: 32, mark: 8, encap: 24 } as const;
/** IP protocol of ESP. */
export const IPPROTO_ESP = 50;
/** XFRM_MODE_TUNNEL. */
export const MODE_TUNNEL = 1;
/** UDP_ENCAP_ESPINUDP (linux/udp.h). */
const UDP_ENCAP_ESPINUDP = 2;
/** XFRM_INF: no limit of octets or packets. Of seconds it is 0. */
const INF = 0xffff_ffff_ffff_ffffn;

/** The address family of the kernel for one of ours. */
export const afOf = (address: IpAddress): number => (ipFamily(address) === 4 ? AF.INET : AF.INET6);

/** The IP version of an address family; undefined for any other. */
export function familyOf(af: number): IpFamily | undefined {
  return af === AF.INET ? 4 : af === AF.INET6 ? 6 : undefined;
}

/** The address in xfrm_address_t, 16 octets of which IPv4 fills the first four; the family stands elsewhere. */
export function addressOf(bytes: Uint8Array, family: IpFamily): IpAddress | undefined {
  return ipFromBytes(bytes.subarray(0, family === 4 ? 4 : 16));
}

/** Writes xfrm_address_t. */
export function putAddress(out: ByteWriter, address: IpAddress): ByteWriter {
  const bytes = ipBytes(address);
  return out.bytes(bytes).zeros(SIZE.address - bytes.length);
}

/** Eight octets as a number: seconds, of which what a number cannot hold is as good as for ever. */
export function readSeconds(reader: ByteReader, littleEndian: boolean): number {
  return Math.min(Number(reader.u64(littleEndian)), Number.MAX_SAFE_INTEGER);
}

/** A decoded selector; `any` when it names no family, and so matches everything. Undefined when a prefix is impossible. */
export function readSelector(reader: ByteReader, littleEndian: boolean): XfrmSelector | 'any' | undefined {
  const destination = reader.view(SIZE.address);
  const source = reader.view(SIZE.address);
  const destinationPort = { port: reader.u16(), mask: reader.u16() };
  const sourcePort = { port: reader.u16(), mask: reader.u16() };
  const af = reader.u16(littleEndian);
  const destinationLength = reader.u8();
  const sourceLength = reader.u8();
  const protocol = reader.u8();
  reader.skip(3);
  const ifindex = reader.u32(littleEndian);
  reader.skip(4);
  if (reader.failed) return undefined;
  if (af === AF.UNSPEC) return 'any';
  const family = familyOf(af);
  if (family === undefined) return undefined;
  const to = prefixOf(destination, destinationLength, family);
  const from = prefixOf(source, sourceLength, family);
  if (to === undefined || from === undefined) return undefined;
  return {
    source: from,
    destination: to,
    protocol,
    ...(sourcePort.mask === 0 ? {} : { sourcePort }),
    ...(destinationPort.mask === 0 ? {} : { destinationPort }),
    ...(ifindex === 0 ? {} : { ifindex }),
  };
}

function prefixOf(bytes: Uint8Array, length: number, family: IpFamily): IpPrefix | undefined {
  const address = addressOf(bytes, family);
  return address === undefined || length > (family === 4 ? 32 : 128) ? undefined : { address, length };
}

/**
 * Writes struct xfrm_selector; undefined is any packet of either family. Ports are in network order, the rest in the
 * host's.
 *
 *     +---------------------------------------------------------------+
 *     |               destination address (16 octets)                 |
 *     |                 source address (16 octets)                    |
 *     +-------------------------------+-------------------------------+
 *     |       destination port        |    mask of destination port   |
 *     +-------------------------------+-------------------------------+
 *     |          source port          |       mask of source port     |
 *     +-------------------------------+---------------+---------------+
 *     |            family             |  dst length   |  src length   |
 *     +---------------+---------------+---------------+---------------+
 *     |   protocol    |                   padding                     |
 *     +---------------+-----------------------------------------------+
 *     |                            ifindex                            |
 *     +---------------------------------------------------------------+
 *     |                             user                              |
 *     +---------------------------------------------------------------+
 */
export function putSelector(out: ByteWriter, selector: XfrmSelector | undefined, littleEndian: boolean): ByteWriter {
  if (selector === undefined) return out.zeros(SIZE.selector);
  putAddress(out, selector.destination.address);
  putAddress(out, selector.source.address);
  putPort(out, selector.destinationPort);
  putPort(out, selector.sourcePort);
  out.u16(afOf(selector.destination.address), littleEndian).u8(selector.destination.length).u8(selector.source.length);
  return out.u8(selector.protocol).zeros(3).u32(selector.ifindex ?? 0, littleEndian).u32(0);
}

function putPort(out: ByteWriter, port: XfrmPort | undefined): void {
  out.u16(port === undefined ? 0 : port.port).u16(port === undefined ? 0 : port.mask);
}

/** Reads struct xfrm_lifetime_cfg: soft and hard octets, soft and hard packets, soft and hard seconds since added, the same since used. */
export function readLimits(reader: ByteReader, littleEndian: boolean): XfrmLimits {
  const [softOctets, hardOctets, softPackets, hardPackets] = [reader.u64(littleEndian), reader.u64(littleEndian), reader.u64(littleEndian), reader.u64(littleEndian)];
  const [softSeconds, hardSeconds] = [readSeconds(reader, littleEndian), readSeconds(reader, littleEndian)];
  reader.skip(16);
  return {
    ...(softOctets === INF ? {} : { softOctets }),
    ...(hardOctets === INF ? {} : { hardOctets }),
    ...(softPackets === INF ? {} : { softPackets }),
    ...(hardPackets === INF ? {} : { hardPackets }),
    ...(softSeconds === 0 ? {} : { softSeconds }),
    ...(hardSeconds === 0 ? {} : { hardSeconds }),
  };
}

/** Writes struct xfrm_lifetime_cfg. Nothing expires for want of use. */
export function putLimits(out: ByteWriter, limits: XfrmLimits, littleEndian: boolean): ByteWriter {
  for (const limit of [limits.softOctets, limits.hardOctets, limits.softPackets, limits.hardPackets]) out.u64(limit ?? INF, littleEndian);
  for (const limit of [limits.softSeconds, limits.hardSeconds]) out.u64(BigInt(limit ?? 0), littleEndian);
  return out.zeros(16);
}

/** Reads struct xfrm_lifetime_cur: octets, packets, time added, time first used, 8 octets each. */
export function readCounters(reader: ByteReader, littleEndian: boolean): XfrmCounters {
  const octets = reader.u64(littleEndian);
  const packets = reader.u64(littleEndian);
  return { octets, packets, addTime: readSeconds(reader, littleEndian), useTime: readSeconds(reader, littleEndian) };
}

/** Writes struct xfrm_lifetime_cur. */
export function putCounters(out: ByteWriter, counters: XfrmCounters, littleEndian: boolean): ByteWriter {
  out.u64(counters.octets, littleEndian).u64(counters.packets, littleEndian);
  return out.u64(BigInt(counters.addTime), littleEndian).u64(BigInt(counters.useTime), littleEndian);
}

/** Decodes struct xfrm_mark: value and mask. Undefined when it is absent, too short, or has no bits. */
export function decodeMark(bytes: Uint8Array | undefined, littleEndian: boolean): XfrmMark | undefined {
  if (bytes === undefined || bytes.length < SIZE.mark) return undefined;
  const reader = new ByteReader(bytes);
  const mark = { value: reader.u32(littleEndian), mask: reader.u32(littleEndian) };
  return mark.value === 0 && mark.mask === 0 ? undefined : mark;
}

/** The attribute that carries a mark; nothing for none. */
export function markAttribute(mark: XfrmMark | undefined, littleEndian: boolean): { mark?: Uint8Array } {
  return mark === undefined ? {} : { mark: new ByteWriter(SIZE.mark).u32(mark.value, littleEndian).u32(mark.mask, littleEndian).finish() };
}

/** Decodes struct xfrm_encap_tmpl; undefined when it is not ESP in UDP. */
export function decodeEncap(bytes: Uint8Array, littleEndian: boolean): XfrmEncap | undefined {
  const reader = new ByteReader(bytes);
  const type = reader.u16(littleEndian);
  const encap = { sourcePort: reader.u16(), destinationPort: reader.u16() };
  return reader.failed || type !== UDP_ENCAP_ESPINUDP ? undefined : encap;
}

/**
 * The attribute of UDP encapsulation; ports in network order, then padding and the address before the NAT, which is not
 * told in tunnel mode.
 *
 *     +-------------------------------+-------------------------------+
 *     |        UDP_ENCAP_* type       |          source port          |
 *     +-------------------------------+-------------------------------+
 *     |        destination port       |            padding            |
 *     +-------------------------------+-------------------------------+
 *     |                  address (16 octets of zero)                  |
 *     +---------------------------------------------------------------+
 */
export function encapAttribute(encap: XfrmEncap | undefined, littleEndian: boolean): { encap?: Uint8Array } {
  if (encap === undefined) return {};
  const out = new ByteWriter(SIZE.encap).u16(UDP_ENCAP_ESPINUDP, littleEndian);
  return { encap: out.u16(encap.sourcePort).u16(encap.destinationPort).zeros(SIZE.encap - 6).finish() };
}

/** The attribute that names an xfrm interface; nothing for none. */
export const ifIdAttribute = (ifId: number | undefined): { ifId?: number } => (ifId === undefined || ifId === 0 ? {} : { ifId });
