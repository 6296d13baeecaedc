#include "napi-args.h"

#include <string.h>

void args_fail(struct args *args, const char *why) {
  if (!args->bad) napi_throw_type_error(args->env, NULL, why);
  args->bad = true;
}

void args_read(struct args *args, napi_env env, napi_callback_info info) {
  memset(args, 0, sizeof *args);
  args->env = env;
  args->count = MAX_ARGS;
  napi_get_cb_info(env, info, &args->count, args->values, NULL, NULL);
}

double args_number(struct args *args, size_t index) {
  double value = 0;
  if (index >= args->count || napi_get_value_double(args->env, args->values[index], &value) != napi_ok) args_fail(args, "a number is expected");
  return value;
}

uint32_t args_u32(struct args *args, size_t index) {
  double value = args_number(args, index);
  if (!(value >= 0 && value <= UINT32_MAX)) {
    args_fail(args, "a number of 32 bits is expected");
    return 0;
  }
  return (uint32_t)value;
}

bool args_bool(struct args *args, size_t index) {
  bool value = false;
  if (index >= args->count || napi_get_value_bool(args->env, args->values[index], &value) != napi_ok) args_fail(args, "a boolean is expected");
  return value;
}

struct bytes args_bytes(struct args *args, size_t index) {
  napi_typedarray_type type = napi_uint8_array;
  size_t length = 0;
  void *data = NULL;
  bool is = false;
  struct bytes none = {NULL, 0};
  if (index < args->count) napi_is_typedarray(args->env, args->values[index], &is);
  if (!is || napi_get_typedarray_info(args->env, args->values[index], &type, &length, &data, NULL, NULL) != napi_ok ||
      (type != napi_uint8_array && type != napi_uint32_array)) {
    args_fail(args, "a Uint8Array is expected");
    return none;
  }
  return (struct bytes){data, type == napi_uint32_array ? length * 4 : length};
}

struct outer args_outer(struct args *args, size_t index) {
  struct outer outer;
  memset(&outer, 0, sizeof outer);
  struct bytes local = args_bytes(args, index + 1);
  struct bytes remote = args_bytes(args, index + 3);
  uint32_t local_port = args_u32(args, index + 2);
  uint32_t remote_port = args_u32(args, index + 4);
  outer.ifindex = args_u32(args, index);
  if (args->bad) return outer;
  if ((local.length != 4 && local.length != 16) || local.length != remote.length || local_port > 65535 || remote_port > 65535) {
    args_fail(args, "two endpoints of one family are expected");
    return outer;
  }
  outer.family = local.length == 4 ? 4 : 6;
  outer.local_port = (uint16_t)local_port;
  outer.remote_port = (uint16_t)remote_port;
  memcpy(outer.local, local.at, local.length);
  memcpy(outer.remote, remote.at, remote.length);
  return outer;
}

napi_value make_number(napi_env env, double value) {
  napi_value made = NULL;
  napi_create_double(env, value, &made);
  return made;
}

napi_value make_string(napi_env env, const char *value) {
  napi_value made = NULL;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &made);
  return made;
}

napi_value make_undefined(napi_env env) {
  napi_value made = NULL;
  napi_get_undefined(env, &made);
  return made;
}

napi_value make_bytes(napi_env env, const uint8_t *at, size_t length) {
  napi_value buffer = NULL;
  napi_value made = NULL;
  void *data = NULL;
  if (napi_create_arraybuffer(env, length, &data, &buffer) != napi_ok) return make_undefined(env);
  if (length > 0) memcpy(data, at, length);
  if (napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &made) != napi_ok) return make_undefined(env);
  return made;
}

napi_value make_address(napi_env env, const struct outer *outer, const uint8_t *address) {
  return make_bytes(env, address, outer->family == 4 ? 4 : 16);
}

void set_value(napi_env env, napi_value object, const char *name, napi_value value) { napi_set_named_property(env, object, name, value); }

void set_number(napi_env env, napi_value object, const char *name, double value) { set_value(env, object, name, make_number(env, value)); }

void set_outer(napi_env env, napi_value object, const struct outer *outer) {
  set_number(env, object, "ifindex", outer->ifindex);
  set_value(env, object, "local", make_address(env, outer, outer->local));
  set_number(env, object, "localPort", outer->local_port);
  set_value(env, object, "remote", make_address(env, outer, outer->remote));
  set_number(env, object, "remotePort", outer->remote_port);
}
