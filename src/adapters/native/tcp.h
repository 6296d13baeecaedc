/*
 * TCP connects bound to a device, with mark and TCP_USER_TIMEOUT. The connected descriptor is handed over; nothing is
 * read or written here.
 */
#ifndef MOBIKED_TCP_H
#define MOBIKED_TCP_H

#include <stddef.h>
#include <stdint.h>

#include "loop.h"

#define TCP_ATTEMPTS 16

struct tcp;

struct tcp_attempt {
  struct tcp *tcp;
  /* 0: free. */
  uint32_t id;
  loop_ref ref;
};

struct tcp {
  struct loop *loop;
  /* The descriptor belongs to the receiver; -1 with an errno when it failed. */
  void (*connected)(void *ctx, uint32_t id, int fd, int error);
  void *ctx;
  uint32_t last_id;
  struct tcp_attempt attempts[TCP_ATTEMPTS];
};

struct tcp_target {
  /* 4 or 16 octets. */
  const uint8_t *address;
  size_t address_length;
  /* Our address; 0 octets: the kernel picks one. */
  const uint8_t *local;
  size_t local_length;
  uint16_t port;
  uint32_t ifindex;
  uint32_t mark;
  uint32_t user_timeout_ms;
};

/* A non-blocking socket bound to the device (0: none) and marked (0: not); the descriptor, or a negative errno. `protocol` 0: the type's. */
int socket_bound(int family, int type, int protocol, uint32_t ifindex, uint32_t mark);

/* 0 or an errno. Addresses of 4 or 16 octets; none to bind (length 0) is no error, and a connect in progress neither. */
int socket_bind(int fd, const uint8_t *address, size_t length);
int socket_connect(int fd, const uint8_t *address, size_t length, uint16_t port);

void tcp_init(struct tcp *tcp, struct loop *loop);
void tcp_close_all(struct tcp *tcp);
/* The id of the attempt, or a negative errno. The answer never comes before this returns. */
int tcp_connect(struct tcp *tcp, const struct tcp_target *target);
void tcp_cancel(struct tcp *tcp, uint32_t id);

#endif
