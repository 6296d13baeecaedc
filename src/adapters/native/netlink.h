/* Raw AF_NETLINK sockets. Messages are passed as they are, in host byte order. */
#ifndef MOBIKED_NETLINK_H
#define MOBIKED_NETLINK_H

#include <stddef.h>
#include <stdint.h>

#include "loop.h"

#define NETLINK_SOCKETS 8
/* The kernel fills dumps up to 32 KiB. */
#define NETLINK_ROOM 65536

struct netlink;

struct netlink_socket {
  struct netlink *netlink;
  /* 0: free. */
  uint32_t id;
  int fd;
  uint32_t port_id;
  loop_ref ref;
};

struct netlink {
  struct loop *loop;
  /* One datagram, or an errno (ENOBUFS: some were lost). The receiver may close any socket. */
  void (*received)(void *ctx, uint32_t id, int error, const uint8_t *bytes, size_t length);
  void *ctx;
  uint32_t last_id;
  struct netlink_socket sockets[NETLINK_SOCKETS];
  uint8_t room[NETLINK_ROOM];
};

void netlink_init(struct netlink *netlink, struct loop *loop);
void netlink_close_all(struct netlink *netlink);
/* The id of the socket, or a negative errno. `groups` are RTNLGRP_* numbers. */
int netlink_open(struct netlink *netlink, int protocol, const uint32_t *groups, size_t count);
/* 0 or an errno. */
int netlink_send(struct netlink *netlink, uint32_t id, const uint8_t *bytes, size_t length);
/* 0 for an unknown id. */
uint32_t netlink_port_id(const struct netlink *netlink, uint32_t id);
void netlink_close(struct netlink *netlink, uint32_t id);

#endif
