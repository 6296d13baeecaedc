import { ByteReader, ByteWriter } from '../../base/index.ts';

/** Flags of a message (linux/netlink.h). DUMP, and the modifiers of NEW requests, share bits by kind of request. */
export const NLM_F = {
  REQUEST: 0x1,
  MULTI: 0x2,
  ACK: 0x4,
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
} as const;

/** Message types: the four control messages, then those of rtnetlink (linux/rtnetlink.h) that we send or read. */
export const MESSAGE = {
  NOOP: 1,
  ERROR: 2,
  DONE: 3,
  OVERRUN: 4,
  RTM_NEWLINK: 16,
  RTM_DELLINK: 17,
  RTM_GETLINK: 18,
  RTM_NEWADDR: 20,
  RTM_DELADDR: 21,
  RTM_GETADDR: 22,
  RTM_NEWROUTE: 24,
  RTM_DELROUTE: 25,
  RTM_GETROUTE: 26,
} as const;

/** Multicast groups of NETLINK_ROUTE (RTNLGRP_*), by number, as NETLINK_ADD_MEMBERSHIP wants them. */
export const RTNLGRP = { LINK: 1, IPV4_IFADDR: 5, IPV4_ROUTE: 7, IPV6_IFADDR: 9, IPV6_ROUTE: 11 } as const;

/** Address families as netlink spells them. */
export const AF = { UNSPEC: 0, INET: 2, INET6: 10 } as const;

/**
 * One netlink message. `payload` is a view into the datagram: copy what is kept.
 *
 *      0               1               2               3
 *     +---------------------------------------------------------------+
 *     |                length, header included, no padding            |
 *     +-------------------------------+-------------------------------+
 *     |             type              |             flags             |
 *     +-------------------------------+-------------------------------+
 *     |                        sequence number                        |
 *     +---------------------------------------------------------------+
 *     |               port of the requester, or 0                     |
 *     +---------------------------------------------------------------+
 */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly port: number;
  readonly payload: Uint8Array;
}

const HEADER = 16;

/** Rounds up to the alignment of messages and attributes, 4 octets. */
export const align = (length: number): number => (length + 3) & ~3;

/**
 * Splits a datagram into its messages. Stops at the first message whose length is impossible: what came before it
 * counts, the rest is dropped (a well-behaved kernel never sends one).
 */
export function decodeMessages(bytes: Uint8Array, littleEndian: boolean): NetlinkMessage[] {
  const out: NetlinkMessage[] = [];
  let at = 0;
  while (at + HEADER <= bytes.length) {
    const reader = new ByteReader(bytes, at);
    const length = reader.u32(littleEndian);
    if (length < HEADER || length > bytes.length - at) break;
    const type = reader.u16(littleEndian);
    const flags = reader.u16(littleEndian);
    const sequence = reader.u32(littleEndian);
    const port = reader.u32(littleEndian);
    out.push({ type, flags, sequence, port, payload: bytes.subarray(at + HEADER, at + length) });
    at += align(length);
  }
  return out;
}

/** Encodes one message, padded to 4 octets so that several can be joined into one datagram. */
export function encodeMessage(message: Omit<NetlinkMessage, 'port'>, littleEndian: boolean): Uint8Array {
  const out = new ByteWriter(HEADER + align(message.payload.length));
  out.u32(HEADER + message.payload.length, littleEndian).u16(message.type, littleEndian).u16(message.flags, littleEndian);
  out.u32(message.sequence, littleEndian).u32(0).bytes(message.payload).zeros(align(message.payload.length) - message.payload.length);
  return out.finish();
}
