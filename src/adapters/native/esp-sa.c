#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "esp.h"

#define ESP_DROP_NAME(name) #name,
const char *const esp_drop_names[DROP_COUNT] = {ESP_DROPS(ESP_DROP_NAME)};

int esp_init(struct esp *esp) {
  memset(esp, 0, sizeof *esp);
  esp->unknown_spi_at = -1;
  esp_tick(esp);
  return protect_load() == NULL ? 0 : ENOTSUP;
}

void esp_tick(struct esp *esp) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  esp->now = (double)now.tv_sec * 1000.0 + (double)now.tv_nsec / 1e6;
}

static struct esp_sa **handle_bucket(struct esp *esp, uint32_t handle) { return &esp->by_handle[handle % ESP_BUCKETS]; }

struct esp_sa *esp_find_sa(struct esp *esp, uint32_t handle) {
  struct esp_sa *sa = *handle_bucket(esp, handle);
  while (sa != NULL && sa->handle != handle) sa = sa->next_handle;
  return sa;
}

/* Inbound SPIs are ours and differ; peers may have chosen the same outbound one. */
static struct esp_sa **spi_bucket(struct esp *esp, const struct esp_sa *sa) {
  return &(sa->outbound ? esp->by_outbound_spi : esp->by_spi)[sa->spi % ESP_BUCKETS];
}

static bool spi_taken(const struct esp *esp, uint32_t spi) {
  const struct esp_sa *sa = esp->by_spi[spi % ESP_BUCKETS];
  while (sa != NULL && sa->spi != spi) sa = sa->next_spi;
  return sa != NULL;
}

struct esp_bundle *esp_find_bundle(const struct esp *esp, uint32_t id) {
  struct esp_bundle *bundle = esp->by_id[id % ESP_BUCKETS];
  while (bundle != NULL && bundle->id != id) bundle = bundle->next_id;
  return bundle;
}

static void drop_bundle(struct esp *esp, struct esp_bundle *gone) {
  struct esp_bundle **at = &esp->by_id[gone->id % ESP_BUCKETS];
  while (*at != gone) at = &(*at)->next_id;
  *at = gone->next_id;
  *(gone->previous == NULL ? &esp->bundles : &gone->previous->next) = gone->next;
  *(gone->next == NULL ? &esp->last_bundle : &gone->next->previous) = gone->previous;
  esp->bundle_count--;
  free(gone);
}

static struct esp_bundle *need_bundle(struct esp *esp, uint32_t id) {
  struct esp_bundle *found = esp_find_bundle(esp, id);
  if (found != NULL) return found;
  if (esp->bundle_count >= ESP_MAX_BUNDLES) {
    struct esp_bundle *idle = esp->bundles;
    while (idle != NULL && idle->sas > 0) idle = idle->next;
    if (idle == NULL) return NULL;
    drop_bundle(esp, idle);
  }
  struct esp_bundle *made = calloc(1, sizeof *made);
  if (made == NULL) return NULL;
  made->id = id;
  made->last_sent = made->last_any = -1;
  made->previous = esp->last_bundle;
  *(made->previous == NULL ? &esp->bundles : &made->previous->next) = made;
  esp->last_bundle = made;
  made->next_id = esp->by_id[id % ESP_BUCKETS];
  esp->by_id[id % ESP_BUCKETS] = made;
  esp->bundle_count++;
  return made;
}

static struct esp_child *need_child(struct esp *esp, struct esp_bundle *bundle, uint32_t id) {
  struct esp_child **at = &bundle->children;
  for (; *at != NULL; at = &(*at)->next)
    if ((*at)->id == id) return *at;
  struct esp_child *made = calloc(1, sizeof *made);
  if (made == NULL) return NULL;
  made->id = id;
  made->bundle = bundle;
  made->order = ++esp->children_made;
  *at = made;
  return made;
}

/* Drops child and bundle when nothing is left in them. */
static void release(struct esp *esp, struct esp_child *child, struct esp_bundle *bundle) {
  if (child != NULL && child->sas == 0) {
    struct esp_child **at = &bundle->children;
    while (*at != child) at = &(*at)->next;
    *at = child->next;
    free(child);
  }
  if (bundle != NULL && bundle->sas == 0 && !bundle->has_path) drop_bundle(esp, bundle);
}

static bool copy_selectors(struct selectors *to, const struct selectors *from) {
  to->count = from->count;
  to->rows = calloc(from->count == 0 ? 1 : from->count, sizeof *to->rows);
  if (to->rows != NULL && from->count > 0) memcpy(to->rows, from->rows, from->count * sizeof *to->rows);
  return to->rows != NULL;
}

static void free_sa(struct esp_sa *sa) {
  protect_free(&sa->protect);
  free(sa->local.rows);
  free(sa->remote.rows);
  explicit_bzero(sa, sizeof *sa);
  free(sa);
}

static int refuse(struct esp *esp, int error) {
  esp->drops[DROP_sa_refused]++;
  return error;
}

static bool holds(const struct esp *esp, uint32_t spi) {
  for (int i = 0; i < ESP_HELD; i++)
    if (esp->held[i].length > 0 && esp->held[i].spi == spi) return true;
  return false;
}

int esp_add(struct esp *esp, const struct esp_sa_spec *spec) {
  if (spec->local.count > ESP_MAX_SELECTORS || spec->remote.count > ESP_MAX_SELECTORS) return EINVAL;
  if (esp_find_sa(esp, spec->handle) != NULL) return EEXIST;
  if (!spec->outbound && spec->spi < 256) return EINVAL; /* RFC 4303 section 2.1: reserved */
  if (!spec->outbound && spi_taken(esp, spec->spi)) return EEXIST;
  if (esp->sa_count >= ESP_MAX_SAS) return refuse(esp, ENOSPC);
  struct esp_sa *sa = calloc(1, sizeof *sa);
  if (sa == NULL) return refuse(esp, ENOMEM);
  sa->handle = spec->handle;
  sa->spi = spec->spi;
  sa->outbound = spec->outbound;
  sa->esn = spec->esn;
  sa->copy_dscp = spec->copy_dscp;
  sa->copy_df = spec->copy_df;
  int error = protect_init(&sa->protect, &spec->keys, spec->outbound);
  if (error == EINVAL || error == ENOTSUP) {
    free_sa(sa);
    return error;
  }
  bool copied = copy_selectors(&sa->local, &spec->local) && copy_selectors(&sa->remote, &spec->remote);
  sa->bundle = error == 0 && copied ? need_bundle(esp, spec->bundle) : NULL;
  sa->child = sa->bundle != NULL ? need_child(esp, sa->bundle, spec->child) : NULL;
  if (sa->child == NULL) {
    release(esp, NULL, sa->bundle);
    free_sa(sa);
    return refuse(esp, ENOMEM);
  }
  sa->bundle->sas++;
  sa->child->sas++;
  esp->sa_count++;
  sa->previous = esp->last_sa;
  *(sa->previous == NULL ? &esp->sas : &sa->previous->next) = sa;
  esp->last_sa = sa;
  sa->next_handle = *handle_bucket(esp, sa->handle);
  *handle_bucket(esp, sa->handle) = sa;
  sa->next_spi = *spi_bucket(esp, sa);
  *spi_bucket(esp, sa) = sa;
  if (!sa->outbound && holds(esp, sa->spi)) esp->held_due = true;
  return 0;
}

int esp_use(struct esp *esp, uint32_t handle) {
  struct esp_sa *sa = esp_find_sa(esp, handle);
  if (sa == NULL || !sa->outbound) return ENOENT;
  sa->child->used = sa;
  if (esp_index_set(&esp->index, sa->child)) return 0;
  sa->child->used = NULL;
  return refuse(esp, ENOMEM);
}

int esp_remove(struct esp *esp, uint32_t handle) {
  struct esp_sa *sa = esp_find_sa(esp, handle);
  if (sa == NULL) return ENOENT;
  *(sa->previous == NULL ? &esp->sas : &sa->previous->next) = sa->next;
  *(sa->next == NULL ? &esp->last_sa : &sa->next->previous) = sa->previous;
  struct esp_sa **at;
  for (at = handle_bucket(esp, handle); *at != sa; at = &(*at)->next_handle) continue;
  *at = sa->next_handle;
  for (at = spi_bucket(esp, sa); *at != sa; at = &(*at)->next_spi) continue;
  *at = sa->next_spi;
  if (sa->child->used == sa) {
    sa->child->used = NULL;
    esp_index_set(&esp->index, sa->child);
  }
  sa->child->sas--;
  sa->bundle->sas--;
  esp->sa_count--;
  release(esp, sa->child, sa->bundle);
  free_sa(sa);
  return 0;
}

int esp_bound(struct esp *esp, uint32_t id, bool bounded) {
  struct esp_bundle *bundle = esp_find_bundle(esp, id);
  if (bundle == NULL) return ENOENT;
  bundle->bounded = bounded;
  bundle->credit = 0;
  return 0;
}

int esp_set_path(struct esp *esp, uint32_t id, const struct outer *outer, uint32_t mtu) {
  struct esp_bundle *bundle = outer == NULL ? esp_find_bundle(esp, id) : need_bundle(esp, id);
  if (bundle == NULL) return outer == NULL ? 0 : ENOSPC;
  bundle->mtu = mtu;
  if (outer == NULL || !bundle->has_path || memcmp(&bundle->path.outer, outer, sizeof *outer) != 0) bundle->told_mtu = 0;
  bundle->has_path = outer != NULL;
  if (outer != NULL) udp_make_target(&bundle->path, outer);
  else release(esp, NULL, bundle);
  return 0;
}

void esp_free(struct esp *esp) {
  while (esp->sas != NULL) esp_remove(esp, esp->sas->handle);
  while (esp->bundles != NULL) drop_bundle(esp, esp->bundles);
  explicit_bzero(esp->random, sizeof esp->random);
  explicit_bzero(esp->held, sizeof esp->held); /* opened in place: inner packets */
}
