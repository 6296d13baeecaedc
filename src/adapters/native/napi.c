/* The functions JavaScript sees; src/adapters/node/native.ts describes each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "napi-host.h"
#include "napi-x509.h"

/* Of the interface in native.ts. */
#define ABI 13
#define SELECTOR_ROW 40

#define ENTER                                      \
  struct args args;                                \
  struct host *host = binding_host(&args, env, info); \
  if (host == NULL) return NULL

static napi_value settled(struct args *args, double value) {
  binding_settle(args);
  return make_number(args->env, value);
}

static napi_value udp_open_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t port = args_u32(&args, 1);
  uint32_t family = args_u32(&args, 2);
  uint32_t mark = args_u32(&args, 3);
  if (args.bad) return NULL;
  if (port == OUTER_PLAIN || port > 65535 || (family != 4 && family != 6)) return make_number(env, EINVAL);
  return settled(&args, udp_open(&host->udp, (uint16_t)port, family, mark));
}

static napi_value udp_close_call(napi_env env, napi_callback_info info) {
  ENTER;
  udp_close_all(&host->udp);
  return settled(&args, 0);
}

static napi_value udp_send_call(napi_env env, napi_callback_info info) {
  ENTER;
  struct outer outer = args_outer(&args, 1);
  struct bytes bytes = args_bytes(&args, 6);
  uint32_t traffic_class = args_u32(&args, 7);
  uint32_t whole = args_u32(&args, 8);
  return args.bad ? NULL : make_number(env, udp_send(&host->udp, &outer, bytes.at, bytes.length, (uint8_t)traffic_class, whole != 0));
}

static napi_value tun_open_call(napi_env env, napi_callback_info info) {
  ENTER;
  char name[64];
  size_t length = 0;
  uint32_t mtu = args_u32(&args, 2);
  if (args.bad || napi_get_value_string_utf8(env, args.values[1], name, sizeof name, &length) != napi_ok) {
    args_fail(&args, "a name is expected");
    return NULL;
  }
  return settled(&args, host_tun_open(host, name, mtu));
}

static napi_value tun_close_call(napi_env env, napi_callback_info info) {
  ENTER;
  host_tun_remove(host);
  return settled(&args, 0);
}

static uint16_t row16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

/* Rows of 40 octets: address octets, protocol, start port, end port, two zeros, start, end. */
static bool read_selectors(struct selectors *to, struct bytes from) {
  to->count = from.length / SELECTOR_ROW;
  to->rows = calloc(to->count + 1, sizeof *to->rows);
  if (to->rows == NULL || from.length % SELECTOR_ROW != 0) return false;
  for (size_t i = 0; i < to->count; i++) {
    const uint8_t *row = from.at + i * SELECTOR_ROW;
    struct selector *made = &to->rows[i];
    made->width = row[0];
    made->protocol = row[1];
    made->start_port = row16(row + 2);
    made->end_port = row16(row + 4);
    memcpy(made->start, row + 8, 16);
    memcpy(made->end, row + 24, 16);
    if (made->width != 4 && made->width != 16) return false;
  }
  return true;
}

static napi_value sa_add_call(napi_env env, napi_callback_info info) {
  ENTER;
  struct esp_sa_spec spec;
  memset(&spec, 0, sizeof spec);
  spec.handle = args_u32(&args, 1);
  spec.bundle = args_u32(&args, 2);
  spec.child = args_u32(&args, 3);
  spec.outbound = args_bool(&args, 4);
  spec.spi = args_u32(&args, 5);
  uint32_t cipher = args_u32(&args, 6);
  struct bytes key = args_bytes(&args, 7);
  struct bytes mac_key = args_bytes(&args, 8);
  spec.esn = args_bool(&args, 9);
  spec.copy_dscp = args_bool(&args, 10);
  spec.copy_df = args_bool(&args, 11);
  struct bytes local = args_bytes(&args, 12);
  struct bytes remote = args_bytes(&args, 13);
  if (args.bad) return NULL;
  if (cipher > PROTECT_AES_CBC) return make_number(env, EINVAL);
  spec.keys.cipher = (enum protect_cipher)cipher;
  spec.keys.key = key.at;
  spec.keys.key_length = key.length;
  spec.keys.mac_key = mac_key.at;
  spec.keys.mac_length = mac_key.length;
  bool readable = read_selectors(&spec.local, local) & read_selectors(&spec.remote, remote);
  int error = readable ? host_sa_add(host, &spec) : EINVAL;
  free(spec.local.rows);
  free(spec.remote.rows);
  return settled(&args, error);
}

static napi_value sa_use_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t handle = args_u32(&args, 1);
  return args.bad ? NULL : make_number(env, esp_use(&host->esp, handle));
}

static napi_value sa_remove_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t handle = args_u32(&args, 1);
  return args.bad ? NULL : make_number(env, esp_remove(&host->esp, handle));
}

static napi_value esp_open_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t family = args_u32(&args, 1);
  uint32_t mark = args_u32(&args, 2);
  if (args.bad) return NULL;
  if (family != 4 && family != 6) return make_number(env, EINVAL);
  return settled(&args, udp_open(&host->udp, OUTER_PLAIN, family, mark));
}

static napi_value path_set_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t bundle = args_u32(&args, 1);
  struct outer outer = args_outer(&args, 2);
  uint32_t mtu = args_u32(&args, 7);
  return args.bad ? NULL : make_number(env, esp_set_path(&host->esp, bundle, &outer, mtu));
}

static napi_value path_clear_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t bundle = args_u32(&args, 1);
  uint32_t mtu = args_u32(&args, 2);
  return args.bad ? NULL : make_number(env, esp_set_path(&host->esp, bundle, NULL, mtu));
}

static napi_value bound_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t bundle = args_u32(&args, 1);
  bool bounded = args_bool(&args, 2);
  return args.bad ? NULL : make_number(env, esp_bound(&host->esp, bundle, bounded));
}

static napi_value dummy_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t bundle = args_u32(&args, 1);
  if (!args.bad) host_dummy(host, bundle);
  return NULL;
}

static napi_value inject_call(napi_env env, napi_callback_info info) {
  ENTER;
  struct bytes packet = args_bytes(&args, 1);
  if (!args.bad) host_inject(host, packet.at, packet.length);
  return NULL;
}

static napi_value skip_to_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t handle = args_u32(&args, 1);
  double sequence = args_number(&args, 2);
  if (args.bad) return NULL;
  if (!(sequence >= 0 && sequence < 18446744073709551616.0)) return make_number(env, EINVAL);
  return make_number(env, esp_skip_to(&host->esp, handle, (uint64_t)sequence));
}

static napi_value make_instant(napi_env env, double at) { return at < 0 ? make_undefined(env) : make_number(env, at); }

static napi_value make_bundle(napi_env env, const struct esp_bundle *bundle) {
  napi_value made = NULL;
  napi_value inbound = NULL;
  napi_create_object(env, &made);
  napi_create_array(env, &inbound);
  set_number(env, made, "bundle", bundle->id);
  set_number(env, made, "sent", (double)bundle->sent);
  set_value(env, made, "lastSent", make_instant(env, bundle->last_sent));
  set_value(env, made, "lastAny", make_instant(env, bundle->last_any));
  for (int i = 0; i < bundle->inbound_count; i++) {
    napi_value path = NULL;
    napi_create_object(env, &path);
    set_outer(env, path, &bundle->inbound[i].outer);
    set_number(env, path, "packets", (double)bundle->inbound[i].packets);
    set_number(env, path, "last", bundle->inbound[i].last);
    set_value(env, path, "ahead", make_instant(env, bundle->inbound[i].ahead));
    napi_set_element(env, inbound, (uint32_t)i, path);
  }
  set_value(env, made, "inbound", inbound);
  return made;
}

static napi_value poll_call(napi_env env, napi_callback_info info) {
  ENTER;
  napi_value report = NULL;
  napi_value sas = NULL;
  napi_value bundles = NULL;
  napi_value drops = NULL;
  uint32_t at = 0;
  napi_create_object(env, &report);
  napi_create_array(env, &sas);
  napi_create_array(env, &bundles);
  napi_create_object(env, &drops);
  for (const struct esp_sa *sa = host->esp.sas; sa != NULL; sa = sa->next) {
    napi_value made = NULL;
    napi_create_object(env, &made);
    set_number(env, made, "handle", sa->handle);
    set_number(env, made, "packets", (double)sa->packets);
    set_number(env, made, "bytes", (double)sa->bytes);
    set_number(env, made, "sequence", (double)sa->sequence);
    napi_set_element(env, sas, at++, made);
  }
  at = 0;
  for (const struct esp_bundle *bundle = host->esp.bundles; bundle != NULL; bundle = bundle->next)
    napi_set_element(env, bundles, at++, make_bundle(env, bundle));
  for (int i = 0; i < DROP_COUNT; i++)
    if (host->esp.drops[i] > 0) set_number(env, drops, esp_drop_names[i], (double)host->esp.drops[i]);
  set_value(env, report, "sas", sas);
  set_value(env, report, "bundles", bundles);
  set_value(env, report, "drops", drops);
  return report;
}

static napi_value encapsulate_call(napi_env env, napi_callback_info info) {
  ENTER;
  struct bytes inner = args_bytes(&args, 1);
  struct esp_datagram datagram;
  if (args.bad || inner.length > UDP_ROOM - ESP_HEAD - ESP_TAIL) return NULL;
  uint8_t *room = udp_tx_buffer(&host->udp);
  if (inner.length > 0) memcpy(room + ESP_HEAD, inner.at, inner.length);
  esp_tick(&host->esp);
  const struct esp_bundle *bundle = esp_seal(&host->esp, room, inner.length, &datagram);
  if (bundle == NULL) return NULL;
  napi_value made = NULL;
  napi_create_object(env, &made);
  set_outer(env, made, &bundle->path.outer);
  set_number(env, made, "trafficClass", datagram.header.traffic_class);
  set_number(env, made, "dontFragment", datagram.header.dont_fragment);
  set_value(env, made, "bytes", make_bytes(env, datagram.at, datagram.length));
  return made;
}

static napi_value decapsulate_call(napi_env env, napi_callback_info info) {
  ENTER;
  struct outer outer = args_outer(&args, 1);
  uint32_t traffic_class = args_u32(&args, 6);
  struct bytes bytes = args_bytes(&args, 7);
  size_t length = 0;
  bool is_ike = false;
  if (args.bad || traffic_class > 255 || bytes.length > UDP_ROOM) return NULL;
  uint8_t *room = udp_tx_buffer(&host->udp);
  if (bytes.length > 0) memcpy(room, bytes.at, bytes.length);
  esp_tick(&host->esp);
  const uint8_t *inner = host_sort(host, &outer, (uint8_t)traffic_class, room, bytes.length, &length, &is_ike);
  napi_value made = inner == NULL ? NULL : make_bytes(env, inner, length);
  host_tell(host, &outer);
  return made;
}

static napi_value take_held_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint8_t *inner = NULL;
  size_t length = 0;
  esp_tick(&host->esp);
  napi_value made = NULL;
  while (made == NULL && esp_take_held(&host->esp, &inner, &length)) {
    if (inner != NULL) made = make_bytes(env, inner, length);
    host_tell(host, NULL);
  }
  return made;
}

static napi_value too_big_call(napi_env env, napi_callback_info info) {
  ENTER;
  struct outer outer = args_outer(&args, 1);
  uint32_t mtu = args_u32(&args, 6);
  struct bytes quote = args_bytes(&args, 7);
  if (args.bad) return NULL;
  esp_tick(&host->esp);
  const struct esp_bundle *bundle = esp_too_big(&host->esp, &outer, mtu, quote.at, quote.length);
  return bundle == NULL ? NULL : make_number(env, bundle->id);
}

static napi_value take_reply_call(napi_env env, napi_callback_info info) {
  ENTER;
  size_t length = host->esp.reply_length;
  host->esp.reply_length = 0;
  return length == 0 ? NULL : make_bytes(env, host->esp.reply, length);
}

static napi_value netlink_open_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t protocol = args_u32(&args, 1);
  struct bytes groups = args_bytes(&args, 2);
  if (args.bad) return NULL;
  return settled(&args, netlink_open(&host->netlink, (int)protocol, (const uint32_t *)(void *)groups.at, groups.length / 4));
}

static napi_value netlink_send_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t id = args_u32(&args, 1);
  struct bytes bytes = args_bytes(&args, 2);
  return args.bad ? NULL : make_number(env, netlink_send(&host->netlink, id, bytes.at, bytes.length));
}

static napi_value netlink_port_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t id = args_u32(&args, 1);
  return args.bad ? NULL : make_number(env, netlink_port_id(&host->netlink, id));
}

static napi_value netlink_close_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t id = args_u32(&args, 1);
  if (args.bad) return NULL;
  netlink_close(&host->netlink, id);
  return settled(&args, 0);
}

static napi_value tcp_connect_call(napi_env env, napi_callback_info info) {
  ENTER;
  struct bytes address = args_bytes(&args, 1);
  uint32_t port = args_u32(&args, 2);
  struct bytes local = args_bytes(&args, 6);
  struct tcp_target target = {
      .address = address.at,
      .address_length = address.length,
      .port = (uint16_t)port,
      .ifindex = args_u32(&args, 3),
      .mark = args_u32(&args, 4),
      .user_timeout_ms = args_u32(&args, 5),
      .local = local.at,
      .local_length = local.length,
  };
  if (args.bad) return NULL;
  if ((address.length != 4 && address.length != 16) || (local.length != 0 && local.length != address.length) || port > 65535) return make_number(env, -EINVAL);
  return settled(&args, tcp_connect(&host->tcp, &target));
}

static napi_value tcp_cancel_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t id = args_u32(&args, 1);
  if (args.bad) return NULL;
  tcp_cancel(&host->tcp, id);
  return settled(&args, 0);
}

static napi_value icmp_echo_call(napi_env env, napi_callback_info info) {
  ENTER;
  struct bytes remote = args_bytes(&args, 1);
  struct bytes local = args_bytes(&args, 2);
  struct bytes token = args_bytes(&args, 5);
  struct icmp_target target = {
      .remote = remote.at,
      .local = local.at,
      .address_length = remote.length,
      .ifindex = args_u32(&args, 3),
      .mark = args_u32(&args, 4),
      .token = token.at,
  };
  if (args.bad) return NULL;
  if ((remote.length != 4 && remote.length != 16) || local.length != remote.length || token.length != ICMP_TOKEN) return make_number(env, -EINVAL);
  return settled(&args, icmp_send(&host->icmp, &target));
}

static napi_value icmp_cancel_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t id = args_u32(&args, 1);
  if (args.bad) return NULL;
  icmp_cancel(&host->icmp, id);
  return settled(&args, 0);
}

/* For tests: whether octets of a raw socket are the reply to an echo request. */
static napi_value icmp_is_reply_call(napi_env env, napi_callback_info info) {
  ENTER;
  struct bytes packet = args_bytes(&args, 1);
  bool six = args_bool(&args, 2);
  struct bytes token = args_bytes(&args, 3);
  napi_value answer = NULL;
  if (args.bad || token.length != ICMP_TOKEN) return NULL;
  (void)host;
  napi_get_boolean(env, icmp_is_reply(packet.at, packet.length, six, token.at), &answer);
  return answer;
}

/* A UDP socket for somebody else's loop: device, mark and perhaps our address are all it has. */
static napi_value udp_socket_call(napi_env env, napi_callback_info info) {
  ENTER;
  uint32_t family = args_u32(&args, 1);
  uint32_t ifindex = args_u32(&args, 2);
  uint32_t mark = args_u32(&args, 3);
  struct bytes local = args_bytes(&args, 4);
  if (args.bad) return NULL;
  (void)host;
  if (local.length != 0 && local.length != (family == 6 ? 16 : 4)) return make_number(env, -EINVAL);
  int fd = socket_bound(family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0, ifindex, mark);
  int error = fd < 0 ? 0 : socket_bind(fd, local.at, local.length);
  if (error == 0) return make_number(env, fd);
  close(fd);
  return make_number(env, -error);
}

/* syslog(severity, text): the C library's way to logd, under the daemon facility. */
static napi_value syslog_call(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value values[2];
  int32_t severity = LOG_INFO;
  char text[1024];
  size_t length = 0;
  static int opened = 0;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 2 || napi_get_value_int32(env, values[0], &severity) != napi_ok ||
      napi_get_value_string_utf8(env, values[1], text, sizeof text, &length) != napi_ok) {
    napi_throw_type_error(env, NULL, "syslog takes a severity and a text");
    return NULL;
  }
  if (!opened) openlog("mobiked", LOG_PID, LOG_DAEMON);
  opened = 1;
  syslog(severity & LOG_PRIMASK, "%s", text);
  return NULL;
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback call;
  } calls[] = {
      {"open", binding_open},
      {"close", binding_close},
      {"udpOpen", udp_open_call},
      {"udpClose", udp_close_call},
      {"udpSend", udp_send_call},
      {"syslog", syslog_call},
      {"udpSocket", udp_socket_call},
      {"tunOpen", tun_open_call},
      {"tunClose", tun_close_call},
      {"espSaAdd", sa_add_call},
      {"espSaUse", sa_use_call},
      {"espSaRemove", sa_remove_call},
      {"espOpen", esp_open_call},
      {"espPathSet", path_set_call},
      {"espPathClear", path_clear_call},
      {"espBound", bound_call},
      {"espDummy", dummy_call},
      {"espInject", inject_call},
      {"espPoll", poll_call},
      {"espSkipTo", skip_to_call},
      {"espEncapsulate", encapsulate_call},
      {"espDecapsulate", decapsulate_call},
      {"espTakeHeld", take_held_call},
      {"espTooBig", too_big_call},
      {"espTakeReply", take_reply_call},
      {"netlinkOpen", netlink_open_call},
      {"netlinkSend", netlink_send_call},
      {"netlinkPortId", netlink_port_call},
      {"netlinkClose", netlink_close_call},
      {"tcpConnect", tcp_connect_call},
      {"tcpCancel", tcp_cancel_call},
      {"icmpEcho", icmp_echo_call},
      {"icmpCancel", icmp_cancel_call},
      {"icmpIsReply", icmp_is_reply_call},
      {"x509Missing", binding_x509_missing},
      {"x509Read", binding_x509_read},
      {"x509ReadCrl", binding_x509_read_crl},
      {"x509VerifyChain", binding_x509_verify_chain},
  };
  napi_value causes = NULL;
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
    napi_value function = NULL;
    napi_create_function(env, calls[i].name, NAPI_AUTO_LENGTH, calls[i].call, NULL, &function);
    set_value(env, exports, calls[i].name, function);
  }
  napi_create_array(env, &causes);
  for (uint32_t i = 0; i < DROP_COUNT; i++) napi_set_element(env, causes, i, make_string(env, esp_drop_names[i]));
  set_value(env, exports, "dropCauses", causes);
  set_number(env, exports, "abi", ABI);
  return exports;
}
