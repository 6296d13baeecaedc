import type { IpFamily } from '../base/index.ts';

/** IPv6 needs this much of a link (RFC 8200 §5); Linux takes IPv6 off a device that has less. */
export const IPV6_MIN_MTU = 1280;
/** Every IPv4 host accepts datagrams of this size (RFC 791 §3.1). */
const IPV4_MIN_MTU = 576;

/** Assumed while there is no path. */
const ETHERNET_MTU = 1500;
/** Largest IP packet a TUN device passes. */
const MOST_TUN_MTU = 65535;

/** Around one ESP packet in UDP (RFC 3948 §2.1, RFC 4303 §2, RFC 4106 §3): UDP, SPI and sequence number, IV, ICV. */
const AROUND = 8 + 8 + 8 + 16;
/** Pad length and next header; together with payload and padding they fill whole words (RFC 4303 §2.4). */
const TRAILER = 2;
const WORD = 4;

/** Octets of an inner packet that fit one outer packet of `outerMtu`: AES-GCM with 16 octets of ICV, in UDP. */
export function innerMtu(outerMtu: number, outerFamily: IpFamily): number {
  const room = outerMtu - (outerFamily === 4 ? 20 : 40) - AROUND;
  return Math.max(0, Math.floor(room / WORD) * WORD - TRAILER);
}

/**
 * The MTU of the TUN device: the least that all paths carry, so that a move to another uplink needs no change. Never
 * less than inner IPv6 (or, without it, IPv4) requires: below that the outer packets are fragmented.
 */
export function tunMtu(paths: readonly { readonly mtu: number; readonly family: IpFamily }[], carriesIpv6: boolean): number {
  const inner = paths.map((path) => innerMtu(path.mtu, path.family));
  const least = inner.length === 0 ? innerMtu(ETHERNET_MTU, 6) : Math.min(...inner, MOST_TUN_MTU);
  return Math.max(least, carriesIpv6 ? IPV6_MIN_MTU : IPV4_MIN_MTU);
}
