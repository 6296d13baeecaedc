#include "esp.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* The packet half of the plane; SAs and bundles are kept in esp-sa.c. */

#define NEXT_IPV4 4
#define NEXT_IPV6 41
#define NEXT_DUMMY 59
#define UNKNOWN_SPI_INTERVAL 1000.0

static uint32_t get32(const uint8_t *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }

static void put32(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 24);
  at[1] = (uint8_t)(value >> 16);
  at[2] = (uint8_t)(value >> 8);
  at[3] = (uint8_t)value;
}

static void *drop(struct esp *esp, enum esp_drop cause) {
  esp->drops[cause]++;
  return NULL;
}

/* ---- replay window, RFC 4303 section 3.4.3 and appendix A2 ---- */

/* The full sequence number behind the low 32 bits; false when it could only be one of before the start. */
static bool extend(const struct esp_sa *sa, uint32_t low, uint64_t *sequence) {
  uint32_t top_low = (uint32_t)sa->sequence;
  uint64_t top_high = sa->sequence >> 32;
  if (!sa->esn) {
    *sequence = low;
    return true;
  }
  uint32_t bottom = top_low - ESP_WINDOW + 1; /* modulo 2^32 */
  if (top_low >= ESP_WINDOW - 1) {
    if (low < bottom) top_high++;
  } else if (low >= bottom) {
    if (top_high == 0) return false;
    top_high--;
  }
  *sequence = top_high << 32 | low;
  return true;
}

static bool fresh(const struct esp_sa *sa, uint64_t sequence) {
  if (sequence == 0) return false;
  if (sequence > sa->sequence) return true;
  if (sa->sequence - sequence >= ESP_WINDOW) return false;
  uint32_t bit = (uint32_t)sequence % ESP_WINDOW;
  return (sa->window[bit / 64] >> (bit % 64) & 1) == 0;
}

static void accept_sequence(struct esp_sa *sa, uint64_t sequence) {
  if (sequence > sa->sequence) {
    if (sequence - sa->sequence >= ESP_WINDOW) {
      memset(sa->window, 0, sizeof sa->window);
    } else {
      for (uint64_t at = sa->sequence + 1; at < sequence; at++) {
        uint32_t bit = (uint32_t)at % ESP_WINDOW;
        sa->window[bit / 64] &= ~(1ull << (bit % 64));
      }
    }
    sa->sequence = sequence;
  }
  uint32_t bit = (uint32_t)sequence % ESP_WINDOW;
  sa->window[bit / 64] |= 1ull << (bit % 64);
}

int esp_skip_to(struct esp *esp, uint32_t handle, uint64_t sequence) {
  struct esp_sa *sa = esp_find_sa(esp, handle);
  if (sa == NULL) return ENOENT;
  if (sequence <= sa->sequence) return 0; /* never back: a nonce would be used twice */
  if (sa->outbound) sa->sequence = sequence;
  else accept_sequence(sa, sequence);
  return 0;
}

/* ---- outbound ---- */

/* The next octets of the generator; false when the system has none to give. */
static bool draw(struct esp *esp, uint8_t *to, size_t count) {
  if (esp->random_left < count) {
    if (getrandom(esp->random, sizeof esp->random, 0) != (ssize_t)sizeof esp->random) return false;
    esp->random_left = sizeof esp->random;
  }
  memcpy(to, esp->random + sizeof esp->random - esp->random_left, count);
  esp->random_left -= count;
  return true;
}

/* Seals `length` octets at room + ESP_HEAD under the SA; false when that cannot be. */
static bool seal_under(struct esp *esp, struct esp_sa *sa, uint8_t *room, size_t length, uint8_t next_header, struct esp_datagram *made) {
  struct protect *protect = &sa->protect;
  uint8_t *plain = room + ESP_HEAD;
  uint8_t *packet = plain - protect->iv - PROTECT_HEADER;
  uint8_t high[4];
  if (sa->sequence >= (sa->esn ? UINT64_MAX : UINT32_MAX)) {
    drop(esp, DROP_sequence_exhausted); /* RFC 4303 section 3.3.3: no wrap */
    return false;
  }
  size_t padding = (protect->block - (length + 2) % protect->block) % protect->block;
  size_t sealed = length + padding + 2;
  size_t whole = PROTECT_HEADER + protect->iv + sealed + protect->icv;
  struct esp_bundle *bundle = sa->bundle;
  if (bundle->bounded && bundle->credit < whole) {
    drop(esp, DROP_unverified);
    return false;
  }
  uint64_t sequence = ++sa->sequence;
  put32(high, (uint32_t)(sequence >> 32));
  put32(packet, sa->spi);
  put32(packet + 4, (uint32_t)sequence);
  if (protect->mac == NULL) { /* a counter is never used twice (RFC 4106 section 3.1) */
    memcpy(packet + 8, high, 4);
    put32(packet + 12, (uint32_t)sequence);
  } else if (!draw(esp, packet + 8, protect->iv)) { /* CBC: must not be foreseen (RFC 3602 section 3) */
    drop(esp, DROP_send_failed);
    return false;
  }
  for (size_t i = 0; i < padding; i++) plain[length + i] = (uint8_t)(i + 1);
  plain[length + padding] = (uint8_t)padding;
  plain[length + padding + 1] = next_header;
  if (!protect_seal(protect, packet, sealed, sa->esn ? high : NULL)) {
    drop(esp, DROP_send_failed);
    return false;
  }
  sa->packets++;
  sa->bytes += length;
  bundle->last_any = esp->now;
  if (bundle->bounded) bundle->credit -= whole;
  made->at = packet;
  made->length = whole;
  made->header = (struct udp_header){0};
  return true;
}

struct esp_bundle *esp_seal(struct esp *esp, uint8_t *room, size_t length, struct esp_datagram *made) {
  struct inner inner;
  uint8_t *bytes = room + ESP_HEAD;
  if (!inner_parse(&inner, bytes, length)) return drop(esp, DROP_not_ip);
  const struct esp_child *child = esp_index_find(&esp->index, &inner);
  if (child == NULL) return drop(esp, DROP_no_sa);
  struct esp_sa *sa = child->used;
  struct esp_bundle *bundle = sa->bundle;
  if (!bundle->has_path) return drop(esp, DROP_no_path);
  if (inner.length > inner_limit(&inner, bundle->mtu) && inner.dont_fragment) {
    size_t reply = inner_too_big(esp->reply, bytes, &inner, bundle->mtu);
    if (reply > 0) esp->reply_length = reply;
    return drop(esp, DROP_too_big);
  }
  inner_clamp_mss(bytes, &inner, bundle->mtu);
  /* RFC 6040 section 4.1, normal mode: the outer header gets the inner ECN field. */
  struct udp_header header = {.traffic_class = inner_traffic_class(bytes) & (sa->copy_dscp ? 0xff : INNER_ECN)};
  /* RFC 4301 section 8.1. IPv6 has its least MTU of every link: on a path that is smaller, outer packets are cut. */
  header.dont_fragment = sa->copy_df && inner.dont_fragment && inner.length <= bundle->mtu;
  if (!seal_under(esp, sa, room, inner.length, inner.version == 4 ? NEXT_IPV4 : NEXT_IPV6, made)) return NULL;
  made->header = header;
  bundle->sent++;
  bundle->last_sent = esp->now;
  return bundle;
}

bool esp_seal_dummy(struct esp *esp, struct esp_child *child, uint8_t *room, struct esp_datagram *made) {
  if (child->used == NULL || !child->bundle->has_path) return false;
  return seal_under(esp, child->used, room, 0, NEXT_DUMMY, made);
}

/* Between two of the same news about a path. */
#define TOO_BIG_INTERVAL 1000.0

static bool is_path_of(const struct esp_bundle *bundle, const struct outer *outer) {
  const struct outer *path = &bundle->path.outer;
  return bundle->has_path && path->family == outer->family && path->local_port == outer->local_port && path->remote_port == outer->remote_port &&
         memcmp(path->local, outer->local, sizeof outer->local) == 0 && memcmp(path->remote, outer->remote, sizeof outer->remote) == 0;
}

struct esp_bundle *esp_too_big(struct esp *esp, const struct outer *outer, uint32_t mtu, const uint8_t *quote, size_t length) {
  if (length < PROTECT_HEADER) return NULL;
  uint32_t spi = get32(quote);
  uint32_t low = get32(quote + 4);
  for (struct esp_sa *sa = esp->by_outbound_spi[spi % ESP_BUCKETS]; sa != NULL; sa = sa->next_spi) {
    struct esp_bundle *bundle = sa->bundle;
    if (sa->spi != spi || !is_path_of(bundle, outer)) continue; /* two peers may have chosen one SPI */
    uint32_t age = (uint32_t)sa->sequence - low;
    if (age >= ESP_RECENT || age >= sa->sequence) continue;
    if (bundle->told_mtu != 0 && mtu >= bundle->told_mtu && esp->now - bundle->told_at < TOO_BIG_INTERVAL) return NULL;
    bundle->told_mtu = mtu;
    bundle->told_at = esp->now;
    return bundle;
  }
  return NULL;
}

/* ---- inbound ---- */

/* Remembers where a fresh authenticated packet came from; the least recent of too many is forgotten. */
static void note_inbound(struct esp_bundle *bundle, const struct outer *outer, double now, bool ahead) {
  int at = bundle->inbound_count - 1;
  while (at >= 0 && memcmp(&bundle->inbound[at].outer, outer, sizeof *outer) != 0) at--;
  struct esp_inbound entry = {.outer = *outer, .packets = 1, .last = now, .ahead = ahead ? now : -1};
  int newest = bundle->inbound_count - 1;
  if (at == newest && at >= 0) { /* the common case */
    bundle->inbound[at].packets++;
    bundle->inbound[at].last = now;
    if (ahead) bundle->inbound[at].ahead = now;
    return;
  }
  if (at >= 0) {
    entry.packets += bundle->inbound[at].packets;
    if (!ahead) entry.ahead = bundle->inbound[at].ahead;
  } else if (bundle->inbound_count < ESP_INBOUND_PATHS) {
    bundle->inbound[bundle->inbound_count++] = entry;
    return;
  } else {
    at = 0;
  }
  memmove(&bundle->inbound[at], &bundle->inbound[at + 1], (size_t)(newest - at) * sizeof entry);
  bundle->inbound[newest] = entry;
}

/* Whether it raises the credit of a bounded bundle: the address counts, for a NAT may give ESP a port of its own. */
static bool comes_from_path(const struct esp_bundle *bundle, const struct outer *outer) {
  const struct outer *path = &bundle->path.outer;
  return bundle->bounded && bundle->has_path && path->family == outer->family && memcmp(path->remote, outer->remote, sizeof outer->remote) == 0;
}

static struct esp_sa *by_spi(const struct esp *esp, uint32_t spi) {
  struct esp_sa *sa = esp->by_spi[spi % ESP_BUCKETS];
  while (sa != NULL && sa->spi != spi) sa = sa->next_spi;
  return sa;
}

/* Keeps a copy for an SA that may come; the oldest of too many is forgotten. */
static void hold(struct esp *esp, uint32_t spi, const struct outer *outer, uint8_t traffic_class, const uint8_t *bytes, size_t length) {
  if (spi < 256 || length > ESP_HELD_OCTETS) return; /* RFC 4303 section 2.1: no SA has a reserved SPI */
  struct esp_held *held = &esp->held[esp->held_next];
  esp->held_next = (esp->held_next + 1) % ESP_HELD;
  held->at = esp->now;
  held->spi = spi;
  held->length = (uint32_t)length;
  held->outer = *outer;
  held->traffic_class = traffic_class;
  memcpy(held->bytes, bytes, length);
}

/* Takes padding, pad length and next header off; false when the padding is not 1, 2, 3... (RFC 4303 section 2.4). */
static bool strip(const uint8_t *plain, size_t *length, uint8_t *next_header) {
  size_t end = *length - 2;
  size_t padding = plain[end];
  if (padding > end) return false;
  for (size_t i = 0; i < padding; i++)
    if (plain[end - padding + i] != i + 1) return false;
  *next_header = plain[end + 1];
  *length = end - padding;
  return true;
}

uint8_t *esp_open(struct esp *esp, const struct outer *outer, uint8_t traffic_class, uint8_t *bytes, size_t length, size_t *inner_length) {
  uint32_t spi = get32(bytes);
  struct esp_sa *sa = by_spi(esp, spi);
  if (sa == NULL) {
    if (esp->unknown_spi_at < 0 || esp->now - esp->unknown_spi_at >= UNKNOWN_SPI_INTERVAL) {
      esp->unknown_spi_at = esp->now;
      esp->unknown_spi = true;
      esp->unknown_spi_value = spi;
    }
    hold(esp, spi, outer, traffic_class, bytes, length);
    return drop(esp, DROP_unknown_spi);
  }
  struct protect *protect = &sa->protect;
  if (length < protect_min(protect)) return drop(esp, DROP_malformed);
  uint8_t *plain = bytes + PROTECT_HEADER + protect->iv;
  size_t plain_length = length - PROTECT_HEADER - protect->iv - protect->icv;
  if (protect->mac != NULL && plain_length % protect->block != 0) return drop(esp, DROP_malformed);
  uint64_t sequence;
  if (!extend(sa, get32(bytes + 4), &sequence) || !fresh(sa, sequence)) return drop(esp, DROP_replay);
  uint8_t high[4];
  put32(high, (uint32_t)(sequence >> 32));
  if (!protect_open(protect, bytes, plain_length, sa->esn ? high : NULL)) return drop(esp, DROP_icv);
  bool ahead = sequence > sa->sequence;
  accept_sequence(sa, sequence);
  sa->packets++;
  note_inbound(sa->bundle, outer, esp->now, ahead);
  if (comes_from_path(sa->bundle, outer)) sa->bundle->credit += ESP_CREDIT * (uint64_t)length;
  if (!sa->seen) {
    sa->seen = true;
    esp->first_inbound = true;
    esp->first_inbound_handle = sa->handle;
  }
  uint8_t next_header = 0;
  if (!strip(plain, &plain_length, &next_header)) return drop(esp, DROP_bad_padding);
  if (next_header == NEXT_DUMMY) return drop(esp, DROP_dummy);
  if (next_header != NEXT_IPV4 && next_header != NEXT_IPV6) return drop(esp, DROP_bad_next_header);
  struct inner inner;
  if (!inner_parse(&inner, plain, plain_length)) return drop(esp, DROP_bad_inner);
  if ((inner.version == 4) != (next_header == NEXT_IPV4)) return drop(esp, DROP_bad_next_header);
  if (!inner_matches(&inner, &sa->remote, &sa->local)) return drop(esp, DROP_selector);
  if (!inner_merge_ecn(plain, &inner, traffic_class)) return drop(esp, DROP_ecn);
  sa->bytes += inner.length;
  inner_clamp_mss(plain, &inner, sa->bundle->mtu);
  *inner_length = inner.length;
  return plain;
}

bool esp_take_held(struct esp *esp, uint8_t **inner, size_t *inner_length) {
  for (uint32_t i = 0; i < ESP_HELD; i++) {
    struct esp_held *held = &esp->held[(esp->held_next + i) % ESP_HELD];
    size_t length = held->length;
    if (length == 0 || by_spi(esp, held->spi) == NULL) continue;
    held->length = 0;
    if (esp->now - held->at > ESP_HELD_MS) continue; /* and stays counted */
    esp->drops[DROP_unknown_spi]--;
    *inner = esp_open(esp, &held->outer, held->traffic_class, held->bytes, length, inner_length);
    return true;
  }
  esp->held_due = false;
  return false;
}
