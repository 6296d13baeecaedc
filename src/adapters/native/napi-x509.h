/* The functions of x509.h for JavaScript; src/adapters/node/native.ts describes each. */
#ifndef MOBIKED_NAPI_X509_H
#define MOBIKED_NAPI_X509_H

#include "napi-args.h"

/* x509Missing(): undefined, or why there is no X.509 here. */
napi_value binding_x509_missing(napi_env env, napi_callback_info info);
/* x509Read(der): the facts, or undefined. */
napi_value binding_x509_read(napi_env env, napi_callback_info info);
/* x509ReadCrl(der): the facts, or undefined. */
napi_value binding_x509_read_crl(napi_env env, napi_callback_info info);
/* x509VerifyChain(leaf, intermediates, anchors, crls, now, allowTlsUsage): undefined, or what is wrong. */
napi_value binding_x509_verify_chain(napi_env env, napi_callback_info info);

#endif
