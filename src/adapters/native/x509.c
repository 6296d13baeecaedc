#include "x509.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openssl.h"

/* 112 bits: RSA of 2048 bits, no SHA-1 (SG3-3). */
#define AUTH_LEVEL 2
/* CA certificates between leaf and anchor; a peer sends three at most (I3.6-1). */
#define DEPTH_MOST 6
/* Octets of a CRL: some hundred thousand revoked certificates. */
#define CRL_MOST (16l << 20)
#define EKU_ANY "2.5.29.37.0"
#define EKU_IPSEC_IKE "1.3.6.1.5.5.7.3.17"
#define EKU_SERVER_AUTH "1.3.6.1.5.5.7.3.1"
#define EKU_CLIENT_AUTH "1.3.6.1.5.5.7.3.2"

static struct {
  bool loaded;
#define CALL(result, name, arguments) result(*name) arguments;
  OPENSSL_CALLS(CALL)
#undef CALL
} ssl;

static bool resolve(void *library) {
  const struct {
    const char *name;
    void *slot;
  } wanted[] = {
#define CALL(result, name, arguments) {#name, &ssl.name},
      OPENSSL_CALLS(CALL)
#undef CALL
  };
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    void *symbol = dlsym(library, wanted[i].name);
    if (symbol == NULL) return false;
    memcpy(wanted[i].slot, &symbol, sizeof symbol);
  }
  return true;
}

const char *x509_load(void) {
  if (!ssl.loaded) ssl.loaded = resolve(RTLD_DEFAULT);
  if (!ssl.loaded) {
    void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    if (library != NULL) ssl.loaded = resolve(library);
    if (library != NULL && !ssl.loaded) dlclose(library);
  }
  return ssl.loaded ? NULL : "no OpenSSL 3 in this process (X509_verify_cert) and no libcrypto.so.3 to load";
}

/* Trailing octets make it something else. */
static X509 *parse(struct x509_octets der) {
  const unsigned char *at = der.at;
  if (der.length == 0 || der.length > 65536) return NULL;
  X509 *made = ssl.d2i_X509(NULL, &at, (long)der.length);
  if (made == NULL || at == der.at + der.length) return made;
  ssl.X509_free(made);
  return NULL;
}

static void print_name(const X509_NAME *name, char out[X509_TEXT]) {
  BIO *bio = ssl.BIO_new(ssl.BIO_s_mem());
  int length = 0;
  if (bio != NULL && ssl.X509_NAME_print_ex(bio, name, 0, NAME_FLAGS) >= 0) length = ssl.BIO_read(bio, out, X509_TEXT - 1);
  if (bio != NULL) ssl.BIO_free(bio);
  out[length > 0 ? length : 0] = 0;
  for (char *c = out; *c != 0; c++)
    if (*c < 0x20 || *c > 0x7e) *c = '?';
  if (out[0] == 0) strcpy(out, "(no name)");
}

static double unix_time(const ASN1_STRING *time) {
  struct tm parts;
  memset(&parts, 0, sizeof parts);
  return time != NULL && ssl.ASN1_TIME_to_tm(time, &parts) == 1 ? (double)timegm(&parts) : NAN;
}

static enum x509_key key_kind(const EVP_PKEY *key) {
  char group[64];
  size_t length = 0;
  switch (ssl.EVP_PKEY_get_base_id(key)) {
    case NID_RSA:
      return X509_KEY_RSA;
    case NID_ED25519:
      return X509_KEY_ED25519;
    case NID_EC:
      if (ssl.EVP_PKEY_get_group_name(key, group, sizeof group, &length) != 1) return X509_KEY_OTHER;
      if (strcmp(group, "prime256v1") == 0) return X509_KEY_P256;
      if (strcmp(group, "secp384r1") == 0) return X509_KEY_P384;
      return strcmp(group, "secp521r1") == 0 ? X509_KEY_P521 : X509_KEY_OTHER;
    default:
      return X509_KEY_OTHER;
  }
}

/* Text of a name must be printable ASCII: an embedded NUL or a control character could stand for another name. */
static bool is_text(const unsigned char *at, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (at[i] <= 0x20 || at[i] > 0x7e) return false;
  return length > 0;
}

static bool read_name(const GENERAL_NAME *from, struct x509_name *to) {
  int type = -1;
  const ASN1_STRING *value = ssl.GENERAL_NAME_get0_value(from, &type);
  if (value == NULL || (type != GEN_EMAIL && type != GEN_DNS && type != GEN_IPADD)) return false;
  const unsigned char *at = ssl.ASN1_STRING_get0_data(value);
  int length = ssl.ASN1_STRING_length(value);
  if (at == NULL || length <= 0 || length > 1024) return false;
  if (type == GEN_IPADD ? length != 4 && length != 16 : !is_text(at, (size_t)length)) return false;
  to->kind = type == GEN_EMAIL ? X509_EMAIL : type == GEN_DNS ? X509_DNS : X509_ADDRESS;
  to->length = (size_t)length;
  to->at = malloc(to->length);
  if (to->at != NULL) memcpy(to->at, at, to->length);
  return to->at != NULL;
}

static void read_names(const X509 *certificate, struct x509_facts *facts) {
  OPENSSL_STACK *names = ssl.X509_get_ext_d2i(certificate, NID_SUBJECT_ALT_NAME, NULL, NULL);
  int count = names == NULL ? 0 : ssl.OPENSSL_sk_num(names);
  if (count > X509_NAMES_MOST) count = X509_NAMES_MOST;
  if (count > 0) facts->names = calloc((size_t)count, sizeof *facts->names);
  for (int i = 0; i < count && facts->names != NULL; i++)
    if (read_name(ssl.OPENSSL_sk_value(names, i), &facts->names[facts->name_count])) facts->name_count++;
  if (names != NULL) ssl.GENERAL_NAMES_free(names);
}

static bool read_subject(const X509 *certificate, struct x509_facts *facts) {
  const X509_NAME *subject = ssl.X509_get_subject_name(certificate);
  int length = ssl.i2d_X509_NAME(subject, NULL);
  if (length <= 0) return false;
  facts->subject_length = (size_t)length;
  facts->subject = malloc(facts->subject_length);
  unsigned char *out = facts->subject;
  print_name(subject, facts->subject_text);
  print_name(ssl.X509_get_issuer_name(certificate), facts->issuer_text);
  return out != NULL && ssl.i2d_X509_NAME(subject, &out) == length;
}

static bool read_key(const X509 *certificate, struct x509_facts *facts) {
  const X509_PUBKEY *info = ssl.X509_get_X509_PUBKEY(certificate);
  int length = info == NULL ? 0 : ssl.i2d_X509_PUBKEY(info, NULL);
  if (length <= 0) return false;
  facts->public_key_length = (size_t)length;
  facts->public_key = malloc(facts->public_key_length);
  unsigned char *out = facts->public_key;
  if (out == NULL || ssl.i2d_X509_PUBKEY(info, &out) != length) return false;
  const EVP_PKEY *key = ssl.X509_get0_pubkey(certificate);
  if (key == NULL) return true; /* of a kind that OpenSSL does not know */
  int bits = ssl.EVP_PKEY_get_bits(key);
  facts->key_kind = key_kind(key);
  facts->key_bits = bits > 0 ? (uint32_t)bits : 0;
  return true;
}

bool x509_read(struct x509_octets der, struct x509_facts *facts) {
  memset(facts, 0, sizeof *facts);
  if (x509_load() != NULL) return false;
  ssl.ERR_set_mark();
  X509 *certificate = parse(der);
  bool ok = certificate != NULL && read_subject(certificate, facts) && read_key(certificate, facts);
  if (ok) {
    read_names(certificate, facts);
    facts->not_before = unix_time(ssl.X509_get0_notBefore(certificate));
    facts->not_after = unix_time(ssl.X509_get0_notAfter(certificate));
    facts->is_ca = ssl.X509_check_ca(certificate) == 1;
  }
  if (certificate != NULL) ssl.X509_free(certificate);
  ssl.ERR_pop_to_mark();
  return ok;
}

void x509_facts_free(struct x509_facts *facts) {
  for (size_t i = 0; i < facts->name_count; i++) free(facts->names[i].at);
  free(facts->names);
  free(facts->subject);
  free(facts->public_key);
  memset(facts, 0, sizeof *facts);
}

/* Trailing octets make it something else. */
static X509_CRL *parse_crl(struct x509_octets der) {
  const unsigned char *at = der.at;
  if (der.length == 0 || der.length > (size_t)CRL_MOST) return NULL;
  X509_CRL *made = ssl.d2i_X509_CRL(NULL, &at, (long)der.length);
  if (made == NULL || at == der.at + der.length) return made;
  ssl.X509_CRL_free(made);
  return NULL;
}

bool x509_read_crl(struct x509_octets der, struct x509_crl_facts *facts) {
  memset(facts, 0, sizeof *facts);
  if (x509_load() != NULL) return false;
  ssl.ERR_set_mark();
  X509_CRL *crl = parse_crl(der);
  if (crl != NULL) {
    print_name(ssl.X509_CRL_get_issuer(crl), facts->issuer_text);
    facts->this_update = unix_time(ssl.X509_CRL_get0_lastUpdate(crl));
    facts->next_update = unix_time(ssl.X509_CRL_get0_nextUpdate(crl));
    ssl.X509_CRL_free(crl);
  }
  ssl.ERR_pop_to_mark();
  return crl != NULL;
}

/* ---- A chain ---- */

static const struct {
  int error;
  const char *words;
} SAID[] = {
    {X509_V_ERR_UNABLE_TO_GET_CRL, "there is no CRL of its issuer"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, "its signature is not its issuer's"},
    {X509_V_ERR_CRL_SIGNATURE_FAILURE, "the CRL of its issuer is not signed by the issuer"},
    {X509_V_ERR_CRL_NOT_YET_VALID, "the CRL of its issuer is not valid yet"},
    {X509_V_ERR_CRL_HAS_EXPIRED, "the CRL of its issuer is out of date"},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, "the chain is too long"},
    {X509_V_ERR_CERT_REVOKED, "it is revoked"},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, "more CAs follow it than its path length allows"},
    {X509_V_ERR_KEYUSAGE_NO_CERTSIGN, "its key usage does not allow it to sign certificates"},
    {X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, "it has a critical extension that is not known here"},
    {X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, "its issuer may not sign CRLs"},
    {X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION, "the CRL of its issuer has a critical extension that is not known here"},
    {X509_V_ERR_INVALID_EXTENSION, "it has an extension that is malformed"},
    {X509_V_ERR_PERMITTED_VIOLATION, "its names are outside of what the name constraints of a CA permit"},
    {X509_V_ERR_EXCLUDED_VIOLATION, "its names are among what the name constraints of a CA exclude"},
    {X509_V_ERR_EE_KEY_TOO_SMALL, "its key is too short (RSA needs 2048 bits)"},
    {X509_V_ERR_CA_KEY_TOO_SMALL, "its key is too short (RSA needs 2048 bits)"},
    {X509_V_ERR_CA_MD_TOO_WEAK, "it is signed with a hash that is too weak (SHA-1 or MD5)"},
    {X509_V_ERR_INVALID_CA, "it is no CA that may sign certificates, but one is signed with its key"},
};

static const char *words_for(int error) {
  for (size_t i = 0; i < sizeof SAID / sizeof SAID[0]; i++)
    if (SAID[i].error == error) return SAID[i].words;
  return ssl.X509_verify_cert_error_string(error);
}

static void say_date(const char *before, double at, char *out, size_t room) {
  char date[32] = "an unreadable date";
  struct tm parts;
  time_t seconds = isnan(at) ? 0 : (time_t)at;
  if (!isnan(at) && gmtime_r(&seconds, &parts) != NULL) strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &parts);
  snprintf(out, room, "%s %s", before, date);
}

static void say(int error, const X509 *current, char why[X509_WHY]) {
  char subject[X509_TEXT] = "(none)";
  char issuer[X509_TEXT] = "(none)";
  char words[X509_TEXT + 64];
  if (current != NULL) print_name(ssl.X509_get_subject_name(current), subject);
  if (current != NULL) print_name(ssl.X509_get_issuer_name(current), issuer);
  switch (error) {
    case X509_V_ERR_CERT_NOT_YET_VALID:
      say_date("it is not valid before", current == NULL ? NAN : unix_time(ssl.X509_get0_notBefore(current)), words, sizeof words);
      break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      say_date("it expired on", current == NULL ? NAN : unix_time(ssl.X509_get0_notAfter(current)), words, sizeof words);
      break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      snprintf(words, sizeof words, "it is self-signed and not among the trusted ones");
      break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      snprintf(words, sizeof words, "its issuer %s is neither trusted nor sent along", issuer);
      break;
    default:
      snprintf(words, sizeof words, "%s", words_for(error));
  }
  snprintf(why, X509_WHY, "%s: %s", subject, words);
}

/* The certificate that is trusted by configuration needs no CRL of whoever issued it; revoked is revoked, though. */
static int on_verify(int ok, X509_STORE_CTX *ctx) {
  if (ok) return ok;
  int depth = ssl.X509_STORE_CTX_get_error_depth(ctx);
  OPENSSL_STACK *chain = ssl.X509_STORE_CTX_get0_chain(ctx);
  if (chain == NULL || depth != ssl.OPENSSL_sk_num(chain) - 1) return ok;
  switch (ssl.X509_STORE_CTX_get_error(ctx)) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return 1;
    default:
      return ok;
  }
}

/* Key usage and extended key usage of an end entity (RFC 4945 §5.1.3.2, §5.1.3.12). */
static bool may_do_ike(X509 *leaf, bool allow_tls, const char **words) {
  bool limited = (ssl.X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) != 0;
  if (limited && (ssl.X509_get_key_usage(leaf) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0) {
    *words = "its key usage allows no signatures";
    return false;
  }
  int found = 0;
  OPENSSL_STACK *usages = ssl.X509_get_ext_d2i(leaf, NID_EXT_KEY_USAGE, &found, NULL);
  if (usages == NULL) {
    *words = "its extended key usage is malformed";
    return found == -1;
  }
  bool fits = false;
  bool tls = false;
  for (int i = 0; i < ssl.OPENSSL_sk_num(usages); i++) {
    char oid[64];
    if (ssl.OBJ_obj2txt(oid, sizeof oid, ssl.OPENSSL_sk_value(usages, i), 1) <= 0) continue;
    if (strcmp(oid, EKU_ANY) == 0 || strcmp(oid, EKU_IPSEC_IKE) == 0) fits = true;
    if (strcmp(oid, EKU_SERVER_AUTH) == 0 || strcmp(oid, EKU_CLIENT_AUTH) == 0) tls = true;
  }
  ssl.EXTENDED_KEY_USAGE_free(usages);
  *words = tls ? "its extended key usage is for TLS, not for IPsec" : "its extended key usage is not for IPsec";
  return fits || (tls && allow_tls);
}

static bool add_crls(X509_STORE *store, struct x509_list crls, const char **words) {
  for (size_t i = 0; i < crls.count; i++) {
    X509_CRL *crl = parse_crl(crls.items[i]);
    int digest = 0;
    *words = "a CRL cannot be read";
    if (crl == NULL) return false;
    bool weak = ssl.OBJ_find_sigid_algs(ssl.X509_CRL_get_signature_nid(crl), &digest, NULL) == 1 && (digest == NID_SHA1 || digest == NID_MD5);
    bool added = !weak && ssl.X509_STORE_add_crl(store, crl) == 1;
    ssl.X509_CRL_free(crl);
    if (weak) *words = "a CRL is signed with a hash that is too weak (SHA-1 or MD5)";
    if (!added) return false;
  }
  return true;
}

static bool add_anchors(X509_STORE *store, struct x509_list anchors) {
  bool some = false;
  for (size_t i = 0; i < anchors.count; i++) {
    X509 *anchor = parse(anchors.items[i]);
    if (anchor == NULL) continue;
    some |= ssl.X509_STORE_add_cert(store, anchor) == 1;
    ssl.X509_free(anchor);
  }
  return some;
}

static bool verify(X509_STORE_CTX *ctx, X509 *leaf, const struct x509_rules *rules, char why[X509_WHY]) {
  X509_VERIFY_PARAM *param = ssl.X509_STORE_CTX_get0_param(ctx);
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
  if (rules->crls.count > 0) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  if (rules->now < 0) flags |= X509_V_FLAG_NO_CHECK_TIME;
  else ssl.X509_VERIFY_PARAM_set_time(param, (time_t)rules->now);
  ssl.X509_VERIFY_PARAM_set_flags(param, flags);
  ssl.X509_VERIFY_PARAM_set_depth(param, DEPTH_MOST);
  ssl.X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
  ssl.X509_STORE_CTX_set_verify_cb(ctx, on_verify);
  /* OpenSSL would only find no issuer for it. */
  if ((ssl.X509_get_extension_flags(leaf) & EXFLAG_INVALID) != 0) {
    say(X509_V_ERR_INVALID_EXTENSION, leaf, why);
    return false;
  }
  if (ssl.X509_verify_cert(ctx) != 1) {
    const X509 *current = ssl.X509_STORE_CTX_get_current_cert(ctx);
    say(ssl.X509_STORE_CTX_get_error(ctx), current == NULL ? leaf : current, why);
    return false;
  }
  const char *words = NULL;
  if (may_do_ike(leaf, rules->allow_tls_usage, &words)) return true;
  char subject[X509_TEXT];
  print_name(ssl.X509_get_subject_name(leaf), subject);
  snprintf(why, X509_WHY, "%s: %s", subject, words);
  return false;
}

bool x509_verify_chain(struct x509_octets leaf_der, struct x509_list intermediates, const struct x509_rules *rules, char why[X509_WHY]) {
  const char *words = x509_load();
  snprintf(why, X509_WHY, "%s", words == NULL ? "" : words);
  if (words != NULL) return false;
  ssl.ERR_set_mark();
  bool ok = false;
  X509 *leaf = parse(leaf_der);
  X509_STORE *store = ssl.X509_STORE_new();
  X509_STORE_CTX *ctx = ssl.X509_STORE_CTX_new();
  OPENSSL_STACK *more = ssl.OPENSSL_sk_new_null();
  words = "out of memory";
  for (size_t i = 0; i < intermediates.count && more != NULL; i++) {
    X509 *next = parse(intermediates.items[i]);
    if (next != NULL && ssl.OPENSSL_sk_push(more, next) <= 0) ssl.X509_free(next);
  }
  if (leaf == NULL) words = "this is no X.509 certificate";
  else if (store != NULL && ctx != NULL && more != NULL) {
    if (!add_anchors(store, rules->anchors)) words = "there is no CA certificate to trust";
    else if (add_crls(store, rules->crls, &words) && ssl.X509_STORE_CTX_init(ctx, store, leaf, more) == 1) {
      words = NULL;
      ok = verify(ctx, leaf, rules, why);
    }
  }
  if (words != NULL) snprintf(why, X509_WHY, "%s", words);
  if (ctx != NULL) ssl.X509_STORE_CTX_free(ctx);
  if (store != NULL) ssl.X509_STORE_free(store);
  for (int i = 0; more != NULL && i < ssl.OPENSSL_sk_num(more); i++) ssl.X509_free(ssl.OPENSSL_sk_value(more, i));
  if (more != NULL) ssl.OPENSSL_sk_free(more);
  if (leaf != NULL) ssl.X509_free(leaf);
  ssl.ERR_pop_to_mark();
  return ok;
}
