/*
 * Drives the plain-C ESP plane with random and mutated datagrams and inner packets under AddressSanitizer and UBSan
 * (make native-asan). Buffers are exactly as long as their packet, so that reading one octet too far is seen.
 *   esp-plane COUNT SEED
 * SAs come and go meanwhile, so that what is held for them is opened too. Before it the two seconds of holding are measured
 * out on a clock of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define SUITES 6
/* One SA a suite with ESN, one without. */
#define SAS (2 * SUITES)

static uint64_t state;

static uint32_t draw(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32) % below;
}

static void fill(uint8_t *at, size_t length) {
  for (size_t i = 0; i < length; i++) at[i] = (uint8_t)draw(256);
}

static struct selector any(uint8_t width) {
  struct selector row;
  memset(&row, 0, sizeof row);
  row.width = width;
  row.end_port = 65535;
  memset(row.end, 0xff, sizeof row.end);
  return row;
}

static void add(struct esp *esp, uint32_t handle, uint32_t spi, bool outbound, bool esn) {
  /* Ciphers with their octets of key, salt included, and of MAC key. */
  static const struct { enum protect_cipher cipher; size_t key, mac; } suites[SUITES] = {
      {PROTECT_AES_GCM, 20, 0}, {PROTECT_AES_GCM, 36, 0}, {PROTECT_CHACHA20_POLY1305, 36, 0},
      {PROTECT_AES_CBC, 16, 32}, {PROTECT_AES_CBC, 32, 48}, {PROTECT_AES_CBC, 32, 64},
  };
  uint8_t key[64];
  struct selector rows[2] = {any(4), any(16)};
  struct esp_sa_spec spec;
  memset(&spec, 0, sizeof spec);
  memset(key, (int)(spi & 255), sizeof key);
  spec.handle = handle;
  spec.bundle = outbound ? 1 : 1 + handle % 3;
  spec.child = 1;
  spec.spi = spi;
  spec.outbound = outbound;
  spec.esn = esn;
  spec.keys.cipher = suites[handle % SUITES].cipher;
  spec.keys.key = spec.keys.mac_key = key;
  spec.keys.key_length = suites[handle % SUITES].key;
  spec.keys.mac_length = suites[handle % SUITES].mac;
  spec.copy_dscp = true;
  spec.copy_df = handle % 2 == 0;
  spec.local.count = spec.remote.count = 2;
  spec.local.rows = spec.remote.rows = rows;
  if (esp_add(esp, &spec) != 0) abort();
  if (outbound && esp_use(esp, handle) != 0) abort();
}

/* A packet with a plausible start and random rest. */
static size_t random_inner(uint8_t *at, size_t most) {
  size_t length = draw((uint32_t)most);
  fill(at, length);
  if (length >= 40 && draw(8) != 0) {
    bool six = draw(2) == 0;
    size_t told = six ? length - 40 : length;
    at[0] = six ? 0x60 : (uint8_t)(0x40 | (draw(4) == 0 ? draw(16) : 5));
    at[six ? 4 : 2] = (uint8_t)(told >> 8);
    at[six ? 5 : 3] = (uint8_t)told;
    at[six ? 6 : 9] = (uint8_t[]){6, 17, 1, 58, 0, 44, 43, 60}[draw(8)];
    if (!six) at[6] = at[7] = 0;
    if (length > 60 && draw(2) == 0) { /* a SYN with options */
      size_t tcp = six ? 40 : 20;
      at[tcp + 12] = (uint8_t)(draw(16) << 4);
      at[tcp + 13] = 2;
      at[tcp + 20] = (uint8_t)draw(4);
      at[tcp + 21] = (uint8_t)draw(6);
    }
  }
  return length;
}

static void outer_of(struct outer *outer) {
  memset(outer, 0, sizeof *outer);
  outer->family = draw(2) == 0 ? 4 : 6;
  outer->ifindex = draw(4);
  outer->local_port = draw(4) == 0 ? OUTER_PLAIN : 4500;
  outer->remote_port = outer->local_port == OUTER_PLAIN ? OUTER_PLAIN : (uint16_t)(1 + draw(20));
  outer->remote[0] = (uint8_t)draw(3);
}

/* A dummy packet of the peer under this SPI comes to `esp` at `now`. */
static void early(struct esp *esp, struct esp *peer, uint32_t handle, double now) {
  uint8_t room[ESP_HEAD + ESP_TAIL];
  struct esp_datagram made;
  struct outer outer;
  size_t inner_length = 0;
  outer_of(&outer);
  if (esp_use(peer, handle) != 0 || !esp_seal_dummy(peer, esp_find_sa(peer, handle)->child, room, &made)) abort();
  esp->now = now;
  if (esp_open(esp, &outer, 0, made.at, made.length, &inner_length) != NULL) abort();
}

/* Packets that esp_take_held opens at `now`. */
static int taken(struct esp *esp, double now) {
  uint8_t *inner = NULL;
  size_t length = 0;
  int count = 0;
  esp->now = now;
  while (esp_take_held(esp, &inner, &length)) count++;
  return count;
}

#define MUST(what) \
  if (!(what)) { \
    fprintf(stderr, "held: %s\n", #what); \
    exit(5); \
  }

static void check_held(void) {
  struct esp *esp = calloc(1, sizeof *esp);
  struct esp *peer = calloc(1, sizeof *peer);
  struct outer outer;
  if (esp == NULL || peer == NULL || esp_init(esp) != 0 || esp_init(peer) != 0) abort();
  outer_of(&outer);
  esp_set_path(peer, 1, &outer, 1400);
  for (uint32_t i = 0; i < 2; i++) add(peer, i, 0x1000 + i, true, true);
  for (double at = 1000; at < 1003; at++) early(esp, peer, 0, at);
  early(esp, peer, 1, 1000);
  MUST(!esp->held_due && taken(esp, 1003) == 0 && esp->drops[DROP_unknown_spi] == 4);
  add(esp, 0, 0x1000, false, true);
  MUST(esp->held_due);
  MUST(taken(esp, 1001 + ESP_HELD_MS) == 2); /* to the millisecond */
  MUST(!esp->held_due && esp->first_inbound && esp->first_inbound_handle == 0);
  MUST(esp->drops[DROP_unknown_spi] == 2 && esp->drops[DROP_dummy] == 2);
  MUST(esp_find_sa(esp, 0)->packets == 2 && esp_find_sa(esp, 0)->sequence == 3);
  add(esp, 1, 0x1001, false, true);
  MUST(esp->held_due && taken(esp, 1001 + ESP_HELD_MS) == 0 && esp->drops[DROP_unknown_spi] == 2);
  for (int i = 0; i < 2; i++) MUST(esp_remove(esp, (uint32_t)i) == 0);
  for (int i = 0; i < 2 * ESP_HELD + 3; i++) early(esp, peer, 0, 5000);
  early(esp, peer, 1, 5000);
  add(esp, 0, 0x1000, false, true);
  MUST(taken(esp, 5000) == ESP_HELD - 1 && esp->drops[DROP_unknown_spi] == 2 + ESP_HELD + 5);
  esp_free(esp);
  esp_free(peer);
  free(esp);
  free(peer);
}

int main(int argc, char **argv) {
  unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
  state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  state = state * 0x9e3779b97f4a7c15ull + 1;
  struct host *host = calloc(1, sizeof *host);
  struct esp *esp = calloc(1, sizeof *esp);
  static const struct host_events no_events;
  if (host == NULL || esp == NULL) return 2;
  const char *missing = host_init(host, &no_events, NULL);
  if (missing != NULL || esp_init(esp) != 0) {
    fprintf(stderr, "%s\n", missing);
    return 3;
  }
  check_held();
  /* `esp` is the peer: what it seals, `host` opens. */
  for (uint32_t i = 0; i < SAS; i++) {
    add(&host->esp, i, 0x1000 + i, false, i < SUITES);
    add(esp, i, 0x1000 + i, true, i < SUITES);
  }
  for (uint32_t bundle = 1; bundle <= 3; bundle++) {
    struct outer outer;
    outer_of(&outer);
    if (bundle == 1) esp_set_path(esp, bundle, &outer, 1280 + draw(300));
    esp_set_path(&host->esp, bundle, &outer, 600 + draw(900));
  }
  uint8_t *room = malloc(UDP_ROOM);
  unsigned long opened = 0;
  unsigned long believed = 0;
  unsigned long late = 0;
  if (room == NULL) return 2;
  for (unsigned long n = 0; n < count; n++) {
    size_t inner = random_inner(room + ESP_HEAD, draw(50) == 0 ? 3000 : 300);
    esp_tick(esp);
    uint8_t *exact = malloc(ESP_HEAD + inner + ESP_TAIL);
    if (exact == NULL) return 2;
    memcpy(exact + ESP_HEAD, room + ESP_HEAD, inner);
    uint32_t handle = draw(SAS);
    struct esp_sa *used = esp_find_sa(esp, handle);
    if (used == NULL || esp_use(esp, handle) != 0) abort();
    struct esp_child *child = used->child;
    struct esp_datagram made = {.at = exact, .length = 0};
    if (esp_seal(esp, exact, inner, &made) == NULL && (draw(4) != 0 || !esp_seal_dummy(esp, child, exact, &made)))
      made = (struct esp_datagram){.at = exact, .length = ESP_HEAD + inner};
    size_t length = made.length;
    uint8_t *datagram = malloc(length == 0 ? 1 : length);
    if (datagram == NULL) return 2;
    memcpy(datagram, made.at, length);
    size_t given = length;
    switch (draw(6)) {
      case 0: datagram[draw((uint32_t)length)] ^= (uint8_t)(1 + draw(255)); break;
      case 1: given = draw((uint32_t)length + 1); break;
      case 2: fill(datagram + 4, length > 4 ? length - 4 : 0); break;
      case 3: fill(datagram, length); break;
      default: break;
    }
    uint8_t *cut = malloc(given == 0 ? 1 : given);
    if (cut == NULL) return 2;
    memcpy(cut, datagram, given);
    struct outer outer;
    bool is_ike = false;
    size_t inner_length = 0;
    uint8_t traffic_class = draw(8) == 0 ? (uint8_t)draw(256) : made.header.traffic_class;
    outer_of(&outer);
    esp_tick(&host->esp);
    for (int twice = 0; twice < 2; twice++) { /* the second is a replay, or decrypted octets */
      uint8_t *got = host_sort(host, &outer, traffic_class, cut, given, &inner_length, &is_ike);
      if (got != NULL) {
        if (got < cut || got + inner_length > cut + given) abort();
        opened++;
      }
    }
    /* An SA goes for a while: what comes for it is held. It begins anew, so all of that is fresh. */
    uint32_t gone = draw(SAS);
    if (esp_find_sa(&host->esp, gone) == NULL) {
      add(&host->esp, gone, 0x1000 + gone, false, gone < SUITES);
      uint8_t *held = NULL;
      while (draw(50) != 0 && esp_take_held(&host->esp, &held, &inner_length)) {
        const uint8_t *from = (const uint8_t *)host->esp.held;
        if (held == NULL) continue;
        if (held < from || held + inner_length > from + sizeof host->esp.held) abort();
        late++;
      }
    } else if (draw(20) == 0 && esp_remove(&host->esp, gone) != 0) {
      abort();
    }
    /* The same octets as the quote of an ICMP message to the sender. */
    struct esp_bundle *told = esp_too_big(esp, draw(2) == 0 ? &outer : &used->bundle->path.outer, draw(2000), cut, given);
    if (told != NULL) {
      believed++;
      if (told != used->bundle) abort();
    }
    if (draw(1000) == 0) esp_skip_to(esp, handle, used->sequence + 0x7fffffffull * (used->esn ? draw(2) : 0));
    free(cut);
    free(datagram);
    free(exact);
  }
  for (int i = 0; i < DROP_COUNT; i++)
    if (host->esp.drops[i] + esp->drops[i] > 0) printf("%s %llu\n", esp_drop_names[i], (unsigned long long)(host->esp.drops[i] + esp->drops[i]));
  printf("opened %lu of %lu, %lu of them late, believed %lu quotes\n", opened + late, count, late, believed);
  esp_free(esp);
  host_free(host);
  free(esp);
  free(host);
  free(room);
  return opened > count / 10 && late > 0 && believed > 0 ? 0 : 4;
}
