/*
 * Which child carries a packet: every selector of the far side is filed under the prefix that covers its range, prefixes
 * of one length in one hash table, so that a packet costs one probe per length in use and not a look at every SA. Among
 * the children found, the one created first wins, as if all had been asked in turn.
 */
#ifndef MOBIKED_ESP_INDEX_H
#define MOBIKED_ESP_INDEX_H

#include "inner.h"

#define ESP_INDEX_BITS 12 /* of the number of buckets */
#define ESP_INDEX_LENGTHS 129

struct esp_child;

/* An address or prefix, zeros behind it, as two words for quick comparison; in memory it has network order. */
struct esp_words {
  uint64_t at[2];
};

struct esp_route {
  struct esp_words prefix;
  uint8_t family; /* 0: IPv4, 1: IPv6 */
  uint8_t bits;
  struct esp_child *child;
  struct esp_route *next;  /* bucket; of one prefix in order of the children's creation */
  struct esp_route *other; /* of the same child */
};

struct esp_index {
  struct esp_route *buckets[1 << ESP_INDEX_BITS];
  /* Routes by family and prefix length, and the lengths in use, longest first. */
  uint32_t routes[2][ESP_INDEX_LENGTHS];
  struct {
    struct esp_words mask;
    uint8_t bits;
  } lengths[2][ESP_INDEX_LENGTHS];
  uint32_t length_count[2];
};

/* Files the child under the selectors of its used SA, none: takes it out. False without memory: it is out then. */
bool esp_index_set(struct esp_index *index, struct esp_child *child);
/* The child, or NULL. */
struct esp_child *esp_index_find(const struct esp_index *index, const struct inner *inner);

#endif
