/*
 * Everything of one daemon together: loop, UDP sockets, TUN, ESP plane, netlink, TCP connects, echo requests. The bindings (N-API
 * now) hold one `struct host`, wait on `host->loop.epfd` and call `loop_turn`. Events are called from inside
 * `loop_turn` only, and may call anything here but `host_free`.
 */
#ifndef MOBIKED_HOST_H
#define MOBIKED_HOST_H

#include "esp.h"
#include "icmp.h"
#include "loop.h"
#include "netlink.h"
#include "tcp.h"
#include "udp.h"

/* Everything on this port is IKE; on any other the rules of RFC 3948 section 2 hold. */
#define IKE_PORT 500

struct host_events {
  void (*udp_received)(void *ctx, const struct outer *outer, const uint8_t *bytes, size_t length);
  void (*udp_send_failed)(void *ctx, const struct outer *outer, int error);
  void (*esp_first_inbound)(void *ctx, uint32_t handle);
  void (*esp_unknown_spi)(void *ctx, uint32_t spi, const struct outer *outer);
  /* A router on the bundle's path, between those endpoints, says that it carries `mtu` octets and no more. */
  void (*esp_too_big)(void *ctx, uint32_t bundle, const struct outer *outer, uint32_t mtu);
  void (*tun_failed)(void *ctx, int error);
  void (*netlink_received)(void *ctx, uint32_t id, int error, const uint8_t *bytes, size_t length);
  void (*tcp_connected)(void *ctx, uint32_t id, int fd, int error);
  void (*icmp_answered)(void *ctx, uint32_t id, int error);
};

struct host {
  struct loop loop;
  struct udp udp;
  struct esp esp;
  struct netlink netlink;
  struct tcp tcp;
  struct icmp icmp;
  const struct host_events *events;
  void *ctx;
  int tun;
  loop_ref tun_ref;
  /* Makes the next turn give TUN what was held for a new SA; open only until then. */
  loop_ref held_ref;
  /* ICMP messages to TUN left in this second. */
  double reply_second;
  int replies_left;
  /* A refused send of the plane, told after the batch, at most once a second. */
  bool refused;
  int refused_error;
  struct outer refused_outer;
  double refused_at;
};

/* NULL, or what is missing. `host` is then freed. */
const char *host_init(struct host *host, const struct host_events *events, void *ctx);
/* Closes everything and wipes the keys. Not inside an event. */
void host_free(struct host *host);
/* The ifindex, or a negative errno. Opening again closes the first. */
int host_tun_open(struct host *host, const char *name, uint32_t mtu);
/* Lets go of the device, which stays; `remove` takes it away. */
void host_tun_close(struct host *host);
void host_tun_remove(struct host *host);
/* As esp_add. What was held for the SA goes to TUN in the next turn, ahead of anything newer. */
int host_sa_add(struct host *host, const struct esp_sa_spec *spec);
/* Sends an inner packet as if it had come from TUN; what is too big or nobody's is dropped. */
void host_inject(struct host *host, const uint8_t *packet, size_t length);
/* Sends one dummy packet under every used outbound SA of the bundle. */
void host_dummy(struct host *host, uint32_t bundle);
/*
 * One datagram of an encapsulation port or packet of protocol 50, decapsulated in place: the inner packet, or NULL when it is not ESP or was
 * dropped. `is_ike` is set when it is for IKE.
 */
uint8_t *host_sort(struct host *host, const struct outer *outer, uint8_t traffic_class, uint8_t *bytes, size_t length, size_t *inner_length, bool *is_ike);
/* Tells what the plane left to tell. JavaScript runs in here: nothing of the plane may be held across it. */
void host_tell(struct host *host, const struct outer *outer);

#endif
