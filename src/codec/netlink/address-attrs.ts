import type { AttributeTable } from './attributes.ts';

/** Attributes of RTM_NEWADDR (linux/if_addr.h, IFA_*). */
export const ADDRESS_ATTRS = {
  /** On a point-to-point device the peer's address; otherwise ours. */
  address: { code: 1, kind: 'ip' },
  /** Ours, always present for IPv4. */
  local: { code: 2, kind: 'ip' },
  /** The flags with all 32 bits; ifa_flags has the lowest eight. */
  flags: { code: 8, kind: 'u32' },
} as const satisfies AttributeTable;
