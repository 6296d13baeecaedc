#include "netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* Bursts of link events (a modem coming up, 100 routes) fit without ENOBUFS. */
#define SOCKET_BUFFER (1 << 20)

void netlink_init(struct netlink *netlink, struct loop *loop) {
  memset(netlink, 0, sizeof *netlink);
  netlink->loop = loop;
}

static struct netlink_socket *find(struct netlink *netlink, uint32_t id) {
  for (int i = 0; i < NETLINK_SOCKETS && id != 0; i++)
    if (netlink->sockets[i].id == id) return &netlink->sockets[i];
  return NULL;
}

static void on_readable(void *ctx, uint32_t events) {
  struct netlink_socket *socket = ctx;
  struct netlink *netlink = socket->netlink;
  uint32_t id = socket->id;
  (void)events;
  while (netlink->loop->budget > 0 && !netlink->loop->stopped && socket->id == id) {
    struct sockaddr_nl from;
    memset(&from, 0, sizeof from);
    struct iovec part = {.iov_base = netlink->room, .iov_len = sizeof netlink->room};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1};
    ssize_t length = recvmsg(socket->fd, &message, MSG_DONTWAIT);
    netlink->loop->budget--;
    if (length < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (errno == EINTR) continue;
      netlink->received(netlink->ctx, id, errno, NULL, 0);
      return;
    }
    if (from.nl_pid != 0) continue; /* not from the kernel */
    if ((message.msg_flags & MSG_TRUNC) != 0) netlink->received(netlink->ctx, id, ENOBUFS, NULL, 0);
    else netlink->received(netlink->ctx, id, 0, netlink->room, (size_t)length);
  }
}

static int prepare(struct netlink_socket *s, const uint32_t *groups, size_t count) {
  int size = SOCKET_BUFFER;
  struct sockaddr_nl name;
  socklen_t length = sizeof name;
  memset(&name, 0, sizeof name);
  name.nl_family = AF_NETLINK;
  if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
    setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (bind(s->fd, (struct sockaddr *)&name, sizeof name) < 0) return errno;
  if (getsockname(s->fd, (struct sockaddr *)&name, &length) < 0) return errno;
  s->port_id = name.nl_pid;
  for (size_t i = 0; i < count; i++)
    if (setsockopt(s->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]) < 0) return errno;
  return loop_watch(s->netlink->loop, s->fd, EPOLLIN, on_readable, s, &s->ref);
}

int netlink_open(struct netlink *netlink, int protocol, const uint32_t *groups, size_t count) {
  for (int i = 0; i < NETLINK_SOCKETS; i++) {
    struct netlink_socket *s = &netlink->sockets[i];
    if (s->id != 0) continue;
    s->netlink = netlink;
    s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    if (s->fd < 0) return -errno;
    int error = prepare(s, groups, count);
    if (error != 0) {
      close(s->fd);
      return -error;
    }
    netlink->last_id = netlink->last_id == INT32_MAX ? 1 : netlink->last_id + 1;
    s->id = netlink->last_id;
    return (int)s->id;
  }
  return -EMFILE;
}

int netlink_send(struct netlink *netlink, uint32_t id, const uint8_t *bytes, size_t length) {
  struct netlink_socket *s = find(netlink, id);
  struct sockaddr_nl kernel;
  memset(&kernel, 0, sizeof kernel);
  kernel.nl_family = AF_NETLINK;
  if (s == NULL) return EBADF;
  return sendto(s->fd, bytes, length, MSG_DONTWAIT, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? errno : 0;
}

uint32_t netlink_port_id(const struct netlink *netlink, uint32_t id) {
  const struct netlink_socket *s = find((struct netlink *)netlink, id);
  return s == NULL ? 0 : s->port_id;
}

void netlink_close(struct netlink *netlink, uint32_t id) {
  struct netlink_socket *s = find(netlink, id);
  if (s == NULL) return;
  loop_close(netlink->loop, &s->ref);
  s->id = 0;
}

void netlink_close_all(struct netlink *netlink) {
  for (int i = 0; i < NETLINK_SOCKETS; i++)
    if (netlink->sockets[i].id != 0) netlink_close(netlink, netlink->sockets[i].id);
}
