/*
 * Inner packets: headers, match against traffic selectors, MSS clamping, too-big messages, ECN. The same rules as
 * src/esp/inner.ts, ecn.ts and mtu.ts, which a test compares with this.
 */
#ifndef MOBIKED_INNER_H
#define MOBIKED_INNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every IPv6 link carries this much (RFC 8200 section 5). */
#define IPV6_MIN_MTU 1280

struct inner {
  int version;
  /* Octets by the packet's own header. */
  size_t length;
  const uint8_t *source;
  const uint8_t *destination;
  /* Octets of an address. */
  size_t width;
  uint8_t protocol;
  size_t upper;
  bool later_fragment;
  /* Ports, or for ICMP type << 8 | code twice (RFC 7296 section 3.13.1); -1 when there are none to see. */
  int32_t source_port;
  int32_t destination_port;
  bool dont_fragment;
};

/* RFC 7296 section 3.13.1; OPAQUE ports are start 65535, end 0. */
struct selector {
  uint8_t width; /* 4 or 16 octets of address */
  uint8_t protocol;
  uint16_t start_port;
  uint16_t end_port;
  uint8_t start[16];
  uint8_t end[16];
};

struct selectors {
  size_t count;
  struct selector *rows;
};

/* False when the octets are no IP packet, or shorter than it says. */
bool inner_parse(struct inner *inner, const uint8_t *bytes, size_t length);
bool inner_matches(const struct inner *inner, const struct selectors *from, const struct selectors *to);
/* The ECN bits of a traffic class (RFC 3168 section 5). */
#define INNER_ECN 3
/* The octet of DSCP and ECN of a parsed packet. */
uint8_t inner_traffic_class(const uint8_t *bytes);
/* Merges the ECN field of the outer header into the packet (RFC 6040 section 4.2); false: it must be dropped. */
bool inner_merge_ecn(uint8_t *bytes, const struct inner *inner, uint8_t outer);
/* Lowers the MSS option of a TCP SYN to what fits mtu, in place. */
void inner_clamp_mss(uint8_t *bytes, const struct inner *inner, uint32_t mtu);
size_t inner_limit(const struct inner *inner, uint32_t mtu);
/* Writes the ICMP message for a too big packet, at most IPV6_MIN_MTU octets; 0 where no answer is allowed. */
size_t inner_too_big(uint8_t *out, const uint8_t *bytes, const struct inner *inner, uint32_t mtu);

#endif
