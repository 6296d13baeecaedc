/*
 * The userspace ESP plane (RFC 4303, RFC 3948): SAs, bundles with their path, encapsulation and decapsulation in place.
 * It does no I/O but for random octets, and calls nobody back: what the host must tell is left in `first_inbound`,
 * `unknown_spi` and `reply`. src/esp/soft-esp.ts is the same plane in TypeScript; a test compares them.
 */
#ifndef MOBIKED_ESP_H
#define MOBIKED_ESP_H

#include "esp-index.h"
#include "inner.h"
#include "outer.h"
#include "protect.h"
#include "udp.h"

/* 8,000 peers with one child each, all of them amid a rekeying. */
#define ESP_MAX_SAS 32768
#define ESP_MAX_BUNDLES 16384
#define ESP_MAX_SELECTORS 255
#define ESP_INBOUND_PATHS 8
#define ESP_WINDOW 1024
/* An ICMP error is believed about the last so many packets of an SA: 0.3 s at 150 Mbit/s, and nobody beside the path can guess one. */
#define ESP_RECENT 4096
#define ESP_BUCKETS 8192
/* The last so many datagrams of SPIs nobody knows are held so long, when they are no longer than that (see esp_take_held). */
#define ESP_HELD 64
#define ESP_HELD_OCTETS 2048
#define ESP_HELD_MS 2000.0
/* So many octets may go to a peer that has not shown to be where it says for each that came from there (RFC 4555 section 3.7). */
#define ESP_CREDIT 3
/* Octets kept free before the inner packet for SPI, sequence number and IV; more than needed, so that the text is aligned. */
#define ESP_HEAD 32
/* Octets behind it at most: padding, pad length, next header, ICV. */
#define ESP_TAIL (PROTECT_MAX_PAD + 2 + PROTECT_MAX_ICV)
/* Random octets drawn at once, as much as getrandom(2) gives without being interrupted. */
#define ESP_RANDOM 256

_Static_assert(PROTECT_HEADER + PROTECT_MAX_IV <= ESP_HEAD, "header and IV stand before the inner packet");

/* Rows in the order of src/esp/drops.ts. */
#define ESP_DROPS(X) \
  X(keepalive) X(malformed) X(unknown_spi) X(replay) X(icv) X(bad_padding) X(bad_next_header) X(dummy) X(bad_inner) \
  X(selector) X(tun_write) X(not_ip) X(no_sa) X(no_path) X(too_big) X(sequence_exhausted) X(send_failed) X(sa_refused) \
  X(ecn) X(unverified)
#define ESP_DROP_ENUM(name) DROP_##name,
enum esp_drop { ESP_DROPS(ESP_DROP_ENUM) DROP_COUNT };
extern const char *const esp_drop_names[DROP_COUNT];

struct esp_bundle;

struct esp_child {
  uint32_t id;
  uint32_t sas;
  /* Grows with each child made. */
  uint64_t order;
  struct esp_bundle *bundle;
  struct esp_sa *used;
  struct esp_route *routes;
  struct esp_child *next; /* of the bundle, in order of creation */
};

struct esp_sa {
  uint32_t handle;
  uint32_t spi;
  bool outbound;
  bool esn;
  bool seen;
  bool copy_dscp;
  bool copy_df;
  struct protect protect;
  /* Outbound: last used. Inbound: highest received. */
  uint64_t sequence;
  uint64_t packets;
  uint64_t bytes;
  struct selectors local;
  struct selectors remote;
  struct esp_bundle *bundle;
  struct esp_child *child;
  struct esp_sa *next; /* all SAs, in order of creation */
  struct esp_sa *previous;
  struct esp_sa *next_handle; /* bucket of by_handle */
  struct esp_sa *next_spi;    /* bucket of by_spi or by_outbound_spi */
  uint64_t window[ESP_WINDOW / 64];
};

struct esp_inbound {
  struct outer outer;
  uint64_t packets;
  double last;
  /* When the last packet came that had a higher number than all before it under its SA; negative: none yet. */
  double ahead;
};

struct esp_bundle {
  uint32_t id;
  uint32_t sas;
  uint32_t mtu;
  bool has_path;
  struct udp_target path;
  /* The peer has not shown that it receives at the path's remote address: octets of ESP that may go there. */
  bool bounded;
  uint64_t credit;
  /* What `esp_too_big` last told of this path, and when; 0: nothing. */
  uint32_t told_mtu;
  double told_at;
  uint64_t sent;
  /* CLOCK_MONOTONIC in ms; negative: never. */
  double last_sent;
  double last_any;
  /* Least recent first. */
  struct esp_inbound inbound[ESP_INBOUND_PATHS];
  int inbound_count;
  struct esp_child *children;
  struct esp_bundle *next; /* in order of creation */
  struct esp_bundle *previous;
  struct esp_bundle *next_id; /* bucket of by_id */
};

struct esp_held {
  double at;
  uint32_t spi;
  /* 0: nothing is held here. */
  uint32_t length;
  struct outer outer;
  uint8_t traffic_class;
  uint8_t bytes[ESP_HELD_OCTETS];
};

struct esp {
  /* CLOCK_MONOTONIC in ms, set by `esp_tick` before packets are handled. */
  double now;
  uint64_t drops[DROP_COUNT];
  uint32_t sa_count;
  uint32_t bundle_count;
  uint64_t children_made;
  struct esp_sa *sas;
  struct esp_sa *last_sa;
  struct esp_bundle *bundles;
  struct esp_bundle *last_bundle;
  struct esp_index index;
  struct esp_sa *by_handle[ESP_BUCKETS];
  struct esp_sa *by_spi[ESP_BUCKETS];
  struct esp_sa *by_outbound_spi[ESP_BUCKETS];
  struct esp_bundle *by_id[ESP_BUCKETS];
  /* Octets of the operating system's generator for IVs that must not be foreseen; the last `random_left` are unused. */
  uint8_t random[ESP_RANDOM];
  size_t random_left;
  /* A ring: `held_next` is the oldest slot and the next to be taken. `held_due`: an SA was added for which there is something. */
  struct esp_held held[ESP_HELD];
  uint32_t held_next;
  bool held_due;
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
  /* Outbound: the outer header gets the inner DSCP (RFC 4301 section 5.1.2.1), else zero. */
  bool copy_dscp;
  /* Outbound: so does DF (section 8.1); else it is never set. */
  bool copy_df;
  struct protect_keys keys;
  /* Copied. */
  struct selectors local, remote;
};

/* 0 or an errno; ENOTSUP without OpenSSL. */
int esp_init(struct esp *esp);
/* Wipes all keys. */
void esp_free(struct esp *esp);
void esp_tick(struct esp *esp);
/* EEXIST, EINVAL: a bug of the caller; ENOTSUP: this OpenSSL lacks the cipher. ENOSPC, ENOMEM: refused and counted. */
int esp_add(struct esp *esp, const struct esp_sa_spec *spec);
int esp_use(struct esp *esp, uint32_t handle);
int esp_remove(struct esp *esp, uint32_t handle);
int esp_skip_to(struct esp *esp, uint32_t handle, uint64_t sequence);
/* `outer` NULL: no path; with the ports OUTER_PLAIN ESP leaves without UDP. */
int esp_set_path(struct esp *esp, uint32_t bundle, const struct outer *outer, uint32_t mtu);
/* From now on, or no longer, what leaves is bounded by what comes from the address of the path, ESP_CREDIT times. ENOENT: no such bundle. */
int esp_bound(struct esp *esp, uint32_t bundle, bool bounded);
/* NULL: there is none. */
struct esp_sa *esp_find_sa(struct esp *esp, uint32_t handle);
struct esp_bundle *esp_find_bundle(const struct esp *esp, uint32_t id);

/* A datagram made in the room that was given. */
struct esp_datagram {
  uint8_t *at;
  size_t length;
  struct udp_header header;
};

/*
 * Encapsulates the inner packet of `length` octets at `room + ESP_HEAD`; ESP_TAIL octets behind it are free. NULL:
 * dropped and counted.
 */
struct esp_bundle *esp_seal(struct esp *esp, uint8_t *room, size_t length, struct esp_datagram *made);
/* The dummy packet of a child (next header 59); false when it has none to send under. */
bool esp_seal_dummy(struct esp *esp, struct esp_child *child, uint8_t *room, struct esp_datagram *made);
/*
 * Judges an ICMP message that says that a datagram of ours, which began with `quote`, was too big for the path: the bundle
 * when it is about one of the packets last sent on the bundle's path; NULL when nothing shall come of it (RFC 4301
 * section 8.2.2). One bundle is given once a second, sooner only for less.
 */
struct esp_bundle *esp_too_big(struct esp *esp, const struct outer *outer, uint32_t mtu, const uint8_t *quote, size_t length);
/*
 * Decapsulates in place a datagram that came with this traffic class; the inner packet, or NULL: dropped and counted.
 * `length` is at least 8.
 */
uint8_t *esp_open(struct esp *esp, const struct outer *outer, uint8_t traffic_class, uint8_t *bytes, size_t length, size_t *inner_length);
/*
 * A peer may send under a new Child SA as soon as it has answered (RFC 7296 section 2.8), so its first packets can overtake
 * the answer. What comes under an unknown SPI is counted as `unknown_spi` and held. This opens the oldest held one whose SA
 * has come since, as if it came now, and takes it off that count: false when there is none. `inner` is that of `esp_open`,
 * valid until the next call of it.
 */
bool esp_take_held(struct esp *esp, uint8_t **inner, size_t *inner_length);

#endif
