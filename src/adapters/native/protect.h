/*
 * What protects ESP packets: AES-GCM (RFC 4106), ChaCha20-Poly1305 (RFC 7634), AES-CBC (RFC 3602) with HMAC-SHA2 (RFC
 * 4868), all by the OpenSSL of this process: Node exports its own, a Node linked with a shared one has it loaded. The few
 * calls needed are the same since OpenSSL 1.1; no header of it is needed to build. Contexts keep their key schedules;
 * nothing is allocated here per packet.
 */
#ifndef MOBIKED_PROTECT_H
#define MOBIKED_PROTECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SPI and sequence number stand before the IV. */
#define PROTECT_HEADER 8
/* Octets at most of IV, of padding (without its two trailer octets) and of ICV. */
#define PROTECT_MAX_IV 16
#define PROTECT_MAX_PAD 15
#define PROTECT_MAX_ICV 32

/* Numbers of the interface in native.ts. */
enum protect_cipher { PROTECT_AES_GCM = 0, PROTECT_CHACHA20_POLY1305 = 1, PROTECT_AES_CBC = 2 };

struct protect {
  void *cipher; /* EVP_CIPHER_CTX */
  void *mac;    /* HMAC_CTX; NULL for an AEAD */
  /* Octets of IV and ICV in a packet; what text, pad length and next header are padded to. */
  uint8_t iv;
  uint8_t icv;
  uint8_t block;
  uint8_t salt[4];
};

struct protect_keys {
  enum protect_cipher cipher;
  /* AEAD: key and 4 octets of salt. */
  const uint8_t *key;
  size_t key_length;
  /* AES-CBC only: 32, 48 or 64 octets, the length names the hash (RFC 4868 section 2.1.1: as long as its output). */
  const uint8_t *mac_key;
  size_t mac_length;
};

/* NULL, or why there is no OpenSSL. */
const char *protect_load(void);
/* Makes the contexts of one direction. 0; EINVAL: lengths that do not fit the cipher; ENOMEM; ENOTSUP: not in this OpenSSL. */
int protect_init(struct protect *protect, const struct protect_keys *keys, bool seal);
/* Wipes the keys. */
void protect_free(struct protect *protect);
/* Shortest packet: header, IV, one block of trailer, ICV. */
size_t protect_min(const struct protect *protect);
/*
 * Encrypts `length` octets in place behind the header and the IV of `packet`, both already there, and writes the ICV
 * behind them. `high`: with ESN the high 32 bits of the sequence number in network order, else NULL.
 */
bool protect_seal(struct protect *protect, uint8_t *packet, size_t length, const uint8_t *high);
/* The reverse. False for a wrong ICV: the text may be garbage then. AES-CBC: `length` must be whole blocks. */
bool protect_open(struct protect *protect, uint8_t *packet, size_t length, const uint8_t *high);

#endif
