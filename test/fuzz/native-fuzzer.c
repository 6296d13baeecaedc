/*
 * The plain-C part under libFuzzer, AddressSanitizer and UBSan: `make native-fuzz` builds it, `make fuzz` runs it. The first octet of
 * an input says what the rest is: a datagram, an inner packet on its way out and what becomes of it on the wire, an inner packet to
 * look at, a certificate. Its third bit makes SAs come after their datagram, which is held. Buffers are exactly as long as what they hold.
 */
#include <dlfcn.h>

#include "x509.h"

/* SAs, paths and packets are set up by the other driver's code. */
#define main esp_plane_main
#include "esp-plane.c"
#undef main

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct host *host;
static bool has_x509;

static void set_up(void) {
  static const struct host_events no_events;
  host = calloc(1, sizeof *host);
  if (host == NULL || host_init(host, &no_events, NULL) != NULL) abort();
  has_x509 = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_GLOBAL) != NULL && x509_load() == NULL;
  if (!has_x509) fprintf(stderr, "no libcrypto.so.3: certificates are left out\n");
}

static uint8_t *copy_of(const uint8_t *data, size_t size, size_t before, size_t behind) {
  uint8_t *made = malloc(before + size + behind + (before + size + behind == 0));
  if (made == NULL) abort();
  memcpy(made + before, data, size);
  return made;
}

/* One datagram twice: the second is a replay, or decrypted octets. */
static void arrive(const uint8_t *data, size_t size) {
  uint8_t *bytes = copy_of(data, size, 0, 0);
  struct outer outer;
  outer_of(&outer);
  esp_tick(&host->esp);
  for (int twice = 0; twice < 2; twice++) {
    bool is_ike = false;
    size_t inner_length = 0;
    uint8_t *got = host_sort(host, &outer, (uint8_t)draw(256), bytes, size, &inner_length, &is_ike);
    if (got != NULL && (got < bytes || got + inner_length > bytes + size)) abort();
  }
  free(bytes);
}

/* What was held for the SAs that are there now. */
static void take_held(struct esp *esp) {
  uint8_t *inner = NULL;
  size_t length = 0;
  const uint8_t *held = (const uint8_t *)esp->held;
  esp_tick(esp);
  while (esp_take_held(esp, &inner, &length))
    if (inner != NULL && (inner < held || inner + length > held + sizeof esp->held)) abort();
}

/* Octets to change (3 each: where, with what), then the inner packet. */
static void cross(struct esp *peer, const uint8_t *data, size_t size) {
  size_t changes = data[0] % 4;
  if (size < 1 + 3 * changes) return;
  const uint8_t *inner = data + 1 + 3 * changes;
  size_t length = size - 1 - 3 * changes;
  struct esp_datagram made;
  uint8_t *room = copy_of(inner, length, ESP_HEAD, ESP_TAIL);
  esp_tick(peer);
  if (esp_seal(peer, room, length, &made) != NULL) {
    for (size_t i = 0; i < changes; i++) made.at[((size_t)data[1 + 3 * i] << 8 | data[2 + 3 * i]) % made.length] ^= data[3 + 3 * i];
    arrive(made.at, made.length);
  }
  free(room);
}

static void look_at(const uint8_t *data, size_t size) {
  uint8_t *bytes = copy_of(data, size, 0, 0);
  uint8_t answer[IPV6_MIN_MTU];
  struct inner inner;
  if (inner_parse(&inner, bytes, size)) {
    if (inner.length > size) abort();
    if (inner_too_big(answer, bytes, &inner, 576 + draw(1000)) > sizeof answer) abort();
    inner_clamp_mss(bytes, &inner, 576 + draw(1000));
  }
  free(bytes);
}

static void certify(const uint8_t *data, size_t size) {
  uint8_t *der = copy_of(data, size, 0, 0);
  struct x509_octets octets = {der, size};
  struct x509_facts facts;
  char why[X509_WHY];
  if (x509_read(octets, &facts) && (strlen(facts.subject_text) >= X509_TEXT || facts.name_count > X509_NAMES_MOST)) abort();
  x509_facts_free(&facts);
  struct x509_rules rules = {{&octets, 1}, {&octets, 1}, draw(2) == 0 ? -1 : 1.7e9, draw(2) == 0};
  struct x509_list intermediates = {&octets, 1};
  if (!x509_verify_chain(octets, intermediates, &rules, why) && memchr(why, 0, sizeof why) == NULL) abort();
  rules.crls.count = 0;
  x509_verify_chain(octets, intermediates, &rules, why);
  free(der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (host == NULL) set_up();
  if (size < 2) return 0;
  state = 0x9e3779b97f4a7c15ull + size; /* an input does the same every time */
  switch (data[0] % 4) {
    case 0:
    case 1: {
      struct esp *peer = calloc(1, sizeof *peer);
      if (peer == NULL || esp_init(peer) != 0) abort();
      bool late = (data[0] & 4) != 0;
      memset(host->esp.held, 0, sizeof host->esp.held); /* of the input before */
      for (uint32_t i = 0; i < SAS; i++) {
        if (!late) add(&host->esp, i, 0x1000 + i, false, i % 2 == 0);
        add(peer, i, 0x1000 + i, true, i % 2 == 0);
      }
      for (uint32_t bundle = 1; bundle <= 3; bundle++) {
        struct outer outer;
        outer_of(&outer);
        esp_set_path(peer, bundle, &outer, 1400);
        esp_set_path(&host->esp, bundle, &outer, 1280);
      }
      if (data[0] % 4 == 0) arrive(data + 1, size - 1);
      else cross(peer, data + 1, size - 1);
      for (uint32_t i = 0; i < SAS && late; i++) add(&host->esp, i, 0x1000 + i, false, i % 2 == 0);
      take_held(&host->esp);
      for (uint32_t i = 0; i < SAS; i++) esp_remove(&host->esp, i);
      esp_free(peer);
      free(peer);
      return 0;
    }
    case 2:
      look_at(data + 1, size - 1);
      return 0;
    default:
      if (has_x509) certify(data + 1, size - 1);
      return 0;
  }
}
