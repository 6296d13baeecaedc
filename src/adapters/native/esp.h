/*
 * The userspace ESP plane (RFC 4303, RFC 4106, RFC 3948): SAs, bundles with their path, encapsulation and
 * decapsulation in place. It does no I/O and calls nobody back: what the host must tell is left in `first_inbound`,
 * `unknown_spi` and `reply`. src/esp/soft-esp.ts is the same plane in TypeScript; a test compares them.
 */
#ifndef MOBIKED_ESP_H
#define MOBIKED_ESP_H

#include "gcm.h"
#include "inner.h"
#include "outer.h"
#include "udp.h"

#define ESP_MAX_SAS 1024
#define ESP_MAX_BUNDLES 1024
#define ESP_MAX_SELECTORS 255
#define ESP_INBOUND_PATHS 8
#define ESP_WINDOW 1024
#define ESP_BUCKETS 1024
/* Octets before the inner packet: SPI, sequence number, IV. */
#define ESP_HEAD 16
/* Octets behind it at most: padding, pad length, next header, ICV. */
#define ESP_TAIL (3 + 2 + GCM_TAG)
/* Shortest packet. */
#define ESP_MIN (ESP_HEAD + 2 + GCM_TAG)

/* Rows in the order of src/esp/drops.ts. */
#define ESP_DROPS(X) \
  X(keepalive) X(malformed) X(unknown_spi) X(replay) X(icv) X(bad_padding) X(bad_next_header) X(dummy) X(bad_inner) \
  X(selector) X(tun_write) X(not_ip) X(no_sa) X(no_path) X(too_big) X(sequence_exhausted) X(send_failed) X(sa_refused)
#define ESP_DROP_ENUM(name) DROP_##name,
enum esp_drop { ESP_DROPS(ESP_DROP_ENUM) DROP_COUNT };
extern const char *const esp_drop_names[DROP_COUNT];

struct esp_bundle;

struct esp_child {
  uint32_t id;
  struct esp_bundle *bundle;
  struct esp_sa *used;
  uint32_t sas;
  struct esp_child *next;
};

struct esp_sa {
  uint32_t handle;
  uint32_t spi;
  bool outbound;
  bool esn;
  bool seen;
  uint8_t salt[4];
  struct gcm *gcm;
  /* Outbound: last used. Inbound: highest received. */
  uint64_t sequence;
  uint64_t packets;
  uint64_t bytes;
  struct selectors local;
  struct selectors remote;
  struct esp_bundle *bundle;
  struct esp_child *child;
  struct esp_sa *next;        /* all SAs, in order of creation */
  struct esp_sa *next_handle; /* bucket of by_handle */
  struct esp_sa *next_spi;    /* bucket of by_spi */
  uint64_t window[ESP_WINDOW / 64];
};

struct esp_inbound {
  struct outer outer;
  uint64_t packets;
  double last;
};

struct esp_bundle {
  uint32_t id;
  uint32_t sas;
  uint32_t mtu;
  bool has_path;
  struct udp_target path;
  uint64_t sent;
  /* CLOCK_MONOTONIC in ms; negative: never. */
  double last_sent;
  double last_any;
  /* Least recent first. */
  struct esp_inbound inbound[ESP_INBOUND_PATHS];
  int inbound_count;
  struct esp_bundle *next; /* in order of creation */
};

struct esp {
  /* CLOCK_MONOTONIC in ms, set by `esp_tick` before packets are handled. */
  double now;
  uint64_t drops[DROP_COUNT];
  uint32_t sa_count;
  uint32_t bundle_count;
  struct esp_sa *sas;
  struct esp_child *children;
  struct esp_bundle *bundles;
  struct esp_sa *by_handle[ESP_BUCKETS];
  struct esp_sa *by_spi[ESP_BUCKETS];
  /* Set by `esp_open`: a first packet under this SA. The host clears the flags. */
  bool first_inbound;
  uint32_t first_inbound_handle;
  bool unknown_spi;
  uint32_t unknown_spi_value;
  double unknown_spi_at;
  /* Set by `esp_seal`: an ICMP message for TUN. */
  size_t reply_length;
  uint8_t reply[IPV6_MIN_MTU];
};

struct esp_sa_spec {
  uint32_t handle, bundle, child, spi;
  bool outbound, esn;
  /* 20 or 36 octets: key and salt. */
  const uint8_t *key;
  size_t key_length;
  /* Copied. */
  struct selectors local, remote;
};

/* 0 or an errno; ENOTSUP without OpenSSL. */
int esp_init(struct esp *esp);
/* Wipes all keys. */
void esp_free(struct esp *esp);
void esp_tick(struct esp *esp);
/* EEXIST, EINVAL: a bug of the caller. ENOSPC, ENOMEM: refused and counted. */
int esp_add(struct esp *esp, const struct esp_sa_spec *spec);
int esp_use(struct esp *esp, uint32_t handle);
int esp_remove(struct esp *esp, uint32_t handle);
int esp_skip_to(struct esp *esp, uint32_t handle, uint64_t sequence);
/* `outer` NULL: no path. */
int esp_set_path(struct esp *esp, uint32_t bundle, const struct outer *outer, uint32_t mtu);
/*
 * Encapsulates the inner packet of `length` octets at `room + ESP_HEAD`; ESP_TAIL octets behind it are free. The
 * datagram stands at `room`. NULL: dropped and counted.
 */
struct esp_bundle *esp_seal(struct esp *esp, uint8_t *room, size_t length, size_t *datagram_length);
/* The dummy packet of a child (next header 59); false when it has none to send under. */
bool esp_seal_dummy(struct esp *esp, struct esp_child *child, uint8_t *room, size_t *datagram_length);
/* Decapsulates in place; the inner packet, or NULL: dropped and counted. `length` is at least 8. */
uint8_t *esp_open(struct esp *esp, const struct outer *outer, uint8_t *bytes, size_t length, size_t *inner_length);

#endif
