#include "esp-index.h"

#include <stdlib.h>
#include <string.h>

#include "esp.h"

static uint32_t bucket_of(struct esp_words prefix, uint8_t bits) {
  uint64_t mixed = (prefix.at[0] ^ bits) * 0x9e3779b97f4a7c15ull; /* 2^64 by the golden ratio */
  mixed = (mixed ^ mixed >> 32 ^ prefix.at[1]) * 0x9e3779b97f4a7c15ull;
  return (uint32_t)(mixed >> (64 - ESP_INDEX_BITS));
}

static struct esp_words words_of(const uint8_t *address, bool six) {
  struct esp_words words = {{0, 0}};
  if (six) memcpy(&words, address, 16);
  else memcpy(&words, address, 4);
  return words;
}

static struct esp_words mask_of(uint8_t bits) {
  uint8_t octets[16] = {0};
  memset(octets, 0xff, bits / 8);
  if (bits % 8 != 0) octets[bits / 8] = (uint8_t)(0xff00 >> bits % 8);
  return words_of(octets, true);
}

static struct esp_words masked(struct esp_words words, struct esp_words mask) {
  return (struct esp_words){{words.at[0] & mask.at[0], words.at[1] & mask.at[1]}};
}

/* Leading bits that start and end of a range have in common. */
static uint8_t common_bits(const struct selector *row) {
  uint8_t bits = 0;
  while (bits < row->width * 8 && ((row->start[bits / 8] ^ row->end[bits / 8]) >> (7 - bits % 8) & 1) == 0) bits++;
  return bits;
}

static void count_lengths(struct esp_index *index, int family) {
  uint32_t count = 0;
  for (int bits = ESP_INDEX_LENGTHS - 1; bits >= 0; bits--)
    if (index->routes[family][bits] > 0) {
      index->lengths[family][count].mask = mask_of((uint8_t)bits);
      index->lengths[family][count++].bits = (uint8_t)bits;
    }
  index->length_count[family] = count;
}

static void take_out(struct esp_index *index, struct esp_child *child) {
  while (child->routes != NULL) {
    struct esp_route *gone = child->routes;
    struct esp_route **at = &index->buckets[bucket_of(gone->prefix, gone->bits)];
    while (*at != gone) at = &(*at)->next;
    *at = gone->next;
    child->routes = gone->other;
    if (--index->routes[gone->family][gone->bits] == 0) count_lengths(index, gone->family);
    free(gone);
  }
}

static bool same(const struct esp_route *a, struct esp_words prefix, int family, uint8_t bits) {
  return a->prefix.at[0] == prefix.at[0] && a->prefix.at[1] == prefix.at[1] && a->bits == bits && a->family == family;
}

static struct esp_words prefix_of(const struct selector *row, uint8_t bits) { return masked(words_of(row->start, row->width == 16), mask_of(bits)); }

static bool file(struct esp_index *index, struct esp_child *child, const struct selector *row) {
  uint8_t bits = common_bits(row);
  bool six = row->width == 16;
  struct esp_words prefix = prefix_of(row, bits);
  for (const struct esp_route *old = child->routes; old != NULL; old = old->other)
    if (same(old, prefix, six, bits)) return true; /* the same range for another protocol */
  struct esp_route *made = calloc(1, sizeof *made);
  if (made == NULL) return false;
  made->prefix = prefix;
  made->family = six;
  made->bits = bits;
  made->child = child;
  made->other = child->routes;
  child->routes = made;
  struct esp_route **at = &index->buckets[bucket_of(prefix, bits)];
  while (*at != NULL && (*at)->child->order < child->order) at = &(*at)->next;
  made->next = *at;
  *at = made;
  if (index->routes[six][bits]++ == 0) count_lengths(index, six);
  return true;
}

/* The same rows: a rekeyed SA stays where its predecessor was filed. */
static bool filed_already(const struct esp_child *child) {
  const struct selectors *rows = &child->used->remote;
  if (child->routes == NULL) return false;
  size_t count = 0;
  for (const struct esp_route *route = child->routes; route != NULL; route = route->other) count++;
  if (count != rows->count) return false;
  const struct esp_route *route = child->routes; /* last row first */
  for (size_t i = rows->count; i-- > 0; route = route->other) {
    uint8_t bits = common_bits(&rows->rows[i]);
    if (!same(route, prefix_of(&rows->rows[i], bits), rows->rows[i].width == 16, bits)) return false;
  }
  return true;
}

bool esp_index_set(struct esp_index *index, struct esp_child *child) {
  if (child->used != NULL && filed_already(child)) return true;
  take_out(index, child);
  if (child->used == NULL) return true;
  for (size_t i = 0; i < child->used->remote.count; i++) {
    if (file(index, child, &child->used->remote.rows[i])) continue;
    take_out(index, child);
    return false;
  }
  return true;
}

struct esp_child *esp_index_find(const struct esp_index *index, const struct inner *inner) {
  bool six = inner->width == 16;
  struct esp_words address = words_of(inner->destination, six);
  struct esp_child *best = NULL;
  for (uint32_t i = 0; i < index->length_count[six]; i++) {
    uint8_t bits = index->lengths[six][i].bits;
    struct esp_words prefix = masked(address, index->lengths[six][i].mask);
    for (const struct esp_route *route = index->buckets[bucket_of(prefix, bits)]; route != NULL; route = route->next) {
      if (best != NULL && route->child->order >= best->order) break;
      if (!same(route, prefix, six, bits)) continue;
      if (!inner_matches(inner, &route->child->used->local, &route->child->used->remote)) continue;
      best = route->child;
      break;
    }
  }
  return best;
}
