/* A host held by JavaScript, with the thread that waits for it. */
#ifndef MOBIKED_NAPI_HOST_H
#define MOBIKED_NAPI_HOST_H

#include "host.h"
#include "napi-args.h"

/* Opens a host whose events go to the functions of the object in argument 0; gives an external. */
napi_value binding_open(napi_env env, napi_callback_info info);
napi_value binding_close(napi_env env, napi_callback_info info);
/* Reads the arguments and the host in argument 0; NULL with an exception pending. */
struct host *binding_host(struct args *args, napi_env env, napi_callback_info info);
/* After a call that may have opened or closed a descriptor: keeps the process alive while there is one. */
void binding_settle(struct args *args);

#endif
