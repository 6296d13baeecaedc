/*
 * Drives the plain-C X.509 part with mutated certificates and CRLs under AddressSanitizer, its leak checker and UBSan (make
 * native-asan). Every buffer is exactly as long as its octets.
 *   x509 COUNT SEED ANCHOR.der CRL.der CERTIFICATE.der...
 * Prints how many were read, how many CRLs, and how many chains held.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "x509.h"

/* 2026-06-01 in Unix seconds. */
#define NOW 1780315200.0

static uint64_t state;

static uint32_t draw(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32) % below;
}

static struct x509_octets load(const char *path) {
  FILE *file = fopen(path, "rb");
  uint8_t room[65536];
  size_t length = file == NULL ? 0 : fread(room, 1, sizeof room, file);
  if (length == 0) {
    fprintf(stderr, "%s cannot be read\n", path);
    exit(2);
  }
  fclose(file);
  uint8_t *made = malloc(length);
  memcpy(made, room, length);
  return (struct x509_octets){made, length};
}

static struct x509_octets mutated(struct x509_octets from) {
  size_t length = from.length;
  uint32_t kind = draw(8);
  if (kind == 0) length = draw((uint32_t)length + 1);
  if (kind == 1) length += draw(40);
  uint8_t *made = malloc(length == 0 ? 1 : length);
  memset(made, (int)draw(256), length == 0 ? 1 : length);
  memcpy(made, from.at, length < from.length ? length : from.length);
  if (kind > 1 && kind < 7 && length > 0)
    for (uint32_t n = draw(4) + 1; n > 0; n--) made[draw((uint32_t)length)] = (uint8_t)(kind == 2 ? draw(256) : 1u << draw(8));
  return (struct x509_octets){made, length};
}

int main(int argc, char **argv) {
  unsigned long read = 0, lists = 0, held = 0;
  if (argc < 6) return 2;
  const char *missing = x509_load();
  if (missing != NULL) {
    fprintf(stderr, "%s\n", missing);
    return 3;
  }
  state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
  int count = argc - 3;
  struct x509_octets *files = calloc((size_t)count, sizeof *files);
  for (int i = 0; i < count; i++) files[i] = load(argv[i + 3]);
  for (unsigned long n = strtoul(argv[1], NULL, 10); n > 0; n--) {
    char why[X509_WHY];
    struct x509_facts facts;
    struct x509_crl_facts crl_facts;
    struct x509_octets leaf = mutated(files[2 + draw((uint32_t)count - 2)]);
    struct x509_octets more[2] = {mutated(files[2 + draw((uint32_t)count - 2)]), mutated(files[0])};
    struct x509_octets crl = mutated(files[1]);
    struct x509_rules rules = {.anchors = {files, 1}, .crls = {&crl, draw(2)}, .now = draw(8) == 0 ? -1 : NOW, .allow_tls_usage = draw(2) == 0};
    read += x509_read(leaf, &facts);
    x509_facts_free(&facts);
    lists += x509_read_crl(crl, &crl_facts);
    bool ok = x509_verify_chain(leaf, (struct x509_list){more, 2}, &rules, why);
    held += ok;
    if (strlen(why) >= X509_WHY || (!ok && why[0] == 0)) abort();
    for (const char *c = why; *c != 0; c++)
      if (*c < 0x20 || *c > 0x7e) abort();
    free((void *)(uintptr_t)leaf.at);
    free((void *)(uintptr_t)more[0].at);
    free((void *)(uintptr_t)more[1].at);
    free((void *)(uintptr_t)crl.at);
  }
  for (int i = 0; i < count; i++) free((void *)(uintptr_t)files[i].at);
  free(files);
  printf("%lu certificates, %lu CRLs, %lu chains\n", read, lists, held);
  return 0;
}
