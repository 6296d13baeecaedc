import type { Endpoint, IpAddress, IpPrefix } from '../../base/index.ts';

/** Protocol of the socket that speaks XFRM (linux/netlink.h); rtnetlink has 0. */
export const NETLINK_XFRM = 6;

/** Message types of NETLINK_XFRM that we send or read (linux/xfrm.h, XFRM_MSG_*). */
export const XFRM_MSG = {
  NEWSA: 0x10,
  DELSA: 0x11,
  GETSA: 0x12,
  NEWPOLICY: 0x13,
  DELPOLICY: 0x14,
  GETPOLICY: 0x15,
  ACQUIRE: 0x17,
  EXPIRE: 0x18,
  UPDPOLICY: 0x19,
  UPDSA: 0x1a,
  NEWAE: 0x1e,
  GETAE: 0x1f,
  MIGRATE: 0x21,
  MAPPING: 0x26,
} as const;

/** Multicast groups of NETLINK_XFRM (XFRMNLGRP_*), by number, as NETLINK_ADD_MEMBERSHIP wants them. */
export const XFRMNLGRP = { ACQUIRE: 1, EXPIRE: 2, SA: 3, POLICY: 4, AEVENTS: 5, MIGRATE: 7, MAPPING: 8 } as const;

/** Most templates of a policy, and most moves of one MIGRATE, that the kernel takes (XFRM_MAX_DEPTH). */
export const MOST_TEMPLATES = 6;
/** Largest replay window that the kernel takes, in packets (XFRMA_REPLAY_ESN_MAX). */
export const MOST_REPLAY_WINDOW = 4096;

/** A mark and the bits of it that count. */
export interface XfrmMark {
  readonly value: number;
  readonly mask: number;
}

/** UDP encapsulation of ESP (RFC 3948; UDP_ENCAP_ESPINUDP). The source is that of the SA's packets: for an inbound SA the peer's port. */
export interface XfrmEncap {
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** Ports whose bits under the mask are these. */
export interface XfrmPort {
  readonly port: number;
  readonly mask: number;
}

/** Which inner packets a policy or an SA is for. */
export interface XfrmSelector {
  readonly source: IpPrefix;
  readonly destination: IpPrefix;
  /** IP protocol; 0: any. */
  readonly protocol: number;
  /** Absent: any. For ICMP the type is the source port and the code the destination port. */
  readonly sourcePort?: XfrmPort;
  readonly destinationPort?: XfrmPort;
  /** Only packets of this device; absent: any. */
  readonly ifindex?: number;
}

/**
 * Algorithms by the names of the kernel's crypto: one AEAD (`rfc4106(gcm(aes))`, `rfc7539esp(chacha20,poly1305)`; its key
 * ends in the salt, RFC 4106 §8.1), or encryption (`cbc(aes)`) with integrity (`hmac(sha256)`) cut to `truncBits`.
 */
export type XfrmAlgorithmOf<K> =
  | { readonly kind: 'aead'; readonly name: string; readonly key: K; readonly icvBits: number }
  | {
    readonly kind: 'pair';
    readonly encryption: { readonly name: string; readonly key: K };
    readonly integrity: { readonly name: string; readonly key: K; readonly truncBits: number };
  };
/**
 * Algorithms to install. The keys belong to whoever made the value, who wipes them; an encoded message holds the one copy
 * that is made of them, and whoever sends it wipes that.
 */
export type XfrmAlgorithm = XfrmAlgorithmOf<Uint8Array>;
/**
 * Algorithms the kernel told. A key is a view into the datagram: copy what is kept, and wipe the datagram after use.
 * Undefined for a key of zeros, which is what a locked-down kernel shows of any key (LOCKDOWN_XFRM_SECRET).
 */
export type XfrmSeenAlgorithm = XfrmAlgorithmOf<Uint8Array | undefined>;

/** Sequence numbers of an SA, the high half included when it has ESN (RFC 4303 §2.2.1). */
export interface XfrmReplay {
  /** Last number sent. */
  readonly outbound: bigint;
  /** Highest number received and verified: the right edge of the window. */
  readonly inbound: bigint;
  /**
   * The window as the kernel keeps it, in words of 32 bits; absent: empty. With `replayWindow` up to 32 and no ESN it is one
   * word whose bit N stands for `inbound` - N. Otherwise it is a ring: the number whose low half is S is bit (S - 1) mod
   * `replayWindow`, counted from the lowest bit of the first word; it fits only an SA with the same window.
   */
  readonly bitmap?: readonly number[];
}

/** What makes the kernel tell EXPIRE (soft) or delete the SA (hard); absent: no limit. Seconds count from when the SA was added. */
export interface XfrmLimits {
  readonly softOctets?: bigint;
  readonly hardOctets?: bigint;
  readonly softPackets?: bigint;
  readonly hardPackets?: bigint;
  readonly softSeconds?: number;
  readonly hardSeconds?: number;
}

/** What an SA or policy has carried; times are seconds of the wall clock, 0: never used. */
export interface XfrmCounters {
  readonly octets: bigint;
  readonly packets: bigint;
  readonly addTime: number;
  readonly useTime: number;
}

/** Ways of a tunnel that differ from the usual; absent: false. */
export interface XfrmSaFlags {
  /** Congestion marks are not copied between the headers (XFRM_STATE_NOECN). */
  readonly noEcn?: boolean;
  /** The inner DSCP becomes that of the outer header at decapsulation (XFRM_STATE_DECAP_DSCP). */
  readonly decapDscp?: boolean;
  /** The outer header has no DF, whatever the inner one has (XFRM_STATE_NOPMTUDISC); for outbound SAs only. */
  readonly noPmtuDiscovery?: boolean;
  /** The outer DSCP is 0 (XFRM_SA_XFLAG_DONT_ENCAP_DSCP). */
  readonly dontEncapDscp?: boolean;
}

/** An ESP SA in tunnel mode. */
export interface XfrmSa {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly spi: number;
  /** Joins the SA to the templates of policies. */
  readonly reqid: number;
  /** The xfrm interface it belongs to; 0: none. */
  readonly ifId: number;
  /** Only packets with this mark (outbound), and lookups with it (inbound). */
  readonly mark?: XfrmMark;
  /** Set on packets that went through it. */
  readonly outputMark?: XfrmMark;
  /** Absent: IP protocol 50. */
  readonly encap?: XfrmEncap;
  readonly algorithm: XfrmAlgorithm;
  /** Extended sequence numbers (RFC 4303 §2.2.1). */
  readonly esn: boolean;
  /** In packets, up to `MOST_REPLAY_WINDOW`; 0: no check. With ESN at least 1, also outbound: the kernel refuses 0. */
  readonly replayWindow: number;
  /** Absent: starts at 0. */
  readonly replay?: XfrmReplay;
  readonly limits: XfrmLimits;
  readonly flags: XfrmSaFlags;
  /** Absent: any inner packet of either family (XFRM_STATE_AF_UNSPEC). */
  readonly selector?: XfrmSelector;
  /** Where the counters begin; absent: at 0, added now. The limits count from here. */
  readonly counters?: XfrmCounters;
}

/** An ESP SA in tunnel mode as the kernel tells it. */
export interface XfrmSaFact extends Omit<XfrmSa, 'algorithm' | 'counters'> {
  /** Undefined for an SA that only holds its place: an SPI that is reserved, or an ACQUIRE without answer. */
  readonly algorithm: XfrmSeenAlgorithm | undefined;
  readonly counters: XfrmCounters;
  /** Packets dropped: below the window, seen before, ICV wrong. */
  readonly drops: { readonly window: number; readonly replay: number; readonly integrity: number };
  /** When it last carried a packet, in seconds of the wall clock; not every kernel tells it. */
  readonly lastUsed?: number;
  /** Told only by kernels since 6.10, of SAs that were installed with it. */
  readonly direction?: 'in' | 'out';
}

/** What names an ESP SA; the mark belongs to the name when the SA has one. */
export interface XfrmSaId {
  readonly destination: IpAddress;
  readonly spi: number;
  readonly mark?: XfrmMark;
}

export type XfrmDirection = 'in' | 'out' | 'fwd';

/** ESP in tunnel mode between these addresses, by an SA with this reqid. */
export interface XfrmTemplate {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly reqid: number;
  /** An optional one is passed over when there is no SA; newer kernels refuse it in a policy `out`. */
  readonly level: 'required' | 'optional';
}

/** A policy of the main type. */
export interface XfrmPolicy {
  readonly direction: XfrmDirection;
  readonly selector: XfrmSelector;
  /** The lowest counts. */
  readonly priority: number;
  readonly action: 'allow' | 'block';
  /** 0: none. */
  readonly ifId: number;
  readonly mark?: XfrmMark;
  /** Up to `MOST_TEMPLATES`; none with `allow` lets packets pass in clear. */
  readonly templates: readonly XfrmTemplate[];
}

/** A policy as the kernel tells it. */
export interface XfrmPolicyFact extends XfrmPolicy {
  /** The kernel's number of it, whose lowest three bits are the direction. */
  readonly index: number;
  readonly counters: XfrmCounters;
}

/** What names a policy. */
export type XfrmPolicyId = Pick<XfrmPolicy, 'direction' | 'selector' | 'ifId' | 'mark'>;

/** SAs with this reqid and the old addresses, and templates with them, get the new ones. */
export interface XfrmMove {
  readonly reqid: number;
  readonly from: { readonly source: IpAddress; readonly destination: IpAddress };
  readonly to: { readonly source: IpAddress; readonly destination: IpAddress };
}

/**
 * XFRM_MSG_MIGRATE: moves one policy and the SAs of its templates. The ports of `encap` go to every SA moved, hence one
 * message for each direction; absent: SAs keep what they have, so that UDP encapsulation is never taken off.
 */
export interface XfrmMigration {
  readonly direction: XfrmDirection;
  readonly selector: XfrmSelector;
  /** Known to kernels since 5.17; earlier ones move whatever policy has the selector. */
  readonly ifId: number;
  /** 1 to `MOST_TEMPLATES`. */
  readonly moves: readonly XfrmMove[];
  readonly encap?: XfrmEncap;
}

/** Sequence numbers and counters of an SA (XFRM_MSG_NEWAE). */
export interface XfrmAe {
  readonly id: XfrmSaId;
  readonly source: IpAddress;
  readonly reqid: number;
  readonly replay?: XfrmReplay;
  /** 0 when the state came in the old form, which has no window. */
  readonly replayWindow: number;
  readonly counters?: XfrmCounters;
  /** Absent or 0: none. */
  readonly ifId?: number;
}

/** A limit of an SA was reached; after a hard one it is gone. */
export interface XfrmExpire {
  readonly hard: boolean;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly spi: number;
  readonly reqid: number;
  readonly ifId: number;
  readonly mark?: XfrmMark;
  readonly counters: XfrmCounters;
}

/** A packet met a policy and there is no SA for it. */
export interface XfrmAcquire {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Of the packet; absent when the kernel told none. */
  readonly selector?: XfrmSelector;
  /** Of the policy's first template. */
  readonly reqid: number;
  readonly policyIndex: number;
  readonly ifId: number;
  readonly mark?: XfrmMark;
}

/** ESP in UDP came from another address or port than the SA's (the NAT gave the peer a new mapping). */
export interface XfrmMapping {
  readonly destination: IpAddress;
  readonly spi: number;
  readonly reqid: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
}

/** An SA was deleted. */
export interface XfrmSaGone extends XfrmSaId {
  readonly source: IpAddress;
  readonly reqid: number;
  readonly ifId: number;
}
