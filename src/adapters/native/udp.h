/*
 * Wildcard UDP sockets with packet info, one per port and family, and raw ones of IP protocol 50 that carry ESP without UDP: they are
 * sockets of port OUTER_PLAIN here and behave the same, but every raw socket gets a copy of a packet, whatever its device and whether or not
 * the kernel has ESP of its own, so only the wildcard one listens. Sending names device and source address, so that a
 * packet leaves through that device whatever the routing table prefers. IPv4 obeys packet info; IPv6 takes the device
 * in it for a wish (only the lookup for a bound socket is strict), so it sends through sockets bound to each device,
 * made when first needed; what arrives on their device comes in through them. Outer packets may be fragmented on their
 * way, but those pushed with `dont_fragment`: routers say "too big" for these, and for all IPv6. That comes by the error
 * queue of a socket, which makes other ICMP errors come as errors of later, unrelated sends: such a send is tried again.
 */
#ifndef MOBIKED_UDP_H
#define MOBIKED_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "loop.h"
#include "outer.h"

/* The wildcard ones, and those of IPv6 on 14 devices; beyond them the one not used longest goes. */
#define UDP_SOCKETS 48
#define UDP_RX_BATCH 32
#define UDP_TX_BATCH 64
/* Room for any datagram; pages are touched only as far as packets reach. */
#define UDP_ROOM 65536
#define UDP_CONTROL 64
/* Packet info, traffic class, and for what comes by the error queue the error and who told it. */
#define UDP_RX_CONTROL 192

struct udp;

struct udp_socket {
  struct udp *udp;
  int fd;
  /* OUTER_PLAIN: a raw socket. */
  uint16_t port;
  uint32_t family;
  /* Device it is bound to; 0: wildcard. */
  uint32_t ifindex;
  uint32_t mark;
  /* Does not let its datagrams be fragmented; the state of rest once it had to (see udp_tx_push). */
  bool whole;
  bool rests_whole;
  /* Grows with each use. */
  uint64_t used;
  loop_ref ref;
};

/* Where a datagram goes, made once per path. */
struct udp_target {
  struct outer outer;
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } name;
  socklen_t name_length;
  size_t control_length;
  _Alignas(struct cmsghdr) unsigned char control[UDP_CONTROL];
};

struct udp {
  struct loop *loop;
  /* Called for every datagram, with the octet of DSCP and ECN it came with; `bytes` may be overwritten. */
  void (*received)(void *ctx, const struct outer *outer, uint8_t traffic_class, uint8_t *bytes, size_t length);
  /* Called for every datagram of the batch that the kernel refused. */
  void (*refused)(void *ctx, const struct outer *outer, int error);
  /*
   * Called for each "fragmentation needed" (RFC 792) and "packet too big" (RFC 4443 section 3.2) about a datagram from us:
   * anybody may have sent it. `mtu` as it says; `quote`: the start of the datagram's octets.
   */
  void (*too_big)(void *ctx, const struct outer *outer, uint32_t mtu, const uint8_t *quote, size_t length);
  void *ctx;
  struct udp_socket sockets[UDP_SOCKETS];
  uint64_t uses;

  struct mmsghdr rx[UDP_RX_BATCH];
  struct iovec rx_parts[UDP_RX_BATCH];
  struct sockaddr_in6 rx_names[UDP_RX_BATCH];
  _Alignas(struct cmsghdr) unsigned char rx_control[UDP_RX_BATCH][UDP_RX_CONTROL];
  uint8_t *rx_room;

  struct mmsghdr tx[UDP_TX_BATCH];
  struct iovec tx_parts[UDP_TX_BATCH];
  const struct udp_target *tx_targets[UDP_TX_BATCH];
  /* Packet info and traffic class, for datagrams that have one. */
  _Alignas(struct cmsghdr) unsigned char tx_control[UDP_TX_BATCH][UDP_CONTROL];
  uint8_t *tx_room;
  bool tx_whole[UDP_TX_BATCH];
  int tx_count;
};

int udp_init(struct udp *udp, struct loop *loop);
void udp_free(struct udp *udp);
/* Opens (port, family), protocol 50 for the port OUTER_PLAIN; 0 or an errno. Opening what is open changes nothing. */
int udp_open(struct udp *udp, uint16_t port, uint32_t family, uint32_t mark);
void udp_close_all(struct udp *udp);
void udp_make_target(struct udp_target *target, const struct outer *outer);
/* Sends one datagram at once, `whole` so that nobody on the way may cut it up; 0 or an errno. */
int udp_send(struct udp *udp, const struct outer *outer, const uint8_t *bytes, size_t length, uint8_t traffic_class, bool whole);

/* The next free buffer of UDP_ROOM octets of the batch; flushes when there is none. */
uint8_t *udp_tx_buffer(struct udp *udp);
/* How the outer header of a datagram is made. */
struct udp_header {
  uint8_t traffic_class;
  /* No fragmentation on the way, nor here unless the device itself is too small for the datagram. */
  bool dont_fragment;
};
/* Queues `length` octets at `at`, inside that buffer; `target` must live until the flush. */
void udp_tx_push(struct udp *udp, const struct udp_target *target, uint8_t *at, size_t length, struct udp_header header);
void udp_tx_flush(struct udp *udp);

#endif
