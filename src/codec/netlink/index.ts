/**
 * codec/netlink: octets of AF_NETLINK <-> plain values. It owns the message header, the attribute format, the tables of
 * rtnetlink attributes we read or write (`*-attrs.ts`, one row each) and the fixed headers before them. It holds no
 * state, opens no socket and decides nothing; which routes are ours and what to do with them is the business of
 * `kernel`.
 *
 * Netlink speaks the byte order of the host, and routers are big-endian as well as little-endian: every function takes
 * `littleEndian`. Addresses inside attributes are in network order everywhere.
 *
 * A datagram of the kernel holds one or more messages (`decodeMessages`). A message is part of the answer to a request
 * of ours (its sequence number, flag MULTI for dumps, type ERROR for an acknowledgement, DONE at the end of a dump) or a
 * change told to a multicast group. `decodeLink`, `decodeAddress` and `decodeRoutes` make facts of the payload; what is
 * malformed, or no concern of ours, gives nothing. All decoders are total: any octets, bounded work, no exception.
 *
 * A second protocol, NETLINK_XFRM, holds the kernel's ESP: SAs (NEWSA, UPDSA, DELSA, GETSA; their numbers and counters by
 * NEWAE and GETAE), policies (NEWPOLICY, UPDPOLICY, DELPOLICY, GETPOLICY), MIGRATE, which moves both, and what the kernel
 * tells of its own accord (EXPIRE, ACQUIRE, MAPPING, and every change). Its messages are a fixed structure of linux/xfrm.h
 * and attributes of one table (`xfrm-attrs.ts`). Only ESP in tunnel mode, bare or in UDP, has values here. SAs carry keys:
 * an encoder copies them once, into the message it gives, and a decoder gives views into the datagram; the sender wipes
 * the one, the receiver the other.
 */
export * from './attributes.ts';
export * from './address-attrs.ts';
export * from './address.ts';
export * from './control.ts';
export * from './link-attrs.ts';
export * from './link.ts';
export * from './message.ts';
export * from './route-attrs.ts';
export * from './route.ts';
export * from './xfrm-ae.ts';
export * from './xfrm-attrs.ts';
export * from './xfrm-events.ts';
export * from './xfrm-migrate.ts';
export { decodeXfrmPolicy, encodeXfrmPolicy, encodeXfrmPolicyDelete, encodeXfrmPolicyDump, encodeXfrmPolicyGet } from './xfrm-policy.ts';
export * from './xfrm-sa.ts';
export * from './xfrm-types.ts';
