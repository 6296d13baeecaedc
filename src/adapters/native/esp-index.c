#include "esp-index.h"

#include <stdlib.h>
#include <string.h>

#include "esp.h"

static uint32_t bucket_of(const uint8_t *prefix, uint8_t width, uint8_t bits) {
  uint32_t hash = 0x811c9dc5u ^ bits; /* FNV-1a */
  for (uint8_t i = 0; i < width; i++) hash = (hash ^ prefix[i]) * 0x01000193u;
  return (hash ^ hash >> 15) % ESP_INDEX_BUCKETS;
}

/* The first `bits` bits of the address, zeros behind them. */
static void mask(uint8_t *to, const uint8_t *address, uint8_t width, uint8_t bits) {
  memset(to, 0, 16);
  memcpy(to, address, bits / 8);
  if (bits % 8 != 0 && bits / 8 < width) to[bits / 8] = (uint8_t)(address[bits / 8] & (0xff00 >> bits % 8));
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
    if (index->routes[family][bits] > 0) index->lengths[family][count++] = (uint8_t)bits;
  index->length_count[family] = count;
}

static void take_out(struct esp_index *index, struct esp_child *child) {
  while (child->routes != NULL) {
    struct esp_route *gone = child->routes;
    struct esp_route **at = &index->buckets[bucket_of(gone->prefix, gone->width, gone->bits)];
    while (*at != gone) at = &(*at)->next;
    *at = gone->next;
    child->routes = gone->other;
    if (--index->routes[gone->width == 16][gone->bits] == 0) count_lengths(index, gone->width == 16);
    free(gone);
  }
}

static bool same(const struct esp_route *a, const uint8_t *prefix, uint8_t width, uint8_t bits) {
  return a->width == width && a->bits == bits && memcmp(a->prefix, prefix, 16) == 0;
}

static bool file(struct esp_index *index, struct esp_child *child, const struct selector *row) {
  uint8_t bits = common_bits(row);
  uint8_t prefix[16];
  mask(prefix, row->start, row->width, bits);
  for (const struct esp_route *old = child->routes; old != NULL; old = old->other)
    if (same(old, prefix, row->width, bits)) return true; /* the same range for another protocol */
  struct esp_route *made = calloc(1, sizeof *made);
  if (made == NULL) return false;
  memcpy(made->prefix, prefix, sizeof prefix);
  made->width = row->width;
  made->bits = bits;
  made->child = child;
  made->other = child->routes;
  child->routes = made;
  struct esp_route **at = &index->buckets[bucket_of(prefix, row->width, bits)];
  while (*at != NULL && (*at)->child->order < child->order) at = &(*at)->next;
  made->next = *at;
  *at = made;
  if (index->routes[row->width == 16][bits]++ == 0) count_lengths(index, row->width == 16);
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
    uint8_t prefix[16];
    mask(prefix, rows->rows[i].start, rows->rows[i].width, bits);
    if (!same(route, prefix, rows->rows[i].width, bits)) return false;
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
  int family = inner->width == 16;
  struct esp_child *best = NULL;
  for (uint32_t i = 0; i < index->length_count[family]; i++) {
    uint8_t bits = index->lengths[family][i];
    uint8_t prefix[16];
    mask(prefix, inner->destination, (uint8_t)inner->width, bits);
    for (const struct esp_route *route = index->buckets[bucket_of(prefix, (uint8_t)inner->width, bits)]; route != NULL; route = route->next) {
      if (best != NULL && route->child->order >= best->order) break;
      if (!same(route, prefix, (uint8_t)inner->width, bits)) continue;
      if (!inner_matches(inner, &route->child->used->local, &route->child->used->remote)) continue;
      best = route->child;
      break;
    }
  }
  return best;
}
