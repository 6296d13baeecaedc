#include "host.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tun.h"

/* Packets of TUN per readable event; the rest waits for the next turn. */
#define TUN_ROUND 96
#define REPLIES_PER_SECOND 100
#define REFUSED_INTERVAL 1000.0

void host_tell(struct host *host, const struct outer *outer) {
  struct esp *esp = &host->esp;
  if (esp->first_inbound) {
    esp->first_inbound = false;
    host->events->esp_first_inbound(host->ctx, esp->first_inbound_handle);
  }
  if (esp->unknown_spi) {
    esp->unknown_spi = false;
    if (outer != NULL) host->events->esp_unknown_spi(host->ctx, esp->unknown_spi_value, outer);
  }
  if (host->refused) {
    host->refused = false;
    struct outer where = host->refused_outer;
    host->events->udp_send_failed(host->ctx, &where, host->refused_error);
  }
}

static void tun_lost(struct host *host, int error) {
  host_tun_close(host);
  host->events->tun_failed(host->ctx, error);
}

static void tun_write(struct host *host, const uint8_t *bytes, size_t length) {
  if (host->tun < 0 || write(host->tun, bytes, length) < 0) host->esp.drops[DROP_tun_write]++;
}

static void tun_reply(struct host *host) {
  struct esp *esp = &host->esp;
  size_t length = esp->reply_length;
  esp->reply_length = 0;
  if (esp->now - host->reply_second >= 1000.0) {
    host->reply_second = esp->now;
    host->replies_left = REPLIES_PER_SECOND;
  }
  if (host->replies_left <= 0) return;
  host->replies_left--;
  tun_write(host, esp->reply, length);
}

static void on_tun(void *ctx, uint32_t events) {
  struct host *host = ctx;
  int error = 0;
  (void)events;
  esp_tick(&host->esp);
  for (int i = 0; i < TUN_ROUND && host->loop.budget > 0; i++) {
    uint8_t *room = udp_tx_buffer(&host->udp);
    ssize_t length = read(host->tun, room + ESP_HEAD, UDP_ROOM - ESP_HEAD - ESP_TAIL);
    host->loop.budget--;
    if (length <= 0) {
      if (length < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) error = errno;
      break;
    }
    struct esp_datagram made;
    struct esp_bundle *bundle = esp_seal(&host->esp, room, (size_t)length, &made);
    if (bundle != NULL) udp_tx_push(&host->udp, &bundle->path, made.at, made.length, made.header);
    else if (host->esp.reply_length > 0) tun_reply(host);
  }
  udp_tx_flush(&host->udp);
  if (error != 0) tun_lost(host, error); /* EBADFD: the device was deleted */
  else host_tell(host, NULL);
}

uint8_t *host_sort(struct host *host, const struct outer *outer, uint8_t traffic_class, uint8_t *bytes, size_t length, size_t *inner_length, bool *is_ike) {
  static const uint8_t marker[4];
  *is_ike = false;
  if (outer->local_port == OUTER_PLAIN) { /* SPI 0 never goes on the wire (RFC 4303 section 2.1) */
    if (length >= 8 && memcmp(bytes, marker, sizeof marker) != 0) return esp_open(&host->esp, outer, traffic_class, bytes, length, inner_length);
    host->esp.drops[DROP_malformed]++;
    return NULL;
  }
  if (length == 1 && bytes[0] == 0xff) {
    host->esp.drops[DROP_keepalive]++;
    return NULL;
  }
  if (length >= 4 && memcmp(bytes, marker, sizeof marker) == 0) {
    *is_ike = true;
    return NULL;
  }
  if (length < 8) {
    host->esp.drops[DROP_malformed]++;
    return NULL;
  }
  return esp_open(&host->esp, outer, traffic_class, bytes, length, inner_length);
}

/* JavaScript may add and remove SAs in `host_tell`: each round begins anew. */
static void give_held(struct host *host) {
  uint8_t *inner = NULL;
  size_t length = 0;
  while (esp_take_held(&host->esp, &inner, &length)) {
    host->loop.budget--;
    if (inner != NULL) tun_write(host, inner, length);
    host_tell(host, NULL);
  }
}

static void on_held(void *ctx, uint32_t events) {
  struct host *host = ctx;
  (void)events;
  loop_close(&host->loop, &host->held_ref);
  esp_tick(&host->esp);
  give_held(host);
}

static void on_datagram(void *ctx, const struct outer *outer, uint8_t traffic_class, uint8_t *bytes, size_t length) {
  struct host *host = ctx;
  bool is_ike = outer->local_port == IKE_PORT;
  size_t inner_length = 0;
  esp_tick(&host->esp);
  if (host->esp.held_due) give_held(host);
  uint8_t *inner = is_ike ? NULL : host_sort(host, outer, traffic_class, bytes, length, &inner_length, &is_ike);
  if (is_ike) {
    host->events->udp_received(host->ctx, outer, bytes, length);
    return;
  }
  if (inner != NULL) tun_write(host, inner, inner_length);
  host_tell(host, outer);
}

static void on_refused(void *ctx, const struct outer *outer, int error) {
  struct host *host = ctx;
  host->esp.drops[DROP_send_failed]++;
  if (error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS) return; /* full queues say nothing of the path */
  if (host->refused_at >= 0 && host->esp.now - host->refused_at < REFUSED_INTERVAL) return;
  host->refused_at = host->esp.now;
  host->refused = true;
  host->refused_error = error;
  host->refused_outer = *outer;
}

static void on_too_big(void *ctx, const struct outer *outer, uint32_t mtu, const uint8_t *quote, size_t length) {
  struct host *host = ctx;
  esp_tick(&host->esp);
  const struct esp_bundle *bundle = outer->local_port == IKE_PORT ? NULL : esp_too_big(&host->esp, outer, mtu, quote, length);
  if (bundle == NULL) return;
  struct outer path = bundle->path.outer;
  host->events->esp_too_big(host->ctx, bundle->id, &path, mtu);
}

static void on_netlink(void *ctx, uint32_t id, int error, const uint8_t *bytes, size_t length) {
  struct host *host = ctx;
  host->events->netlink_received(host->ctx, id, error, bytes, length);
}

static void on_connected(void *ctx, uint32_t id, int fd, int error) {
  struct host *host = ctx;
  host->events->tcp_connected(host->ctx, id, fd, error);
}

static void on_echo(void *ctx, uint32_t id, int error) {
  struct host *host = ctx;
  host->events->icmp_answered(host->ctx, id, error);
}

const char *host_init(struct host *host, const struct host_events *events, void *ctx) {
  memset(host, 0, sizeof *host);
  host->events = events;
  host->ctx = ctx;
  host->tun = -1;
  host->refused_at = -1;
  host->reply_second = -1e9;
  const char *missing = protect_load();
  if (missing != NULL) return missing;
  if (loop_init(&host->loop) != 0) return "epoll_create1 failed";
  if (udp_init(&host->udp, &host->loop) != 0) {
    host_free(host);
    return "no memory for packet buffers";
  }
  host->udp.received = on_datagram;
  host->udp.refused = on_refused;
  host->udp.too_big = on_too_big;
  host->udp.ctx = host;
  esp_init(&host->esp);
  netlink_init(&host->netlink, &host->loop);
  host->netlink.received = on_netlink;
  host->netlink.ctx = host;
  tcp_init(&host->tcp, &host->loop);
  host->tcp.connected = on_connected;
  host->tcp.ctx = host;
  icmp_init(&host->icmp, &host->loop);
  host->icmp.answered = on_echo;
  host->icmp.ctx = host;
  return NULL;
}

void host_free(struct host *host) {
  host_tun_close(host);
  tcp_close_all(&host->tcp);
  icmp_close_all(&host->icmp);
  netlink_close_all(&host->netlink);
  udp_free(&host->udp);
  esp_free(&host->esp);
  loop_free(&host->loop);
}

int host_tun_open(struct host *host, const char *name, uint32_t mtu) {
  uint32_t ifindex = 0;
  host_tun_remove(host);
  int fd = tun_open_device(name, mtu, &ifindex);
  if (fd < 0) return fd;
  int error = loop_watch(&host->loop, fd, EPOLLIN, on_tun, host, &host->tun_ref);
  if (error != 0) {
    close(fd);
    return -error;
  }
  host->tun = fd;
  return (int)ifindex;
}

void host_tun_close(struct host *host) {
  if (host->tun < 0) return;
  loop_close(&host->loop, &host->tun_ref);
  host->tun = -1;
}

void host_tun_remove(struct host *host) {
  if (host->tun >= 0) tun_release_device(host->tun);
  host_tun_close(host);
}

int host_sa_add(struct host *host, const struct esp_sa_spec *spec) {
  int error = esp_add(&host->esp, spec);
  if (error != 0 || !host->esp.held_due || loop_alive(&host->loop, host->held_ref)) return error;
  int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd >= 0 && loop_watch(&host->loop, fd, EPOLLIN, on_held, host, &host->held_ref) != 0) close(fd); /* then the next datagram brings them along */
  return error;
}

void host_inject(struct host *host, const uint8_t *packet, size_t length) {
  struct esp_datagram made;
  if (length > UDP_ROOM - ESP_HEAD - ESP_TAIL) return;
  esp_tick(&host->esp);
  uint8_t *room = udp_tx_buffer(&host->udp);
  memcpy(room + ESP_HEAD, packet, length);
  struct esp_bundle *bundle = esp_seal(&host->esp, room, length, &made);
  host->esp.reply_length = 0; /* who injects knows the size */
  if (bundle != NULL) udp_tx_push(&host->udp, &bundle->path, made.at, made.length, made.header);
  udp_tx_flush(&host->udp);
}

void host_dummy(struct host *host, uint32_t bundle) {
  esp_tick(&host->esp);
  const struct esp_bundle *found = esp_find_bundle(&host->esp, bundle);
  for (struct esp_child *child = found == NULL ? NULL : found->children; child != NULL; child = child->next) {
    struct esp_datagram made;
    uint8_t *room = udp_tx_buffer(&host->udp);
    if (esp_seal_dummy(&host->esp, child, room, &made)) udp_tx_push(&host->udp, &found->path, made.at, made.length, made.header);
  }
  udp_tx_flush(&host->udp);
}
