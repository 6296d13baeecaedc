/*
 * Echo requests (RFC 792, RFC 4443 section 4) bound to a device, with mark and source address. Each has a socket of its own, connected to its
 * target: the kernel gives it replies from there alone. How long a reply is waited for is the caller's matter.
 */
#ifndef MOBIKED_ICMP_H
#define MOBIKED_ICMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"

#define ICMP_ECHOES 16
/* Identifier and sequence number, two octets each, then what the reply has to bring back. All random: nobody off the path can forge a reply. */
#define ICMP_TOKEN 20

struct icmp;

struct icmp_echo {
  struct icmp *icmp;
  /* 0: free. */
  uint32_t id;
  bool six;
  int fd;
  uint8_t token[ICMP_TOKEN];
  loop_ref ref;
};

struct icmp {
  struct loop *loop;
  /* 0: answered; else what the kernel says of it. */
  void (*answered)(void *ctx, uint32_t id, int error);
  void *ctx;
  uint32_t last_id;
  struct icmp_echo echoes[ICMP_ECHOES];
};

struct icmp_target {
  /* 4 or 16 octets, here and below. */
  const uint8_t *remote;
  /* Of the same family. */
  const uint8_t *local;
  size_t address_length;
  uint32_t ifindex;
  uint32_t mark;
  /* ICMP_TOKEN octets. */
  const uint8_t *token;
};

void icmp_init(struct icmp *icmp, struct loop *loop);
void icmp_close_all(struct icmp *icmp);
/* The id of the echo, or a negative errno. The answer never comes before this returns. */
int icmp_send(struct icmp *icmp, const struct icmp_target *target);
void icmp_cancel(struct icmp *icmp, uint32_t id);
/* Whether what a raw socket gave is the reply that brings `token`: with the IPv4 header, without one in IPv6. */
bool icmp_is_reply(const uint8_t *bytes, size_t length, bool six, const uint8_t *token);

#endif
