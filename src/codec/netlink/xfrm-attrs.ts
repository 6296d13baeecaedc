import type { AttributeTable } from './attributes.ts';

/** Attributes of every message of NETLINK_XFRM (linux/xfrm.h, XFRMA_*). Structures are `bytes`, laid out where they are read. */
export const XFRM_ATTRS = {
  /** struct xfrm_algo. */
  algCrypt: { code: 2, kind: 'bytes' },
  /** struct xfrm_encap_tmpl. */
  encap: { code: 4, kind: 'bytes' },
  /** struct xfrm_user_tmpl, one or more. */
  tmpl: { code: 5, kind: 'bytes' },
  /** struct xfrm_usersa_info, in DELSA. */
  sa: { code: 6, kind: 'bytes' },
  /** struct xfrm_userpolicy_info, in DELPOLICY. */
  policy: { code: 7, kind: 'bytes' },
  /** struct xfrm_lifetime_cur. */
  ltimeVal: { code: 9, kind: 'bytes' },
  /** struct xfrm_replay_state. */
  replayVal: { code: 10, kind: 'bytes' },
  /** Eight octets, seconds of the wall clock. */
  lastUsed: { code: 15, kind: 'bytes' },
  /** struct xfrm_userpolicy_type. */
  policyType: { code: 16, kind: 'bytes' },
  /** struct xfrm_user_migrate, one or more. */
  migrate: { code: 17, kind: 'bytes' },
  /** struct xfrm_algo_aead. */
  algAead: { code: 18, kind: 'bytes' },
  /** struct xfrm_algo_auth. The kernel tells XFRMA_ALG_AUTH beside it, which lacks the length of the ICV. */
  algAuthTrunc: { code: 20, kind: 'bytes' },
  /** struct xfrm_mark. */
  mark: { code: 21, kind: 'bytes' },
  /** struct xfrm_replay_state_esn. */
  replayEsnVal: { code: 23, kind: 'bytes' },
  /** XFRM_SA_XFLAG_*. */
  saExtraFlags: { code: 24, kind: 'u32' },
  /** IP protocol: what a dump of SAs is limited to. */
  proto: { code: 25, kind: 'u8' },
  /** XFRMA_SET_MARK. */
  outputMark: { code: 29, kind: 'u32' },
  outputMarkMask: { code: 30, kind: 'u32' },
  ifId: { code: 31, kind: 'u32' },
  /** 1: in, 2: out (kernels since 6.10). */
  saDir: { code: 33, kind: 'u8' },
} as const satisfies AttributeTable;
