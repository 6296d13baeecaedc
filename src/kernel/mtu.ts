import type { IpFamily } from '../base/index.ts';
import type { Encapsulation, EspSa } from '../ports/index.ts';

/** IPv6 needs this much of a link (RFC 8200 §5); Linux takes IPv6 off a device that has less. */
export const IPV6_MIN_MTU = 1280;
/** Every IPv4 host accepts datagrams of this size (RFC 791 §3.1). */
const IPV4_MIN_MTU = 576;

/** Assumed while there is no path. */
const ETHERNET_MTU = 1500;
/** Largest IP packet a TUN device passes. */
const MOST_TUN_MTU = 65535;

/** Around one ESP packet, whatever the cipher (RFC 3948 §2.1, RFC 4303 §2): UDP if there is, SPI and sequence number. */
const AROUND = { udp: 8 + 8, none: 8 } as const;
/** Pad length and next header; together with payload and padding they fill whole blocks (RFC 4303 §2.4). */
const TRAILER = 2;

/** What a cipher adds to a packet, octets. */
export interface EspOverhead {
  readonly iv: number;
  readonly icv: number;
  /** Payload, padding and trailer are a multiple of this. */
  readonly block: number;
}

/** AES-GCM and ChaCha20-Poly1305 (RFC 4106 §3, RFC 7634 §2). */
export const AEAD_OVERHEAD: EspOverhead = { iv: 8, icv: 16, block: 4 };

/** What an SA adds: an AEAD, or AES-CBC (RFC 3602 §2) with half of a hash as ICV (RFC 4868 §2.1). */
export function espOverhead({ integ }: Pick<EspSa, 'integ'>): EspOverhead {
  return integ ? { iv: 16, icv: { 'hmac-sha256-128': 16, 'hmac-sha384-192': 24, 'hmac-sha512-256': 32 }[integ.name], block: 16 } : AEAD_OVERHEAD;
}

/** Octets of an inner packet that fit one outer packet of `outerMtu`. */
export function innerMtu(outerMtu: number, outerFamily: IpFamily, { iv, icv, block } = AEAD_OVERHEAD, encapsulation: Encapsulation = 'udp'): number {
  const room = outerMtu - (outerFamily === 4 ? 20 : 40) - AROUND[encapsulation] - iv - icv;
  return Math.max(0, Math.floor(room / block) * block - TRAILER);
}

/**
 * The MTU of the TUN device: the least that all paths carry, in UDP, under any of the SAs there are, so that a move to another uplink or
 * behind a NAT needs no change. Never less than inner IPv6 (or, without it, IPv4) requires: below that the outer packets are fragmented.
 */
export function tunMtu(paths: readonly { readonly mtu: number; readonly family: IpFamily }[], carriesIpv6: boolean, overheads: readonly EspOverhead[] = []): number {
  const all = overheads.length === 0 ? [AEAD_OVERHEAD] : overheads;
  const inner = paths.flatMap((path) => all.map((overhead) => innerMtu(path.mtu, path.family, overhead)));
  const least = inner.length === 0 ? innerMtu(ETHERNET_MTU, 6) : Math.min(...inner, MOST_TUN_MTU);
  return Math.max(least, carriesIpv6 ? IPV6_MIN_MTU : IPV4_MIN_MTU);
}
