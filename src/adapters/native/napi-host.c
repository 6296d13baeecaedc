#include "napi-host.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * A small thread waits for the epoll descriptor and wakes JavaScript; JavaScript drains one bounded turn on its own
 * thread and lets the thread wait again. The thread touches nothing else: all state belongs to the JavaScript thread.
 * The thread is let go by setImmediate, not from the turn itself: Node calls a thread-safe function up to 1,000 times
 * in a row while it is called again, and timers and other sockets would starve behind a stream of packets.
 */
enum event { UDP_RECEIVED, UDP_SEND_FAILED, ESP_FIRST_INBOUND, ESP_UNKNOWN_SPI, ESP_TOO_BIG, TUN_FAILED, NETLINK_RECEIVED, TCP_CONNECTED, ICMP_ANSWERED, EVENTS };
static const char *const event_names[EVENTS] = {
    "udpReceived", "udpSendFailed", "espFirstInbound", "espUnknownSpi", "espTooBig", "tunFailed", "netlinkReceived", "tcpConnected", "icmpAnswered",
};

struct binding {
  /* Held by the external, the thread-safe function and the function `rearm`. */
  int holders;
  bool open;
  bool turning;
  bool close_wanted;
  /* The thread-safe function keeps the process alive. */
  bool referenced;
  napi_env env;
  napi_ref events[EVENTS];
  napi_ref set_immediate;
  napi_ref rearm;
  napi_threadsafe_function wake;
  pthread_t thread;
  int stop_fd;
  int rearm_fd;
  struct host host;
};

static void let_go(struct binding *b) {
  if (--b->holders == 0) free(b);
}

/* ---- events ---- */

static void emit(struct binding *b, enum event event, size_t count, napi_value *values) {
  napi_value function = NULL;
  bool pending = false;
  if (napi_get_reference_value(b->env, b->events[event], &function) != napi_ok) return;
  napi_call_function(b->env, make_undefined(b->env), function, count, values, NULL);
  if (napi_is_exception_pending(b->env, &pending) == napi_ok && pending) {
    napi_value error = NULL;
    napi_get_and_clear_last_exception(b->env, &error);
    napi_fatal_exception(b->env, error); /* as an exception in any other callback: uncaughtException */
  }
}

static void emit_outer(struct binding *b, enum event event, const struct outer *outer, napi_value last) {
  napi_value values[] = {
      make_number(b->env, outer->ifindex),
      make_address(b->env, outer, outer->local),
      make_number(b->env, outer->local_port),
      make_address(b->env, outer, outer->remote),
      make_number(b->env, outer->remote_port),
      last,
  };
  emit(b, event, 6, values);
}

static void on_udp_received(void *ctx, const struct outer *outer, const uint8_t *bytes, size_t length) {
  struct binding *b = ctx;
  napi_handle_scope scope;
  napi_open_handle_scope(b->env, &scope);
  emit_outer(b, UDP_RECEIVED, outer, make_bytes(b->env, bytes, length));
  napi_close_handle_scope(b->env, scope);
}

static void on_udp_send_failed(void *ctx, const struct outer *outer, int error) {
  struct binding *b = ctx;
  napi_handle_scope scope;
  napi_open_handle_scope(b->env, &scope);
  emit_outer(b, UDP_SEND_FAILED, outer, make_number(b->env, error));
  napi_close_handle_scope(b->env, scope);
}

static void on_first_inbound(void *ctx, uint32_t handle) {
  struct binding *b = ctx;
  napi_handle_scope scope;
  napi_open_handle_scope(b->env, &scope);
  napi_value values[] = {make_number(b->env, handle)};
  emit(b, ESP_FIRST_INBOUND, 1, values);
  napi_close_handle_scope(b->env, scope);
}

/* A number, then the endpoints, then another number when there is one. */
static void emit_about(struct binding *b, enum event event, uint32_t number, const struct outer *outer, napi_value last) {
  napi_value values[] = {
      make_number(b->env, number),
      make_address(b->env, outer, outer->local),
      make_number(b->env, outer->local_port),
      make_address(b->env, outer, outer->remote),
      make_number(b->env, outer->remote_port),
      last,
  };
  emit(b, event, last == NULL ? 5 : 6, values);
}

static void on_unknown_spi(void *ctx, uint32_t spi, const struct outer *outer) {
  struct binding *b = ctx;
  napi_handle_scope scope;
  napi_open_handle_scope(b->env, &scope);
  emit_about(b, ESP_UNKNOWN_SPI, spi, outer, NULL);
  napi_close_handle_scope(b->env, scope);
}

static void on_too_big(void *ctx, uint32_t bundle, const struct outer *outer, uint32_t mtu) {
  struct binding *b = ctx;
  napi_handle_scope scope;
  napi_open_handle_scope(b->env, &scope);
  emit_about(b, ESP_TOO_BIG, bundle, outer, make_number(b->env, mtu));
  napi_close_handle_scope(b->env, scope);
}

static void on_tun_failed(void *ctx, int error) {
  struct binding *b = ctx;
  napi_handle_scope scope;
  napi_open_handle_scope(b->env, &scope);
  napi_value values[] = {make_number(b->env, error)};
  emit(b, TUN_FAILED, 1, values);
  napi_close_handle_scope(b->env, scope);
}

static void on_netlink(void *ctx, uint32_t id, int error, const uint8_t *bytes, size_t length) {
  struct binding *b = ctx;
  napi_handle_scope scope;
  napi_open_handle_scope(b->env, &scope);
  napi_value values[] = {
      make_number(b->env, id),
      make_number(b->env, error),
      bytes == NULL ? make_undefined(b->env) : make_bytes(b->env, bytes, length),
  };
  emit(b, NETLINK_RECEIVED, 3, values);
  napi_close_handle_scope(b->env, scope);
}

static void on_tcp_connected(void *ctx, uint32_t id, int fd, int error) {
  struct binding *b = ctx;
  napi_handle_scope scope;
  napi_open_handle_scope(b->env, &scope);
  napi_value values[] = {make_number(b->env, id), make_number(b->env, fd), make_number(b->env, error)};
  emit(b, TCP_CONNECTED, 3, values);
  napi_close_handle_scope(b->env, scope);
}

static void on_icmp_answered(void *ctx, uint32_t id, int error) {
  struct binding *b = ctx;
  napi_handle_scope scope;
  napi_open_handle_scope(b->env, &scope);
  napi_value values[] = {make_number(b->env, id), make_number(b->env, error)};
  emit(b, ICMP_ANSWERED, 2, values);
  napi_close_handle_scope(b->env, scope);
}

static const struct host_events events_of_js = {
    .udp_received = on_udp_received,
    .udp_send_failed = on_udp_send_failed,
    .esp_first_inbound = on_first_inbound,
    .esp_unknown_spi = on_unknown_spi,
    .esp_too_big = on_too_big,
    .tun_failed = on_tun_failed,
    .netlink_received = on_netlink,
    .tcp_connected = on_tcp_connected,
    .icmp_answered = on_icmp_answered,
};

/* ---- the thread and its life ---- */

/* Waits until `fd` is readable; false when the thread shall end. */
static bool wait_for(const struct binding *b, int fd) {
  struct pollfd fds[2] = {{.fd = b->stop_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
  while (poll(fds, 2, -1) < 0)
    if (errno != EINTR) return false;
  return fds[0].revents == 0;
}

static void *wait_thread(void *argument) {
  struct binding *b = argument;
  uint64_t count;
  while (wait_for(b, b->host.loop.epfd)) {
    if (napi_call_threadsafe_function(b->wake, NULL, napi_tsfn_nonblocking) != napi_ok) break;
    if (!wait_for(b, b->rearm_fd)) break;
    if (read(b->rearm_fd, &count, sizeof count) < 0) break;
  }
  return NULL;
}

static void settle(struct binding *b) {
  bool wanted = b->open && b->host.loop.used > 0;
  if (wanted == b->referenced) return;
  b->referenced = wanted;
  if (wanted) napi_ref_threadsafe_function(b->env, b->wake);
  else napi_unref_threadsafe_function(b->env, b->wake);
}

static void notify(int fd) {
  uint64_t one = 1;
  while (write(fd, &one, sizeof one) < 0 && errno == EINTR) continue;
}

static void on_env_end(void *argument);

static void do_close(struct binding *b) {
  if (!b->open) return;
  notify(b->stop_fd);
  pthread_join(b->thread, NULL); /* it waits in poll only */
  host_free(&b->host);
  settle(b);
  b->open = false;
  close(b->stop_fd);
  close(b->rearm_fd);
  for (int i = 0; i < EVENTS; i++) napi_delete_reference(b->env, b->events[i]);
  napi_delete_reference(b->env, b->set_immediate);
  napi_delete_reference(b->env, b->rearm);
  napi_remove_env_cleanup_hook(b->env, on_env_end, b);
  napi_release_threadsafe_function(b->wake, napi_tsfn_abort);
}

static void on_env_end(void *argument) { do_close(argument); }

static void on_external_gone(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  do_close(data);
  let_go(data);
}

static void on_wake_gone(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  let_go(data);
}

static void on_wake(napi_env env, napi_value callback, void *context, void *data) {
  struct binding *b = context;
  (void)callback;
  (void)data;
  if (env == NULL || !b->open) return;
  b->turning = true;
  loop_turn(&b->host.loop);
  b->turning = false;
  if (b->close_wanted) {
    do_close(b);
    return;
  }
  settle(b);
  napi_value set_immediate = NULL;
  napi_value rearm = NULL;
  if (napi_get_reference_value(env, b->set_immediate, &set_immediate) != napi_ok || napi_get_reference_value(env, b->rearm, &rearm) != napi_ok ||
      napi_call_function(env, make_undefined(env), set_immediate, 1, &rearm, NULL) != napi_ok)
    notify(b->rearm_fd);
}

/* Called by setImmediate, perhaps after the close; the function itself is one of the holders. */
static napi_value on_rearm(napi_env env, napi_callback_info info) {
  void *data = NULL;
  napi_get_cb_info(env, info, NULL, NULL, NULL, &data);
  struct binding *b = data;
  if (b->open) notify(b->rearm_fd);
  return NULL;
}

static void on_rearm_gone(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  let_go(data);
}

/* The function that lets the thread go, and setImmediate to call it with; false when there is none. */
static bool make_rearm(struct binding *b) {
  napi_value global = NULL;
  napi_value set_immediate = NULL;
  napi_value rearm = NULL;
  napi_valuetype type = napi_undefined;
  if (napi_get_global(b->env, &global) != napi_ok || napi_get_named_property(b->env, global, "setImmediate", &set_immediate) != napi_ok) return false;
  if (napi_typeof(b->env, set_immediate, &type) != napi_ok || type != napi_function) return false;
  if (napi_create_function(b->env, "rearm", NAPI_AUTO_LENGTH, on_rearm, b, &rearm) != napi_ok) return false;
  if (napi_add_finalizer(b->env, rearm, b, on_rearm_gone, NULL, NULL) != napi_ok) return false;
  b->holders++;
  return napi_create_reference(b->env, set_immediate, 1, &b->set_immediate) == napi_ok && napi_create_reference(b->env, rearm, 1, &b->rearm) == napi_ok;
}

static bool take_events(struct binding *b, struct args *args) {
  for (int i = 0; i < EVENTS; i++) {
    napi_value function = NULL;
    napi_valuetype type = napi_undefined;
    if (args->count > 0) napi_get_named_property(args->env, args->values[0], event_names[i], &function);
    if (function != NULL) napi_typeof(args->env, function, &type);
    if (type != napi_function || napi_create_reference(args->env, function, 1, &b->events[i]) != napi_ok) {
      args_fail(args, event_names[i]);
      return false;
    }
  }
  return true;
}

napi_value binding_open(napi_env env, napi_callback_info info) {
  struct args args;
  napi_value external = NULL;
  args_read(&args, env, info);
  struct binding *b = calloc(1, sizeof *b);
  if (b == NULL) {
    napi_throw_error(env, NULL, "no memory");
    return NULL;
  }
  b->env = env;
  if (!take_events(b, &args)) {
    free(b); /* references of an interrupted open go with the process: a bug of ours, never input */
    return NULL;
  }
  const char *missing = host_init(&b->host, &events_of_js, b);
  if (missing != NULL) {
    napi_throw_error(env, NULL, missing);
    free(b);
    return NULL;
  }
  b->stop_fd = eventfd(0, EFD_CLOEXEC);
  b->rearm_fd = eventfd(0, EFD_CLOEXEC);
  if (b->stop_fd < 0 || b->rearm_fd < 0 ||
      napi_create_threadsafe_function(env, NULL, NULL, make_string(env, "mobiked"), 0, 1, b, on_wake_gone, b, on_wake, &b->wake) != napi_ok) {
    napi_throw_error(env, NULL, "cannot make the wake-up");
    host_free(&b->host);
    free(b);
    return NULL;
  }
  b->holders = 2;
  b->open = true;
  napi_unref_threadsafe_function(env, b->wake);
  if (!make_rearm(b) || pthread_create(&b->thread, NULL, wait_thread, b) != 0) {
    napi_fatal_error("mobiked", NAPI_AUTO_LENGTH, "cannot start the wait thread", NAPI_AUTO_LENGTH);
  }
  napi_add_env_cleanup_hook(env, on_env_end, b);
  napi_create_external(env, b, on_external_gone, NULL, &external);
  return external;
}

static struct binding *binding_of(struct args *args) {
  void *data = NULL;
  napi_valuetype type = napi_undefined;
  if (args->count > 0) napi_typeof(args->env, args->values[0], &type);
  if (type == napi_external) napi_get_value_external(args->env, args->values[0], &data);
  if (data == NULL) args_fail(args, "a host is expected");
  return data;
}

napi_value binding_close(napi_env env, napi_callback_info info) {
  struct args args;
  args_read(&args, env, info);
  struct binding *b = binding_of(&args);
  if (b == NULL) return NULL;
  if (b->turning) { /* the loop is above us on the stack: it ends first */
    b->close_wanted = true;
    b->host.loop.stopped = true;
    host_tun_close(&b->host);
    udp_close_all(&b->host.udp);
  } else {
    do_close(b);
  }
  return NULL;
}

struct host *binding_host(struct args *args, napi_env env, napi_callback_info info) {
  args_read(args, env, info);
  struct binding *b = binding_of(args);
  if (b == NULL) return NULL;
  if (b->open && !b->close_wanted) return &b->host;
  napi_throw_error(env, NULL, "the host is closed");
  return NULL;
}

void binding_settle(struct args *args) {
  struct binding *b = binding_of(args);
  if (b != NULL && b->open) settle(b);
}
