/**
 * Why a packet was not carried: one row per cause. `adapters/native/esp.h` has the same rows in the same order, and a
 * test compares them.
 */
export const DROP_CAUSES = [
  /** RFC 3948 §2.3: a single 0xFF; not a fault, ignored. */
  'keepalive',
  /** A datagram that is neither IKE, keepalive nor long enough for ESP. */
  'malformed',
  /** No SA has this SPI. Falls again by those that were held for an SA that came (RFC 7296 §2.8): then they count as whatever becomes of them. */
  'unknown_spi',
  'replay',
  'icv',
  'bad_padding',
  /** Next header neither 4, 41 nor 59, or it does not agree with the inner version. */
  'bad_next_header',
  /** Dummy packets (RFC 4303 §2.6); not a fault, discarded. */
  'dummy',
  /** The inner packet is no IP packet, or longer than what carried it. */
  'bad_inner',
  /** The inner packet does not match the selectors of its SA (RFC 4301 §5.2 step 4). */
  'selector',
  /** TUN refused the packet or is not open. */
  'tun_write',
  /** What came from TUN is no IP packet. */
  'not_ip',
  /** No child with a used outbound SA matches. */
  'no_sa',
  'no_path',
  /** Bigger than the bundle's inner MTU; the sender was told by ICMP. */
  'too_big',
  /** The sequence number would wrap (RFC 4303 §3.3.3). */
  'sequence_exhausted',
  /** The kernel refused the datagram. */
  'send_failed',
  /** An SA beyond the bound of the plane was not installed. */
  'sa_refused',
  /** Outer ECN says congestion, the inner transport does not know ECN (RFC 6040 §4.2). */
  'ecn',
  /** More for a peer that has not shown to be where it says than three times what came from there (RFC 4555 §3.7). */
  'unverified',
] as const;

export type DropCause = (typeof DROP_CAUSES)[number];
