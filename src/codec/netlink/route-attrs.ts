import type { AttributeTable } from './attributes.ts';

/** Attributes of RTM_NEWROUTE (linux/rtnetlink.h, RTA_*). */
export const ROUTE_ATTRS = {
  dst: { code: 1, kind: 'ip' },
  src: { code: 2, kind: 'ip' },
  oif: { code: 4, kind: 'u32' },
  gateway: { code: 5, kind: 'ip' },
  /** The metric. */
  priority: { code: 6, kind: 'u32' },
  prefsrc: { code: 7, kind: 'ip' },
  /** A list of next hops: struct rtnexthop, each followed by attributes of this table. */
  multipath: { code: 9, kind: 'bytes' },
  /** The table with all 32 bits; rtm_table has the lowest eight. */
  table: { code: 15, kind: 'u32' },
  /** A gateway of another family: struct rtvia, 2 octets of family and the address. */
  via: { code: 18, kind: 'bytes' },
} as const satisfies AttributeTable;
