import type { AttributeTable } from './attributes.ts';

/** Attributes of RTM_NEWLINK and RTM_GETLINK (linux/if_link.h, IFLA_*). */
export const LINK_ATTRS = {
  ifname: { code: 3, kind: 'text' },
  mtu: { code: 4, kind: 'u32' },
  /** RTEXT_FILTER_*: what a dump leaves out. */
  extMask: { code: 29, kind: 'u32' },
} as const satisfies AttributeTable;
