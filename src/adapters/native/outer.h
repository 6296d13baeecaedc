/*
 * Outer endpoints of a datagram, seen from this host. IP protocol 50, ESP without UDP, has no ports: both are OUTER_PLAIN then.
 * No padding inside: compared with memcmp.
 */
#ifndef MOBIKED_OUTER_H
#define MOBIKED_OUTER_H

#include <stdint.h>

#define OUTER_PLAIN 0

struct outer {
  uint32_t ifindex;
  uint32_t family; /* 4 or 6 */
  uint16_t local_port;
  uint16_t remote_port;
  /* Network order; an IPv4 address in the first four octets, zeros behind it. */
  uint8_t local[16];
  uint8_t remote[16];
};

_Static_assert(sizeof(struct outer) == 44, "struct outer must have no padding");

#endif
