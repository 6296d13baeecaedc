#include "gcm.h"

#include <dlfcn.h>
#include <string.h>

/* openssl/evp.h: EVP_CTRL_AEAD_GET_TAG, EVP_CTRL_AEAD_SET_TAG. */
#define GET_TAG 0x10
#define SET_TAG 0x11

typedef void *(*new_fn)(void);
typedef void (*free_fn)(void *ctx);
typedef const void *(*cipher_fn)(void);
typedef int (*init_fn)(void *ctx, const void *cipher, void *engine, const unsigned char *key, const unsigned char *iv);
typedef int (*update_fn)(void *ctx, unsigned char *out, int *out_length, const unsigned char *in, int length);
typedef int (*final_fn)(void *ctx, unsigned char *out, int *out_length);
typedef int (*ctrl_fn)(void *ctx, int type, int argument, void *pointer);

static struct {
  bool loaded;
  new_fn ctx_new;
  free_fn ctx_free;
  cipher_fn aes_128_gcm, aes_256_gcm;
  init_fn encrypt_init, decrypt_init;
  update_fn encrypt_update, decrypt_update;
  final_fn encrypt_final, decrypt_final;
  ctrl_fn ctrl;
} evp;

static bool resolve(void *library) {
  const struct {
    const char *name;
    void *slot;
  } wanted[] = {
      {"EVP_CIPHER_CTX_new", &evp.ctx_new},        {"EVP_CIPHER_CTX_free", &evp.ctx_free},
      {"EVP_aes_128_gcm", &evp.aes_128_gcm},       {"EVP_aes_256_gcm", &evp.aes_256_gcm},
      {"EVP_EncryptInit_ex", &evp.encrypt_init},   {"EVP_DecryptInit_ex", &evp.decrypt_init},
      {"EVP_EncryptUpdate", &evp.encrypt_update},  {"EVP_DecryptUpdate", &evp.decrypt_update},
      {"EVP_EncryptFinal_ex", &evp.encrypt_final}, {"EVP_DecryptFinal_ex", &evp.decrypt_final},
      {"EVP_CIPHER_CTX_ctrl", &evp.ctrl},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    void *symbol = dlsym(library, wanted[i].name);
    if (symbol == NULL) return false;
    memcpy(wanted[i].slot, &symbol, sizeof symbol);
  }
  return true;
}

const char *gcm_load(void) {
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

struct gcm *gcm_new(const uint8_t *key, size_t length, bool encrypt) {
  if (gcm_load() != NULL || (length != 16 && length != 32)) return NULL;
  void *ctx = evp.ctx_new();
  if (ctx == NULL) return NULL;
  const void *cipher = length == 16 ? evp.aes_128_gcm() : evp.aes_256_gcm();
  if ((encrypt ? evp.encrypt_init : evp.decrypt_init)(ctx, cipher, NULL, key, NULL) != 1) {
    evp.ctx_free(ctx);
    return NULL;
  }
  return ctx;
}

void gcm_free(struct gcm *gcm) {
  if (gcm != NULL) evp.ctx_free(gcm);
}

bool gcm_seal(struct gcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_length, uint8_t *bytes, size_t length) {
  int done = 0;
  int last = 0;
  return evp.encrypt_init(gcm, NULL, NULL, NULL, nonce) == 1 &&
         evp.encrypt_update(gcm, NULL, &done, aad, (int)aad_length) == 1 &&
         evp.encrypt_update(gcm, bytes, &done, bytes, (int)length) == 1 &&
         evp.encrypt_final(gcm, bytes + done, &last) == 1 &&
         evp.ctrl(gcm, GET_TAG, GCM_TAG, bytes + length) == 1;
}

bool gcm_open(struct gcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_length, uint8_t *bytes, size_t length) {
  int done = 0;
  int last = 0;
  return evp.decrypt_init(gcm, NULL, NULL, NULL, nonce) == 1 &&
         evp.decrypt_update(gcm, NULL, &done, aad, (int)aad_length) == 1 &&
         evp.decrypt_update(gcm, bytes, &done, bytes, (int)length) == 1 &&
         evp.ctrl(gcm, SET_TAG, GCM_TAG, bytes + length) == 1 &&
         evp.decrypt_final(gcm, bytes + done, &last) == 1;
}
