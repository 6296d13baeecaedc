import type { AddressFact, IpAddress } from '../../base/index.ts';
import { ByteReader, ByteWriter, ipFamily } from '../../base/index.ts';
import { ADDRESS_ATTRS } from './address-attrs.ts';
import { decodeAttributes, encodeAttributes } from './attributes.ts';
import { AF, encodeMessage, MESSAGE, NLM_F } from './message.ts';

/** ifa_flags (linux/if_addr.h). For IPv6 the bit of SECONDARY means a temporary address (RFC 8981). */
export const IFA_F = { SECONDARY: 0x01, NODAD: 0x02, OPTIMISTIC: 0x04, DADFAILED: 0x08, DEPRECATED: 0x20, TENTATIVE: 0x40 } as const;
const RT_SCOPE_UNIVERSE = 0;
const HEADER = 8;

/**
 * Decodes the payload of RTM_NEWADDR or RTM_DELADDR; undefined for families other than IPv4 and IPv6.
 *
 *     +---------------+---------------+---------------+---------------+
 *     |    family     | prefix length |     flags     |     scope     |
 *     +---------------+---------------+---------------+---------------+
 *     |                            ifindex                            |
 *     +---------------------------------------------------------------+
 */
export function decodeAddress(payload: Uint8Array, littleEndian: boolean): AddressFact | undefined {
  const reader = new ByteReader(payload);
  const family = reader.u8();
  const prefixLength = reader.u8();
  const shortFlags = reader.u8();
  const scope = reader.u8();
  const ifindex = reader.u32(littleEndian);
  if (reader.failed || ifindex === 0 || (family !== AF.INET && family !== AF.INET6)) return undefined;
  const attributes = decodeAttributes(ADDRESS_ATTRS, payload.subarray(HEADER), littleEndian);
  const address = attributes?.local ?? attributes?.address;
  if (attributes === undefined || address === undefined) return undefined;
  if (ipFamily(address) !== (family === AF.INET ? 4 : 6) || prefixLength > (family === AF.INET ? 32 : 128)) return undefined;
  const flags = attributes.flags ?? shortFlags;
  // An optimistic address may be used while its duplicate detection runs (RFC 4429 §3.3); a failed one may not.
  const detecting = (flags & IFA_F.TENTATIVE) !== 0 && (flags & IFA_F.OPTIMISTIC) === 0;
  return {
    ifindex,
    address,
    prefixLength,
    tentative: detecting || (flags & IFA_F.DADFAILED) !== 0,
    deprecated: (flags & IFA_F.DEPRECATED) !== 0,
    secondary: (flags & IFA_F.SECONDARY) !== 0,
    global: scope === RT_SCOPE_UNIVERSE,
  };
}

/** Asks for every address of both families. */
export function encodeAddressDump(sequence: number, littleEndian: boolean): Uint8Array {
  const payload = new ByteWriter(HEADER).u8(AF.UNSPEC).zeros(HEADER - 1).finish();
  return encodeMessage({ type: MESSAGE.RTM_GETADDR, flags: NLM_F.REQUEST | NLM_F.DUMP, sequence, payload }, littleEndian);
}

/** Adds or deletes a host address (/32, /128) of a device; asks for an acknowledgement. IPv6 is not asked for on the link: a tunnel has no neighbours. */
export function encodeAddress(change: 'add' | 'delete', host: { readonly ifindex: number; readonly address: IpAddress }, sequence: number, littleEndian: boolean): Uint8Array {
  const family = ipFamily(host.address);
  const out = new ByteWriter(48).u8(family === 4 ? AF.INET : AF.INET6).u8(family === 4 ? 32 : 128).u8(family === 6 && change === 'add' ? IFA_F.NODAD : 0).u8(RT_SCOPE_UNIVERSE).u32(host.ifindex, littleEndian);
  const payload = out.bytes(encodeAttributes(ADDRESS_ATTRS, { address: host.address, local: host.address }, littleEndian)).finish();
  const type = change === 'add' ? MESSAGE.RTM_NEWADDR : MESSAGE.RTM_DELADDR;
  return encodeMessage({ type, flags: NLM_F.REQUEST | NLM_F.ACK | (change === 'add' ? NLM_F.CREATE | NLM_F.EXCL : 0), sequence, payload }, littleEndian);
}
