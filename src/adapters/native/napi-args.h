/* Reading arguments and making values for the N-API binding. A bad argument leaves a TypeError pending and reads as 0. */
#ifndef MOBIKED_NAPI_ARGS_H
#define MOBIKED_NAPI_ARGS_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outer.h"

#define MAX_ARGS 14

struct bytes {
  uint8_t *at;
  size_t length;
};

struct args {
  napi_env env;
  size_t count;
  napi_value values[MAX_ARGS];
  bool bad;
};

void args_read(struct args *args, napi_env env, napi_callback_info info);
void args_fail(struct args *args, const char *why);
double args_number(struct args *args, size_t index);
uint32_t args_u32(struct args *args, size_t index);
bool args_bool(struct args *args, size_t index);
/* Of a Uint8Array (`element` 1) or Uint32Array (`element` 4): valid during the call. */
struct bytes args_bytes(struct args *args, size_t index);
/* ifindex, local, localPort, remote, remotePort from `index` on. */
struct outer args_outer(struct args *args, size_t index);

napi_value make_number(napi_env env, double value);
napi_value make_string(napi_env env, const char *value);
napi_value make_undefined(napi_env env);
/* A fresh Uint8Array. */
napi_value make_bytes(napi_env env, const uint8_t *at, size_t length);
napi_value make_address(napi_env env, const struct outer *outer, const uint8_t *address);
void set_value(napi_env env, napi_value object, const char *name, napi_value value);
void set_number(napi_env env, napi_value object, const char *name, double value);
/* local, localPort, remote, remotePort and ifindex of an object. */
void set_outer(napi_env env, napi_value object, const struct outer *outer);

#endif
