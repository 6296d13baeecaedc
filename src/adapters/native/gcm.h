/*
 * AES-GCM by the OpenSSL of this process: Node exports its own, a Node linked with a shared one has it loaded. The few
 * calls needed are the same since OpenSSL 1.1; no header of it is needed to build. A context keeps its key schedule;
 * nothing is allocated per packet.
 */
#ifndef MOBIKED_GCM_H
#define MOBIKED_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCM_NONCE 12
#define GCM_TAG 16

struct gcm; /* EVP_CIPHER_CTX */

/* NULL, or why there is no OpenSSL. */
const char *gcm_load(void);
/* 16 or 32 octets of key; NULL when it cannot be made. */
struct gcm *gcm_new(const uint8_t *key, size_t length, bool encrypt);
/* Wipes the key. */
void gcm_free(struct gcm *gcm);
/* Encrypts in place and writes the tag behind. */
bool gcm_seal(struct gcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_length, uint8_t *bytes, size_t length);
/* Decrypts in place; the tag stands behind. False for a wrong tag: the octets are garbage then. */
bool gcm_open(struct gcm *gcm, const uint8_t *nonce, const uint8_t *aad, size_t aad_length, uint8_t *bytes, size_t length);

#endif
