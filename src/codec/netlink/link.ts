import type { LinkFact } from '../../base/index.ts';
import { ByteReader, ByteWriter } from '../../base/index.ts';
import { decodeAttributes, encodeAttributes } from './attributes.ts';
import { LINK_ATTRS } from './link-attrs.ts';
import { AF, encodeMessage, MESSAGE, NLM_F } from './message.ts';

/** ifi_flags (linux/if.h). */
export const IFF = { UP: 0x1, LOOPBACK: 0x8, LOWER_UP: 0x10000 } as const;
/** Leaves the counters out of a dump: a third of its size. */
const RTEXT_FILTER_SKIP_STATS = 8;
const HEADER = 16;

/** What to set of a device; `mtu` in octets. */
export interface LinkSpec {
  readonly ifindex: number;
  readonly up: boolean;
  readonly mtu: number;
}

/**
 * Decodes the payload of RTM_NEWLINK or RTM_DELLINK. Undefined for a message that does not describe a device as a
 * whole: bridge ports (family AF_BRIDGE, where RTM_DELLINK means only that the device left its bridge) and wireless
 * events (no MTU).
 *
 *     +---------------+---------------+-------------------------------+
 *     |    family     |      pad      |          device type          |
 *     +---------------+---------------+-------------------------------+
 *     |                            ifindex                            |
 *     +---------------------------------------------------------------+
 *     |                             flags                             |
 *     +---------------------------------------------------------------+
 *     |                          change mask                          |
 *     +---------------------------------------------------------------+
 */
export function decodeLink(payload: Uint8Array, littleEndian: boolean): LinkFact | undefined {
  const reader = new ByteReader(payload);
  const family = reader.u8();
  reader.skip(3);
  const ifindex = reader.u32(littleEndian);
  const flags = reader.u32(littleEndian);
  reader.skip(4);
  if (reader.failed || family !== AF.UNSPEC || ifindex === 0) return undefined;
  const attributes = decodeAttributes(LINK_ATTRS, payload.subarray(HEADER), littleEndian);
  if (attributes?.ifname === undefined || attributes.mtu === undefined) return undefined;
  return {
    ifindex,
    name: attributes.ifname,
    up: (flags & IFF.UP) !== 0,
    carrier: (flags & IFF.LOWER_UP) !== 0,
    loopback: (flags & IFF.LOOPBACK) !== 0,
    mtu: attributes.mtu,
  };
}

function ifinfo(ifindex: number, flags: number, change: number, littleEndian: boolean): ByteWriter {
  return new ByteWriter(64).u8(AF.UNSPEC).zeros(3).u32(ifindex, littleEndian).u32(flags, littleEndian).u32(change, littleEndian);
}

/** Asks for every device. */
export function encodeLinkDump(sequence: number, littleEndian: boolean): Uint8Array {
  const payload = ifinfo(0, 0, 0, littleEndian).bytes(encodeAttributes(LINK_ATTRS, { extMask: RTEXT_FILTER_SKIP_STATS }, littleEndian)).finish();
  return encodeMessage({ type: MESSAGE.RTM_GETLINK, flags: NLM_F.REQUEST | NLM_F.DUMP, sequence, payload }, littleEndian);
}

/** Sets a device up or down, and its MTU in octets; asks for an acknowledgement. */
export function encodeLinkSet(link: LinkSpec, sequence: number, littleEndian: boolean): Uint8Array {
  const attributes = encodeAttributes(LINK_ATTRS, { mtu: link.mtu }, littleEndian);
  const payload = ifinfo(link.ifindex, link.up ? IFF.UP : 0, IFF.UP, littleEndian).bytes(attributes).finish();
  return encodeMessage({ type: MESSAGE.RTM_NEWLINK, flags: NLM_F.REQUEST | NLM_F.ACK, sequence, payload }, littleEndian);
}
