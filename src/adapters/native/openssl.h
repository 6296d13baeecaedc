/*
 * The calls of OpenSSL 3 that x509.c makes, found in the process when first needed: Node exports its own OpenSSL, a Node linked with a
 * shared one has it loaded. So no header of OpenSSL is needed to build and the addon loads where there is none. Every row is as the
 * manual pages of OpenSSL 3.0 declare it; the types are never looked into.
 */
#ifndef MOBIKED_OPENSSL_H
#define MOBIKED_OPENSSL_H

#include <time.h>

typedef struct x509_st X509;
typedef struct X509_name_st X509_NAME;
typedef struct X509_crl_st X509_CRL;
typedef struct X509_pubkey_st X509_PUBKEY;
typedef struct x509_store_st X509_STORE;
typedef struct x509_store_ctx_st X509_STORE_CTX;
typedef struct X509_VERIFY_PARAM_st X509_VERIFY_PARAM;
typedef struct evp_pkey_st EVP_PKEY;
typedef struct asn1_string_st ASN1_STRING;
typedef struct asn1_object_st ASN1_OBJECT;
typedef struct GENERAL_NAME_st GENERAL_NAME;
typedef struct stack_st OPENSSL_STACK;
typedef struct bio_st BIO;
typedef struct bio_method_st BIO_METHOD;
typedef int (*verify_callback)(int ok, X509_STORE_CTX *ctx);

#define OPENSSL_CALLS(CALL)                                                                                \
  CALL(int, ERR_set_mark, (void))                                                                          \
  CALL(int, ERR_pop_to_mark, (void))                                                                       \
  CALL(X509 *, d2i_X509, (X509 **made, const unsigned char **in, long length))                             \
  CALL(void, X509_free, (X509 *certificate))                                                               \
  CALL(X509_CRL *, d2i_X509_CRL, (X509_CRL **made, const unsigned char **in, long length))                 \
  CALL(void, X509_CRL_free, (X509_CRL *crl))                                                               \
  CALL(int, X509_CRL_get_signature_nid, (const X509_CRL *crl))                                             \
  CALL(X509_NAME *, X509_CRL_get_issuer, (const X509_CRL *crl))                                            \
  CALL(const ASN1_STRING *, X509_CRL_get0_lastUpdate, (const X509_CRL *crl))                               \
  CALL(const ASN1_STRING *, X509_CRL_get0_nextUpdate, (const X509_CRL *crl))                               \
  CALL(int, OBJ_find_sigid_algs, (int signature, int *digest, int *key))                                   \
  CALL(X509_NAME *, X509_get_subject_name, (const X509 *certificate))                                      \
  CALL(X509_NAME *, X509_get_issuer_name, (const X509 *certificate))                                       \
  CALL(int, i2d_X509_NAME, (const X509_NAME *name, unsigned char **out))                                   \
  CALL(int, X509_NAME_print_ex, (BIO *out, const X509_NAME *name, int indent, unsigned long flags))        \
  CALL(const ASN1_STRING *, X509_get0_notBefore, (const X509 *certificate))                                \
  CALL(const ASN1_STRING *, X509_get0_notAfter, (const X509 *certificate))                                 \
  CALL(int, ASN1_TIME_to_tm, (const ASN1_STRING *time, struct tm *made))                                   \
  CALL(int, X509_check_ca, (X509 *certificate))                                                            \
  CALL(uint32_t, X509_get_extension_flags, (X509 *certificate))                                            \
  CALL(uint32_t, X509_get_key_usage, (X509 *certificate))                                                  \
  CALL(void *, X509_get_ext_d2i, (const X509 *certificate, int nid, int *critical, int *at))               \
  CALL(void, GENERAL_NAMES_free, (OPENSSL_STACK *names))                                                   \
  CALL(void, EXTENDED_KEY_USAGE_free, (OPENSSL_STACK *usages))                                             \
  CALL(void *, GENERAL_NAME_get0_value, (const GENERAL_NAME *name, int *type))                             \
  CALL(int, OBJ_obj2txt, (char *out, int room, const ASN1_OBJECT *object, int numeric))                    \
  CALL(const unsigned char *, ASN1_STRING_get0_data, (const ASN1_STRING *string))                          \
  CALL(int, ASN1_STRING_length, (const ASN1_STRING *string))                                               \
  CALL(X509_PUBKEY *, X509_get_X509_PUBKEY, (const X509 *certificate))                                     \
  CALL(int, i2d_X509_PUBKEY, (const X509_PUBKEY *key, unsigned char **out))                                \
  CALL(EVP_PKEY *, X509_get0_pubkey, (const X509 *certificate))                                            \
  CALL(int, EVP_PKEY_get_base_id, (const EVP_PKEY *key))                                                   \
  CALL(int, EVP_PKEY_get_bits, (const EVP_PKEY *key))                                                      \
  CALL(int, EVP_PKEY_get_group_name, (const EVP_PKEY *key, char *out, size_t room, size_t *length))        \
  CALL(OPENSSL_STACK *, OPENSSL_sk_new_null, (void))                                                       \
  CALL(int, OPENSSL_sk_push, (OPENSSL_STACK *stack, const void *item))                                     \
  CALL(int, OPENSSL_sk_num, (const OPENSSL_STACK *stack))                                                  \
  CALL(void *, OPENSSL_sk_value, (const OPENSSL_STACK *stack, int at))                                     \
  CALL(void, OPENSSL_sk_free, (OPENSSL_STACK *stack))                                                      \
  CALL(X509_STORE *, X509_STORE_new, (void))                                                               \
  CALL(void, X509_STORE_free, (X509_STORE *store))                                                         \
  CALL(int, X509_STORE_add_cert, (X509_STORE *store, X509 *certificate))                                   \
  CALL(int, X509_STORE_add_crl, (X509_STORE *store, X509_CRL *crl))                                        \
  CALL(X509_STORE_CTX *, X509_STORE_CTX_new, (void))                                                       \
  CALL(void, X509_STORE_CTX_free, (X509_STORE_CTX *ctx))                                                   \
  CALL(int, X509_STORE_CTX_init, (X509_STORE_CTX *ctx, X509_STORE *store, X509 *leaf, OPENSSL_STACK *more)) \
  CALL(X509_VERIFY_PARAM *, X509_STORE_CTX_get0_param, (const X509_STORE_CTX *ctx))                        \
  CALL(void, X509_STORE_CTX_set_verify_cb, (X509_STORE_CTX *ctx, verify_callback callback))                \
  CALL(OPENSSL_STACK *, X509_STORE_CTX_get0_chain, (const X509_STORE_CTX *ctx))                            \
  CALL(int, X509_STORE_CTX_get_error, (const X509_STORE_CTX *ctx))                                         \
  CALL(int, X509_STORE_CTX_get_error_depth, (const X509_STORE_CTX *ctx))                                   \
  CALL(X509 *, X509_STORE_CTX_get_current_cert, (const X509_STORE_CTX *ctx))                               \
  CALL(int, X509_VERIFY_PARAM_set_flags, (X509_VERIFY_PARAM *param, unsigned long flags))                  \
  CALL(void, X509_VERIFY_PARAM_set_time, (X509_VERIFY_PARAM *param, time_t time))                          \
  CALL(void, X509_VERIFY_PARAM_set_depth, (X509_VERIFY_PARAM *param, int depth))                           \
  CALL(void, X509_VERIFY_PARAM_set_auth_level, (X509_VERIFY_PARAM *param, int level))                      \
  CALL(int, X509_verify_cert, (X509_STORE_CTX *ctx))                                                       \
  CALL(const char *, X509_verify_cert_error_string, (long error))                                          \
  CALL(BIO *, BIO_new, (const BIO_METHOD *method))                                                         \
  CALL(const BIO_METHOD *, BIO_s_mem, (void))                                                              \
  CALL(int, BIO_read, (BIO *bio, void *out, int length))                                                   \
  CALL(int, BIO_free, (BIO *bio))

/* openssl/x509_vfy.h */
#define X509_V_OK 0
#define X509_V_FLAG_CRL_CHECK 0x4
#define X509_V_FLAG_CRL_CHECK_ALL 0x8
#define X509_V_FLAG_PARTIAL_CHAIN 0x80000
#define X509_V_FLAG_NO_CHECK_TIME 0x200000
#define X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT 2
#define X509_V_ERR_UNABLE_TO_GET_CRL 3
#define X509_V_ERR_CERT_SIGNATURE_FAILURE 7
#define X509_V_ERR_CRL_SIGNATURE_FAILURE 8
#define X509_V_ERR_CERT_NOT_YET_VALID 9
#define X509_V_ERR_CERT_HAS_EXPIRED 10
#define X509_V_ERR_CRL_NOT_YET_VALID 11
#define X509_V_ERR_CRL_HAS_EXPIRED 12
#define X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT 18
#define X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN 19
#define X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY 20
#define X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE 21
#define X509_V_ERR_CERT_CHAIN_TOO_LONG 22
#define X509_V_ERR_CERT_REVOKED 23
#define X509_V_ERR_PATH_LENGTH_EXCEEDED 25
#define X509_V_ERR_KEYUSAGE_NO_CERTSIGN 32
#define X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION 34
#define X509_V_ERR_KEYUSAGE_NO_CRL_SIGN 35
#define X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION 36
#define X509_V_ERR_INVALID_EXTENSION 41
#define X509_V_ERR_PERMITTED_VIOLATION 47
#define X509_V_ERR_EXCLUDED_VIOLATION 48
#define X509_V_ERR_EE_KEY_TOO_SMALL 66
#define X509_V_ERR_CA_KEY_TOO_SMALL 67
#define X509_V_ERR_CA_MD_TOO_WEAK 68
#define X509_V_ERR_INVALID_CA 79
/* openssl/x509v3.h, openssl/x509.h */
#define EXFLAG_KUSAGE 0x2
#define EXFLAG_INVALID 0x80
#define KU_DIGITAL_SIGNATURE 0x0080
#define KU_NON_REPUDIATION 0x0040
#define GEN_EMAIL 1
#define GEN_DNS 2
#define GEN_IPADD 7
/* RFC 2253 order and escapes, all of it ASCII, `, ` between the parts. */
#define NAME_FLAGS (0x317ul | 2ul << 16 | 1ul << 20 | 1ul << 24)
/* openssl/obj_mac.h */
#define NID_MD5 4
#define NID_RSA 6
#define NID_SHA1 64
#define NID_KEY_USAGE 83
#define NID_SUBJECT_ALT_NAME 85
#define NID_EXT_KEY_USAGE 126
#define NID_EC 408
#define NID_ED25519 1087

#endif
