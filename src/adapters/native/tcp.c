#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void tcp_init(struct tcp *tcp, struct loop *loop) {
  memset(tcp, 0, sizeof *tcp);
  tcp->loop = loop;
}

static void on_ready(void *ctx, uint32_t events) {
  struct tcp_attempt *attempt = ctx;
  struct tcp *tcp = attempt->tcp;
  uint32_t id = attempt->id;
  (void)events;
  int fd = loop_release(tcp->loop, &attempt->ref);
  int error = 0;
  socklen_t length = sizeof error;
  tcp->loop->budget--;
  attempt->id = 0;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) error = errno;
  if (error != 0) {
    close(fd);
    fd = -1;
  }
  tcp->connected(tcp->ctx, id, fd, error);
}

/* Binds to the device by index where the kernel can (5.0), else by name; 0 or an errno. */
static int bind_device(int fd, uint32_t ifindex) {
#ifdef SO_BINDTOIFINDEX
  int index = (int)ifindex;
  if (setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof index) == 0) return 0;
  if (errno != ENOPROTOOPT) return errno;
#endif
  char name[IF_NAMESIZE];
  memset(name, 0, sizeof name);
  if (if_indextoname(ifindex, name) == NULL) return errno;
  return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, sizeof name) < 0 ? errno : 0;
}

int socket_bound(int family, int type, int protocol, uint32_t ifindex, uint32_t mark) {
  int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (fd < 0) return -errno;
  int error = 0;
  if (mark != 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0) error = errno;
  if (error == 0 && ifindex != 0) error = bind_device(fd, ifindex);
  if (error == 0) return fd;
  close(fd);
  return -error;
}

union name {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

static socklen_t name_of(union name *name, const uint8_t *address, size_t length, uint16_t port) {
  memset(name, 0, sizeof *name);
  if (length == 4) {
    name->v4.sin_family = AF_INET;
    name->v4.sin_port = htons(port);
    memcpy(&name->v4.sin_addr, address, 4);
    return sizeof name->v4;
  }
  name->v6.sin6_family = AF_INET6;
  name->v6.sin6_port = htons(port);
  memcpy(&name->v6.sin6_addr, address, 16);
  return sizeof name->v6;
}

int socket_bind(int fd, const uint8_t *address, size_t length) {
  union name name;
  if (length == 0) return 0;
  socklen_t size = name_of(&name, address, length, 0);
  return bind(fd, &name.any, size) < 0 ? errno : 0;
}

int socket_connect(int fd, const uint8_t *address, size_t length, uint16_t port) {
  union name name;
  socklen_t size = name_of(&name, address, length, port);
  return connect(fd, &name.any, size) < 0 && errno != EINPROGRESS ? errno : 0;
}

static int start(int fd, const struct tcp_target *target) {
  if (target->user_timeout_ms != 0) {
    unsigned timeout = target->user_timeout_ms;
    if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout) < 0) return errno;
  }
  int error = socket_bind(fd, target->local, target->local_length);
  return error == 0 ? socket_connect(fd, target->address, target->address_length, target->port) : error;
}

int tcp_connect(struct tcp *tcp, const struct tcp_target *target) {
  for (int i = 0; i < TCP_ATTEMPTS; i++) {
    struct tcp_attempt *attempt = &tcp->attempts[i];
    if (attempt->id != 0) continue;
    int fd = socket_bound(target->address_length == 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0, target->ifindex, target->mark);
    if (fd < 0) return fd;
    int error = start(fd, target);
    if (error == 0) error = loop_watch(tcp->loop, fd, EPOLLOUT, on_ready, attempt, &attempt->ref);
    if (error != 0) {
      close(fd);
      return -error;
    }
    attempt->tcp = tcp;
    tcp->last_id = tcp->last_id == INT32_MAX ? 1 : tcp->last_id + 1;
    attempt->id = tcp->last_id;
    return (int)attempt->id;
  }
  return -EMFILE;
}

void tcp_cancel(struct tcp *tcp, uint32_t id) {
  for (int i = 0; i < TCP_ATTEMPTS && id != 0; i++) {
    if (tcp->attempts[i].id != id) continue;
    loop_close(tcp->loop, &tcp->attempts[i].ref);
    tcp->attempts[i].id = 0;
  }
}

void tcp_close_all(struct tcp *tcp) {
  for (int i = 0; i < TCP_ATTEMPTS; i++)
    if (tcp->attempts[i].id != 0) tcp_cancel(tcp, tcp->attempts[i].id);
}
