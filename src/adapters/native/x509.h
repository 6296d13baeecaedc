/*
 * Certificates (X.509, RFC 5280) by the OpenSSL 3 of this process: what a certificate says, and whether a chain holds. All parsing
 * and path validation is OpenSSL's. No engine of JavaScript in here; octets that come in are only read during the call.
 */
#ifndef MOBIKED_X509_H
#define MOBIKED_X509_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X509_TEXT 256
/* Octets of a sentence: two names and what is wrong. */
#define X509_WHY 768
/* Subject alternative names that are looked at; no honest certificate has more. */
#define X509_NAMES_MOST 256

struct x509_octets {
  const uint8_t *at;
  size_t length;
};

struct x509_list {
  const struct x509_octets *items;
  size_t count;
};

enum x509_key { X509_KEY_OTHER, X509_KEY_RSA, X509_KEY_P256, X509_KEY_P384, X509_KEY_P521, X509_KEY_ED25519 };
enum x509_name_kind { X509_EMAIL, X509_DNS, X509_ADDRESS };

struct x509_name {
  enum x509_name_kind kind;
  uint8_t *at;
  size_t length;
};

struct x509_facts {
  /* Printable ASCII, for people. */
  char subject_text[X509_TEXT];
  char issuer_text[X509_TEXT];
  /* DER as in the certificate. */
  uint8_t *subject;
  size_t subject_length;
  uint8_t *public_key;
  size_t public_key_length;
  /* Unix seconds. */
  double not_before;
  double not_after;
  bool is_ca;
  enum x509_key key_kind;
  uint32_t key_bits;
  struct x509_name *names;
  size_t name_count;
};

/* NULL, or why there is no X.509 here. */
const char *x509_load(void);
/* Reads one DER certificate; false when it is none. Free the facts in either case. */
bool x509_read(struct x509_octets der, struct x509_facts *facts);
void x509_facts_free(struct x509_facts *facts);

struct x509_crl_facts {
  char issuer_text[X509_TEXT];
  /* Unix seconds; NAN: not there. */
  double this_update;
  double next_update;
};

/* Reads one DER CRL; false when it is none. */
bool x509_read_crl(struct x509_octets der, struct x509_crl_facts *facts);

struct x509_rules {
  struct x509_list anchors;
  struct x509_list crls;
  /* Unix seconds; negative: dates are not looked at. */
  double now;
  bool allow_tls_usage;
};

/* Whether the leaf may authenticate a peer of IKE (RFC 4945 §5.1); false: `why` says in words what is wrong, in ASCII. */
bool x509_verify_chain(struct x509_octets leaf, struct x509_list intermediates, const struct x509_rules *rules, char why[X509_WHY]);

#endif
