#include "protect.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/* openssl/evp.h: EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG. */
#define GET_TAG 0x10
#define SET_TAG 0x11
#define AEAD_TAG 16
#define AES_BLOCK 16
#define MAX_HASH 64

typedef void *(*new_fn)(void);
typedef void (*free_fn)(void *ctx);
typedef const void *(*algorithm_fn)(void);
typedef int (*init_fn)(void *ctx, const void *cipher, void *engine, const unsigned char *key, const unsigned char *iv);
typedef int (*update_fn)(void *ctx, unsigned char *out, int *out_length, const unsigned char *in, int length);
typedef int (*final_fn)(void *ctx, unsigned char *out, int *out_length);
typedef int (*ctrl_fn)(void *ctx, int type, int argument, void *pointer);
typedef int (*padding_fn)(void *ctx, int on);
typedef int (*mac_init_fn)(void *ctx, const void *key, int length, const void *hash, void *engine);
typedef int (*mac_update_fn)(void *ctx, const unsigned char *bytes, size_t length);
typedef int (*mac_final_fn)(void *ctx, unsigned char *tag, unsigned int *length);
typedef int (*differ_fn)(const void *a, const void *b, size_t length);

static struct {
  bool loaded;
  new_fn ctx_new;
  free_fn ctx_free;
  algorithm_fn aes_128_gcm, aes_256_gcm, aes_128_cbc, aes_256_cbc, chacha20_poly1305;
  init_fn encrypt_init, decrypt_init;
  update_fn encrypt_update, decrypt_update;
  final_fn encrypt_final, decrypt_final;
  ctrl_fn ctrl;
  padding_fn set_padding;
  new_fn mac_new;
  free_fn mac_free;
  mac_init_fn mac_init;
  mac_update_fn mac_update;
  mac_final_fn mac_final;
  algorithm_fn sha256, sha384, sha512;
  differ_fn differ;
} evp;

static bool resolve(void *library) {
  const struct {
    const char *name;
    void *slot;
    bool optional;
  } wanted[] = {
      {"EVP_CIPHER_CTX_new", &evp.ctx_new, false},
      {"EVP_CIPHER_CTX_free", &evp.ctx_free, false},
      {"EVP_aes_128_gcm", &evp.aes_128_gcm, false},
      {"EVP_aes_256_gcm", &evp.aes_256_gcm, false},
      {"EVP_aes_128_cbc", &evp.aes_128_cbc, false},
      {"EVP_aes_256_cbc", &evp.aes_256_cbc, false},
      {"EVP_chacha20_poly1305", &evp.chacha20_poly1305, true}, /* a build may leave it out */
      {"EVP_EncryptInit_ex", &evp.encrypt_init, false},
      {"EVP_DecryptInit_ex", &evp.decrypt_init, false},
      {"EVP_EncryptUpdate", &evp.encrypt_update, false},
      {"EVP_DecryptUpdate", &evp.decrypt_update, false},
      {"EVP_EncryptFinal_ex", &evp.encrypt_final, false},
      {"EVP_DecryptFinal_ex", &evp.decrypt_final, false},
      {"EVP_CIPHER_CTX_ctrl", &evp.ctrl, false},
      {"EVP_CIPHER_CTX_set_padding", &evp.set_padding, false},
      {"HMAC_CTX_new", &evp.mac_new, false},
      {"HMAC_CTX_free", &evp.mac_free, false},
      {"HMAC_Init_ex", &evp.mac_init, false},
      {"HMAC_Update", &evp.mac_update, false},
      {"HMAC_Final", &evp.mac_final, false},
      {"EVP_sha256", &evp.sha256, false},
      {"EVP_sha384", &evp.sha384, false},
      {"EVP_sha512", &evp.sha512, false},
      {"CRYPTO_memcmp", &evp.differ, false},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    void *symbol = dlsym(library, wanted[i].name);
    if (symbol == NULL && !wanted[i].optional) return false;
    memcpy(wanted[i].slot, &symbol, sizeof symbol);
  }
  return true;
}

const char *protect_load(void) {
  static const char *const libraries[] = {"libcrypto.so.3", "libcrypto.so.1.1"};
  if (evp.loaded) return NULL;
  evp.loaded = resolve(RTLD_DEFAULT);
  for (size_t i = 0; i < sizeof libraries / sizeof libraries[0] && !evp.loaded; i++) {
    void *library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) continue;
    evp.loaded = resolve(library);
    if (!evp.loaded) dlclose(library);
  }
  return evp.loaded ? NULL : "no OpenSSL in this process (EVP_aes_256_gcm) and no libcrypto.so.3 or .1.1 to load";
}

/* The cipher of these lengths; NULL when there is none. */
static algorithm_fn cipher_of(const struct protect_keys *keys) {
  size_t salt = keys->cipher == PROTECT_AES_CBC ? 0 : 4;
  bool half = keys->key_length == 16 + salt;
  if (!half && keys->key_length != 32 + salt) return NULL;
  switch (keys->cipher) {
    case PROTECT_AES_GCM: return half ? evp.aes_128_gcm : evp.aes_256_gcm;
    case PROTECT_CHACHA20_POLY1305: return half ? NULL : evp.chacha20_poly1305;
    case PROTECT_AES_CBC: return half ? evp.aes_128_cbc : evp.aes_256_cbc;
  }
  return NULL;
}

static algorithm_fn hash_of(size_t key_length) {
  if (key_length == 32) return evp.sha256;
  if (key_length == 48) return evp.sha384;
  return key_length == 64 ? evp.sha512 : NULL;
}

int protect_init(struct protect *protect, const struct protect_keys *keys, bool seal) {
  memset(protect, 0, sizeof *protect);
  if (protect_load() != NULL) return ENOTSUP;
  bool cbc = keys->cipher == PROTECT_AES_CBC;
  algorithm_fn cipher = cipher_of(keys);
  algorithm_fn hash = cbc ? hash_of(keys->mac_length) : NULL;
  if (keys->cipher == PROTECT_CHACHA20_POLY1305 && evp.chacha20_poly1305 == NULL) return ENOTSUP;
  if (cipher == NULL || (cbc ? hash == NULL : keys->mac_length != 0)) return EINVAL;
  protect->iv = cbc ? AES_BLOCK : 8;
  protect->icv = cbc ? (uint8_t)(keys->mac_length / 2) : AEAD_TAG; /* RFC 4868 section 2.1: half of the hash */
  protect->block = cbc ? AES_BLOCK : 4;                           /* RFC 4303 section 2.4 */
  if (!cbc) memcpy(protect->salt, keys->key + keys->key_length - 4, 4);
  protect->cipher = evp.ctx_new();
  bool made = protect->cipher != NULL && (seal ? evp.encrypt_init : evp.decrypt_init)(protect->cipher, cipher(), NULL, keys->key, NULL) == 1;
  if (cbc) {
    protect->mac = evp.mac_new();
    made = made && protect->mac != NULL && evp.set_padding(protect->cipher, 0) == 1 &&
           evp.mac_init(protect->mac, keys->mac_key, (int)keys->mac_length, hash(), NULL) == 1;
  }
  if (made) return 0;
  protect_free(protect);
  return ENOMEM;
}

void protect_free(struct protect *protect) {
  if (protect->cipher != NULL) evp.ctx_free(protect->cipher);
  if (protect->mac != NULL) evp.mac_free(protect->mac);
  explicit_bzero(protect, sizeof *protect);
}

size_t protect_min(const struct protect *protect) {
  return (size_t)PROTECT_HEADER + protect->iv + (protect->mac != NULL ? protect->block : 2u) + protect->icv;
}

/* Nonce: salt | IV. Associated data: SPI | sequence number, with ESN SPI | high | low (RFC 4106 sections 4 and 5, RFC 7634 section 2). */
static const uint8_t *aead_input(const struct protect *protect, const uint8_t *packet, const uint8_t *high, uint8_t *nonce, uint8_t *aad, int *aad_length) {
  memcpy(nonce, protect->salt, 4);
  memcpy(nonce + 4, packet + PROTECT_HEADER, 8);
  *aad_length = high == NULL ? 8 : 12;
  if (high == NULL) return packet;
  memcpy(aad, packet, 4);
  memcpy(aad + 4, high, 4);
  memcpy(aad + 8, packet + 4, 4);
  return aad;
}

/* HMAC over the packet and, with ESN, the high 32 bits behind it (RFC 4303 section 2.2.1). */
static bool mac_of(struct protect *protect, const uint8_t *packet, size_t length, const uint8_t *high, uint8_t *tag) {
  return evp.mac_init(protect->mac, NULL, 0, NULL, NULL) == 1 && evp.mac_update(protect->mac, packet, length) == 1 &&
         (high == NULL || evp.mac_update(protect->mac, high, 4) == 1) && evp.mac_final(protect->mac, tag, NULL) == 1;
}

bool protect_seal(struct protect *protect, uint8_t *packet, size_t length, const uint8_t *high) {
  uint8_t *text = packet + PROTECT_HEADER + protect->iv;
  int done = 0;
  int last = 0;
  if (protect->mac != NULL) {
    uint8_t tag[MAX_HASH];
    if (evp.encrypt_init(protect->cipher, NULL, NULL, NULL, packet + PROTECT_HEADER) != 1 ||
        evp.encrypt_update(protect->cipher, text, &done, text, (int)length) != 1 || (size_t)done != length)
      return false;
    if (!mac_of(protect, packet, (size_t)(text - packet) + length, high, tag)) return false;
    memcpy(text + length, tag, protect->icv);
    return true;
  }
  uint8_t nonce[12];
  uint8_t made[12];
  int aad_length;
  const uint8_t *aad = aead_input(protect, packet, high, nonce, made, &aad_length);
  return evp.encrypt_init(protect->cipher, NULL, NULL, NULL, nonce) == 1 &&
         evp.encrypt_update(protect->cipher, NULL, &done, aad, aad_length) == 1 &&
         evp.encrypt_update(protect->cipher, text, &done, text, (int)length) == 1 &&
         evp.encrypt_final(protect->cipher, text + done, &last) == 1 && evp.ctrl(protect->cipher, GET_TAG, AEAD_TAG, text + length) == 1;
}

bool protect_open(struct protect *protect, uint8_t *packet, size_t length, const uint8_t *high) {
  uint8_t *text = packet + PROTECT_HEADER + protect->iv;
  int done = 0;
  int last = 0;
  if (protect->mac != NULL) {
    uint8_t tag[MAX_HASH];
    if (!mac_of(protect, packet, (size_t)(text - packet) + length, high, tag)) return false;
    if (evp.differ(tag, text + length, protect->icv) != 0) return false; /* before anything is decrypted */
    return evp.decrypt_init(protect->cipher, NULL, NULL, NULL, packet + PROTECT_HEADER) == 1 &&
           evp.decrypt_update(protect->cipher, text, &done, text, (int)length) == 1 && (size_t)done == length;
  }
  uint8_t nonce[12];
  uint8_t made[12];
  int aad_length;
  const uint8_t *aad = aead_input(protect, packet, high, nonce, made, &aad_length);
  return evp.decrypt_init(protect->cipher, NULL, NULL, NULL, nonce) == 1 &&
         evp.decrypt_update(protect->cipher, NULL, &done, aad, aad_length) == 1 &&
         evp.decrypt_update(protect->cipher, text, &done, text, (int)length) == 1 &&
         evp.ctrl(protect->cipher, SET_TAG, AEAD_TAG, text + length) == 1 && evp.decrypt_final(protect->cipher, text + done, &last) == 1;
}
