#include "icmp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"

/*
 *     +------+------+----------+------------+-----------------+----------------+
 *     | type | code | checksum | identifier | sequence number | data, 16 octets|
 *     +------+------+----------+------------+-----------------+----------------+
 */
#define HEADER 4
#define MESSAGE (HEADER + ICMP_TOKEN)
#define ECHO_REPLY 0
#define ECHO_REQUEST 8
#define ECHO_REQUEST_6 128
#define ECHO_REPLY_6 129
/* linux/icmp.h and linux/icmpv6.h, which musl has not: filters of raw sockets, a bit for each type that is not wanted. */
#define SOL_RAW_SOCKET 255
#define ICMP_FILTER_OPTION 1
#define SOL_ICMPV6_SOCKET 58
#define ICMP6_FILTER_OPTION 1
/* Packets looked at in one event; the rest waits for the next turn. */
#define MOST_LOOKS 16
/* The longest IPv4 header in front. */
#define ROOM (60 + MESSAGE)

void icmp_init(struct icmp *icmp, struct loop *loop) {
  memset(icmp, 0, sizeof *icmp);
  icmp->loop = loop;
}

bool icmp_is_reply(const uint8_t *bytes, size_t length, bool six, const uint8_t *token) {
  size_t header = 0;
  if (!six) {
    if (length < 20 || bytes[0] >> 4 != 4) return false;
    header = (size_t)(bytes[0] & 15) * 4;
    if (header < 20 || header > length) return false;
  }
  if (length - header != MESSAGE) return false;
  const uint8_t *message = bytes + header;
  if (message[0] != (six ? ECHO_REPLY_6 : ECHO_REPLY) || message[1] != 0) return false;
  return memcmp(message + HEADER, token, ICMP_TOKEN) == 0;
}

static void finish(struct icmp_echo *echo, int error) {
  struct icmp *icmp = echo->icmp;
  uint32_t id = echo->id;
  loop_close(icmp->loop, &echo->ref);
  echo->id = 0;
  icmp->answered(icmp->ctx, id, error);
}

static void on_ready(void *ctx, uint32_t events) {
  struct icmp_echo *echo = ctx;
  struct loop *loop = echo->icmp->loop;
  uint8_t bytes[ROOM];
  (void)events;
  for (int looks = 0; looks < MOST_LOOKS; looks++) {
    /* MSG_TRUNC: the whole length, so that a longer packet is not taken for ours. */
    ssize_t length = recv(echo->fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC);
    loop->budget--;
    if (length < 0) {
      if (errno != EAGAIN && errno != EINTR) finish(echo, errno);
      return;
    }
    if ((size_t)length > sizeof bytes || !icmp_is_reply(bytes, (size_t)length, echo->six, echo->token)) continue;
    finish(echo, 0);
    return;
  }
}

static uint16_t checksum(const uint8_t *bytes, size_t length) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < length; i += 2) sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)~sum;
}

static int send_echo(int fd, bool six, const struct icmp_target *target) {
  uint8_t message[MESSAGE];
  memset(message, 0, sizeof message);
  message[0] = six ? ECHO_REQUEST_6 : ECHO_REQUEST;
  memcpy(message + HEADER, target->token, ICMP_TOKEN);
  if (!six) { /* in IPv6 the kernel writes it, which knows the pseudo-header */
    uint16_t sum = checksum(message, sizeof message);
    message[2] = (uint8_t)(sum >> 8);
    message[3] = (uint8_t)sum;
  }
  return send(fd, message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

static int start(int fd, bool six, const struct icmp_target *target) {
  if (six) {
    uint32_t unwanted[8];
    memset(unwanted, 0xff, sizeof unwanted);
    unwanted[ECHO_REPLY_6 / 32] &= ~(1u << ECHO_REPLY_6 % 32);
    if (setsockopt(fd, SOL_ICMPV6_SOCKET, ICMP6_FILTER_OPTION, unwanted, sizeof unwanted) < 0) return errno;
  } else {
    uint32_t unwanted = ~(1u << ECHO_REPLY);
    if (setsockopt(fd, SOL_RAW_SOCKET, ICMP_FILTER_OPTION, &unwanted, sizeof unwanted) < 0) return errno;
  }
  int error = socket_bind(fd, target->local, target->address_length);
  if (error == 0) error = socket_connect(fd, target->remote, target->address_length, 0);
  return error == 0 ? send_echo(fd, six, target) : error;
}

int icmp_send(struct icmp *icmp, const struct icmp_target *target) {
  bool six = target->address_length == 16;
  for (int i = 0; i < ICMP_ECHOES; i++) {
    struct icmp_echo *echo = &icmp->echoes[i];
    if (echo->id != 0) continue;
    int fd = socket_bound(six ? AF_INET6 : AF_INET, SOCK_RAW, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP, target->ifindex, target->mark);
    if (fd < 0) return fd;
    int error = start(fd, six, target);
    if (error == 0) error = loop_watch(icmp->loop, fd, EPOLLIN, on_ready, echo, &echo->ref);
    if (error != 0) {
      close(fd);
      return -error;
    }
    echo->icmp = icmp;
    echo->six = six;
    echo->fd = fd;
    memcpy(echo->token, target->token, ICMP_TOKEN);
    icmp->last_id = icmp->last_id == INT32_MAX ? 1 : icmp->last_id + 1;
    echo->id = icmp->last_id;
    return (int)echo->id;
  }
  return -EMFILE;
}

void icmp_cancel(struct icmp *icmp, uint32_t id) {
  for (int i = 0; i < ICMP_ECHOES && id != 0; i++) {
    if (icmp->echoes[i].id != id) continue;
    loop_close(icmp->loop, &icmp->echoes[i].ref);
    icmp->echoes[i].id = 0;
  }
}

void icmp_close_all(struct icmp *icmp) {
  for (int i = 0; i < ICMP_ECHOES; i++)
    if (icmp->echoes[i].id != 0) icmp_cancel(icmp, icmp->echoes[i].id);
}
