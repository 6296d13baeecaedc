/*
 * Figures of the plain-C ESP plane alone, without sockets (make native-bench): packets a second sealed and opened, by
 * suite and size, and what a packet costs beside how many children. The best of several rounds each.
 *   esp-plane [MILLISECONDS A ROUND]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "esp.h"

#define ROUNDS 5
#define CHILDREN 10000
/* Packets between two looks at the clock, each in room of its own. */
#define BATCH 64
#define ROOM 2048

static const struct {
  const char *name;
  enum protect_cipher cipher;
  size_t key, mac;
} suites[] = {
    {"aes128gcm16", PROTECT_AES_GCM, 20, 0},
    {"aes256gcm16", PROTECT_AES_GCM, 36, 0},
    {"chacha20poly1305", PROTECT_CHACHA20_POLY1305, 36, 0},
    {"aes128-sha256", PROTECT_AES_CBC, 16, 32},
    {"aes256-sha256", PROTECT_AES_CBC, 32, 32},
    {"aes256-sha512", PROTECT_AES_CBC, 32, 64},
};

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void add(struct esp *esp, uint32_t suite, uint32_t handle, bool outbound, uint32_t network) {
  uint8_t key[64];
  struct selector all = {.width = 4, .end_port = 65535, .end = {255, 255, 255, 255}};
  struct selector one = {.width = 4, .end_port = 65535, .start = {10, (uint8_t)(network >> 8), (uint8_t)network, 0}};
  memcpy(one.end, one.start, sizeof one.end);
  one.end[3] = 255;
  struct esp_sa_spec spec = {
      .handle = handle,
      .bundle = 1 + handle,
      .child = 1,
      .spi = 0x1000,
      .outbound = outbound,
      .esn = true,
      .keys = {.cipher = suites[suite].cipher, .key = key, .key_length = suites[suite].key, .mac_key = key, .mac_length = suites[suite].mac},
      .local = {1, outbound ? &all : &one},
      .remote = {1, outbound ? &one : &all},
  };
  memset(key, 7, sizeof key);
  struct outer outer = {.family = 4};
  if (esp_set_path(esp, spec.bundle, &outer, 1500) != 0 || esp_add(esp, &spec) != 0 || (outbound && esp_use(esp, handle) != 0)) abort();
}

static void write_inner(uint8_t *at, size_t size, uint32_t network) {
  memset(at, 0, 28);
  at[0] = 0x45;
  at[2] = (uint8_t)(size >> 8);
  at[3] = (uint8_t)size;
  at[9] = 17;
  at[16] = 10;
  at[17] = (uint8_t)(network >> 8);
  at[18] = (uint8_t)network;
  at[19] = 1;
}

/* Packets a second sealed by `from` or, when there is a `to`, opened by it. Only that is timed. */
static double rate(struct esp *from, struct esp *to, uint8_t *rooms, size_t size, uint32_t networks, double seconds) {
  struct esp_datagram made[BATCH];
  const struct outer outer = {.family = 4};
  double spent = 0;
  unsigned done = 0;
  while (spent < seconds) {
    for (unsigned i = 0; i < BATCH; i++) write_inner(rooms + i * ROOM + ESP_HEAD, size, (done + i) * 7919u % networks);
    double start = now();
    for (unsigned i = 0; i < BATCH; i++)
      if (esp_seal(from, rooms + i * ROOM, size, &made[i]) == NULL) abort();
    if (to != NULL) start = now();
    for (unsigned i = 0; i < BATCH && to != NULL; i++) {
      size_t length;
      if (esp_open(to, &outer, 0, made[i].at, made[i].length, &length) == NULL) abort();
    }
    spent += now() - start;
    done += BATCH;
  }
  return done / spent;
}

static double best(struct esp *from, struct esp *to, uint8_t *rooms, size_t size, uint32_t networks, double seconds) {
  double most = 0;
  for (int i = 0; i < ROUNDS; i++) {
    double got = rate(from, to, rooms, size, networks, seconds);
    if (got > most) most = got;
  }
  return most;
}

int main(int argc, char **argv) {
  double seconds = (argc > 1 ? strtod(argv[1], NULL) : 100) / 1000;
  uint8_t *rooms = calloc(BATCH, ROOM);
  struct esp *left = calloc(1, sizeof *left);
  struct esp *right = calloc(1, sizeof *right);
  if (rooms == NULL || left == NULL || right == NULL) return 2;
  printf("%-18s %6s %12s %12s\n", "suite", "octets", "sealed/s", "opened/s");
  for (uint32_t suite = 0; suite < sizeof suites / sizeof suites[0]; suite++) {
    for (size_t size = 64; size <= 1400; size += 1336) {
      if (esp_init(left) != 0 || esp_init(right) != 0) return 3;
      add(left, suite, 0, true, 0);
      add(right, suite, 0, false, 0);
      double sealed = best(left, NULL, rooms, size, 1, seconds);
      printf("%-18s %6zu %12.0f %12.0f\n", suites[suite].name, size, sealed, best(left, right, rooms, size, 1, seconds));
      esp_free(left);
      esp_free(right);
    }
  }
  if (esp_init(left) != 0) return 3;
  for (uint32_t i = 0; i < CHILDREN; i++) {
    add(left, 1, i, true, i);
    if (i + 1 == 1 || i + 1 == 100 || i + 1 == 1000 || i + 1 == CHILDREN)
      printf("aes256gcm16, 64 octets, %5u children: %.0f sealed/s\n", i + 1, best(left, NULL, rooms, 64, i + 1, seconds));
  }
  esp_free(left);
  free(left);
  free(right);
  free(rooms);
  return 0;
}
