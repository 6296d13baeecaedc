#include "udp.h"

#include <errno.h>
#include <time.h> /* errqueue.h wants it first */
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tcp.h"

/* Octets of kernel buffer asked for: 0.25 s at 4 MB/s, about 3,000 packets. */
#define SOCKET_BUFFER (1 << 20)
_Static_assert(CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)) <= UDP_CONTROL, "control octets fit");

/* recvmmsg calls per readable event; the rest waits for the next turn. */
#define ROUNDS 3
/* An error of an earlier datagram is taken by one try; another may come in between. */
#define SEND_TRIES 3

int udp_init(struct udp *udp, struct loop *loop) {
  memset(udp, 0, sizeof *udp);
  udp->loop = loop;
  for (int i = 0; i < UDP_SOCKETS; i++) {
    udp->sockets[i].udp = udp;
    udp->sockets[i].fd = -1;
  }
  udp->rx_room = malloc((size_t)UDP_RX_BATCH * UDP_ROOM);
  udp->tx_room = malloc((size_t)UDP_TX_BATCH * UDP_ROOM);
  return udp->rx_room == NULL || udp->tx_room == NULL ? ENOMEM : 0;
}

void udp_free(struct udp *udp) {
  udp_close_all(udp);
  free(udp->rx_room);
  free(udp->tx_room);
  udp->rx_room = udp->tx_room = NULL;
}

/* Fills `outer`; gives the traffic class. */
static uint8_t outer_from(struct outer *outer, const struct udp_socket *socket, const struct msghdr *message) {
  uint8_t traffic_class = 0;
  memset(outer, 0, sizeof *outer);
  outer->family = socket->family;
  outer->local_port = socket->port;
  if (socket->family == 4) {
    const struct sockaddr_in *name = message->msg_name;
    memcpy(outer->remote, &name->sin_addr, 4);
    outer->remote_port = ntohs(name->sin_port);
  } else {
    const struct sockaddr_in6 *name = message->msg_name;
    memcpy(outer->remote, &name->sin6_addr, 16);
    outer->remote_port = ntohs(name->sin6_port);
  }
  struct msghdr *walked = (struct msghdr *)message;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(walked); c != NULL; c = CMSG_NXTHDR(walked, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      outer->ifindex = (uint32_t)info.ipi_ifindex;
      memcpy(outer->local, &info.ipi_addr, 4);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      outer->ifindex = (uint32_t)info.ipi6_ifindex;
      memcpy(outer->local, &info.ipi6_addr, 16);
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
      traffic_class = *CMSG_DATA(c);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
      int value;
      memcpy(&value, CMSG_DATA(c), sizeof value);
      traffic_class = (uint8_t)value;
    }
  }
  return traffic_class;
}

/* Makes room for `most` datagrams. */
static void lay_out(struct udp *udp, int most) {
  for (int i = 0; i < most; i++) {
    udp->rx_parts[i] = (struct iovec){.iov_base = udp->rx_room + (size_t)i * UDP_ROOM, .iov_len = UDP_ROOM};
    memset(&udp->rx[i], 0, sizeof udp->rx[i]);
    struct msghdr *m = &udp->rx[i].msg_hdr;
    m->msg_name = &udp->rx_names[i];
    m->msg_namelen = sizeof udp->rx_names[i];
    m->msg_iov = &udp->rx_parts[i];
    m->msg_iovlen = 1;
    m->msg_control = udp->rx_control[i];
    m->msg_controllen = sizeof udp->rx_control[i];
  }
}

/* The MTU that an entry of the error queue tells of; 0: it is about something else. */
static uint32_t told_mtu(const struct msghdr *message) {
  struct msghdr *walked = (struct msghdr *)message;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(walked); c != NULL; c = CMSG_NXTHDR(walked, c)) {
    bool four = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
    if (!four && !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) continue;
    struct sock_extended_err error;
    memcpy(&error, CMSG_DATA(c), sizeof error);
    if (error.ee_origin == SO_EE_ORIGIN_ICMP && error.ee_type == ICMP_DEST_UNREACH && error.ee_code == ICMP_FRAG_NEEDED) return error.ee_info;
    if (error.ee_origin == SO_EE_ORIGIN_ICMP6 && error.ee_type == ICMP6_PACKET_TOO_BIG) return error.ee_info;
  }
  return 0;
}

/* Takes a batch of the error queue; what is behind it waits for the next turn. False when the socket is not ours any more. */
static bool take_errors(struct udp_socket *socket) {
  struct udp *udp = socket->udp;
  loop_ref mine = socket->ref;
  int most = udp->loop->budget < UDP_RX_BATCH ? udp->loop->budget : UDP_RX_BATCH;
  lay_out(udp, most);
  int count = recvmmsg(socket->fd, udp->rx, (unsigned)most, MSG_ERRQUEUE | MSG_DONTWAIT, NULL);
  udp->loop->budget -= count > 0 ? count : 1;
  for (int i = 0; i < count; i++) {
    struct outer outer;
    uint32_t mtu = told_mtu(&udp->rx[i].msg_hdr);
    if (mtu == 0 || udp->rx[i].msg_hdr.msg_namelen == 0) continue;
    outer_from(&outer, socket, &udp->rx[i].msg_hdr);
    udp->too_big(udp->ctx, &outer, mtu, udp->rx_parts[i].iov_base, udp->rx[i].msg_len);
    if (socket->ref != mine || udp->loop->stopped) return false;
  }
  if (count < most) { /* an error whose entry found no room would be told for ever */
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  }
  return true;
}

/* IPv4 gives raw sockets the header too. False when that is not whole. */
static bool behind_header(const struct udp_socket *socket, uint8_t **bytes, size_t *length) {
  if (socket->port != OUTER_PLAIN || socket->family != 4) return true;
  size_t header = *length == 0 ? 0 : (size_t)((*bytes)[0] & 15) * 4;
  if (header < sizeof(struct ip) || header > *length) return false;
  *bytes += header;
  *length -= header;
  return true;
}

static void on_readable(void *ctx, uint32_t events) {
  struct udp_socket *socket = ctx;
  struct udp *udp = socket->udp;
  loop_ref mine = socket->ref;
  if ((events & EPOLLERR) != 0 && !take_errors(socket)) return;
  if ((events & EPOLLIN) == 0) return;
  for (int round = 0; round < ROUNDS && udp->loop->budget > 0; round++) {
    int most = udp->loop->budget < UDP_RX_BATCH ? udp->loop->budget : UDP_RX_BATCH;
    lay_out(udp, most);
    int count = recvmmsg(socket->fd, udp->rx, (unsigned)most, MSG_DONTWAIT, NULL);
    if (count < 0) {
      /* A queued error was taken by this call; what is behind it comes with the next. It costs a packet of the budget. */
      udp->loop->budget--;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      continue;
    }
    udp->loop->budget -= count;
    for (int i = 0; i < count; i++) {
      struct outer outer;
      if ((udp->rx[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
      uint8_t traffic_class = outer_from(&outer, socket, &udp->rx[i].msg_hdr);
      uint8_t *bytes = udp->rx_parts[i].iov_base;
      size_t length = udp->rx[i].msg_len;
      if (!behind_header(socket, &bytes, &length)) continue;
      udp->received(udp->ctx, &outer, traffic_class, bytes, length);
      /* The receiver may have closed us, and this slot may serve another socket by now. */
      if (socket->ref != mine || udp->loop->stopped) return;
    }
    if (socket->ref != mine || udp->loop->stopped || count < most) return;
  }
}

static void enlarge(int fd, int option, int forced) {
  int size = SOCKET_BUFFER;
  if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) < 0) setsockopt(fd, SOL_SOCKET, option, &size, sizeof size);
}

static int prepare(int fd, uint16_t port, uint32_t family) {
  int one = 1;
  enlarge(fd, SO_RCVBUF, SO_RCVBUFFORCE);
  enlarge(fd, SO_SNDBUF, SO_SNDBUFFORCE);
  if (family == 4) {
    int dont = IP_PMTUDISC_DONT;
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one) < 0) return errno;
    if (setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &one, sizeof one) < 0) return errno;
    if (setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof dont) < 0) return errno;
    return bind(fd, (struct sockaddr *)&name, sizeof name) < 0 ? errno : 0;
  }
  int dont = IPV6_PMTUDISC_DONT;
  struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  if (port != OUTER_PLAIN && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0) return errno; /* a raw socket is so */
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one) < 0) return errno;
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &one, sizeof one) < 0) return errno;
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &dont, sizeof dont) < 0) return errno;
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof one) < 0) return errno;
  return bind(fd, (struct sockaddr *)&name, sizeof name) < 0 ? errno : 0;
}

static struct udp_socket *find(struct udp *udp, uint16_t port, uint32_t family, uint32_t ifindex) {
  for (int i = 0; i < UDP_SOCKETS; i++) {
    struct udp_socket *s = &udp->sockets[i];
    if (s->fd >= 0 && s->port == port && s->family == family && s->ifindex == ifindex) return s;
  }
  return NULL;
}

static void forget(struct udp *udp, struct udp_socket *socket) {
  loop_close(udp->loop, &socket->ref);
  socket->fd = -1;
}

/* A free place, if need be that of the bound socket not used longest. */
static struct udp_socket *place(struct udp *udp) {
  struct udp_socket *oldest = NULL;
  for (int i = 0; i < UDP_SOCKETS; i++) {
    struct udp_socket *s = &udp->sockets[i];
    if (s->fd < 0) return s;
    if (s->ifindex != 0 && (oldest == NULL || s->used < oldest->used)) oldest = s;
  }
  if (oldest != NULL) forget(udp, oldest);
  return oldest;
}

/* Two sockets share a port only while both say so; nobody else's may. */
static void share(int fd, int on) {
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

/* What a raw socket that only sends shall take: nothing. */
static int deafen(int fd) {
  struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
  struct sock_fprog program = {.len = 1, .filter = none};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? errno : 0;
}

static int make_socket(uint16_t port, uint32_t family, uint32_t ifindex, uint32_t mark) {
  int domain = family == 4 ? AF_INET : AF_INET6;
  return port == OUTER_PLAIN ? socket_bound(domain, SOCK_RAW, IPPROTO_ESP, ifindex, mark) : socket_bound(domain, SOCK_DGRAM, 0, ifindex, mark);
}

static int open_socket(struct udp *udp, const struct udp_socket *beside, uint16_t port, uint32_t family, uint32_t ifindex, uint32_t mark) {
  struct udp_socket *s = place(udp);
  if (s == NULL) return EMFILE;
  int fd = make_socket(port, family, ifindex, mark);
  if (fd < 0) return -fd;
  if (beside != NULL) {
    share(beside->fd, 1);
    share(fd, 1);
  }
  int error = port == OUTER_PLAIN && ifindex != 0 ? deafen(fd) : 0;
  if (error == 0) error = prepare(fd, port, family);
  if (beside != NULL) {
    share(beside->fd, 0);
    share(fd, 0);
  }
  if (error == 0) error = loop_watch(udp->loop, fd, EPOLLIN, on_readable, s, &s->ref);
  if (error != 0) {
    close(fd);
    return error;
  }
  s->fd = fd;
  s->port = port;
  s->family = family;
  s->ifindex = ifindex;
  s->mark = mark;
  s->whole = s->rests_whole = false;
  s->used = ++udp->uses;
  return 0;
}

/* The socket that a datagram leaves by; NULL and errno. */
static struct udp_socket *outlet(struct udp *udp, const struct outer *outer) {
  struct udp_socket *any = find(udp, outer->local_port, outer->family, 0);
  if (any == NULL) errno = EBADF;
  if (any == NULL || outer->family == 4 || outer->ifindex == 0) return any;
  struct udp_socket *bound = find(udp, outer->local_port, 6, outer->ifindex);
  if (bound == NULL) {
    int error = open_socket(udp, any, any->port, 6, outer->ifindex, any->mark);
    bound = find(udp, outer->local_port, 6, outer->ifindex);
    errno = error;
  }
  if (bound != NULL) bound->used = ++udp->uses;
  return bound;
}

int udp_open(struct udp *udp, uint16_t port, uint32_t family, uint32_t mark) {
  if (find(udp, port, family, 0) != NULL) return 0;
  return open_socket(udp, NULL, port, family, 0, mark);
}

void udp_close_all(struct udp *udp) {
  for (int i = 0; i < UDP_SOCKETS; i++)
    if (udp->sockets[i].fd >= 0) forget(udp, &udp->sockets[i]);
}

void udp_make_target(struct udp_target *target, const struct outer *outer) {
  memset(target, 0, sizeof *target);
  target->outer = *outer;
  struct cmsghdr *c = (struct cmsghdr *)(void *)target->control;
  if (outer->family == 4) {
    struct in_pktinfo info = {.ipi_ifindex = (int)outer->ifindex};
    memcpy(&info.ipi_spec_dst, outer->local, 4);
    target->name.v4.sin_family = AF_INET;
    target->name.v4.sin_port = htons(outer->remote_port);
    memcpy(&target->name.v4.sin_addr, outer->remote, 4);
    target->name_length = sizeof target->name.v4;
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    target->control_length = CMSG_SPACE(sizeof info);
    return;
  }
  struct in6_pktinfo info = {.ipi6_ifindex = outer->ifindex};
  memcpy(&info.ipi6_addr, outer->local, 16);
  target->name.v6.sin6_family = AF_INET6;
  target->name.v6.sin6_port = htons(outer->remote_port);
  memcpy(&target->name.v6.sin6_addr, outer->remote, 16);
  if (IN6_IS_ADDR_LINKLOCAL(&target->name.v6.sin6_addr)) target->name.v6.sin6_scope_id = outer->ifindex;
  target->name_length = sizeof target->name.v6;
  c->cmsg_level = IPPROTO_IPV6;
  c->cmsg_type = IPV6_PKTINFO;
  c->cmsg_len = CMSG_LEN(sizeof info);
  memcpy(CMSG_DATA(c), &info, sizeof info);
  target->control_length = CMSG_SPACE(sizeof info);
}

static void fill(struct msghdr *m, const struct udp_target *target, struct iovec *part) {
  memset(m, 0, sizeof *m);
  m->msg_name = (void *)&target->name;
  m->msg_namelen = target->name_length;
  m->msg_iov = part;
  m->msg_iovlen = 1;
  m->msg_control = (void *)target->control;
  m->msg_controllen = target->control_length;
}

/* Sets whether datagrams of the socket stay whole: DF, and nothing cut to what the kernel takes for the path's MTU. */
static void set_whole(struct udp_socket *socket, bool whole) {
  if (socket->whole == whole) return;
  bool four = socket->family == 4;
  int value = four ? (whole ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT) : (whole ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_DONT);
  int one = 1;
  if (whole && !socket->rests_whole && four) setsockopt(socket->fd, IPPROTO_IP, IP_RECVERR, &one, sizeof one);
  setsockopt(socket->fd, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &value, sizeof value);
  socket->whole = whole;
  if (whole) socket->rests_whole = true;
}

/* Linux keeps "fragmentation needed" to itself while the socket lets datagrams be fragmented: it is so only as long as it sends some. */
static void settle(struct udp_socket *socket) { set_whole(socket, socket->rests_whole); }

/* Errors that an ICMP message about an earlier datagram leaves for the next call. */
static bool may_be_late(int error) {
  switch (error) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EPROTO:
    case EACCES:
    case EMSGSIZE:
      return true;
    default:
      return false;
  }
}

/* As sendmmsg, but never the error of an earlier datagram. */
static int transmit(const struct udp_socket *socket, struct mmsghdr *messages, unsigned count) {
  for (int tries = 1;; tries++) {
    int sent = sendmmsg(socket->fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0 || tries == SEND_TRIES || !may_be_late(errno)) return sent;
  }
}

/* The target's control octets with the traffic class behind them: this datagram's own. */
static void mark_class(struct msghdr *m, unsigned char *control, const struct udp_target *target, uint8_t traffic_class) {
  int value = traffic_class;
  memcpy(control, target->control, target->control_length);
  struct cmsghdr *c = (struct cmsghdr *)(void *)(control + target->control_length);
  c->cmsg_level = target->outer.family == 4 ? IPPROTO_IP : IPPROTO_IPV6;
  c->cmsg_type = target->outer.family == 4 ? IP_TOS : IPV6_TCLASS;
  c->cmsg_len = CMSG_LEN(sizeof value);
  memcpy(CMSG_DATA(c), &value, sizeof value);
  m->msg_control = control;
  m->msg_controllen = target->control_length + CMSG_SPACE(sizeof value);
}

int udp_send(struct udp *udp, const struct outer *outer, const uint8_t *bytes, size_t length, uint8_t traffic_class, bool whole) {
  struct udp_socket *socket = outlet(udp, outer);
  if (socket == NULL) return errno;
  struct udp_target target;
  struct mmsghdr message;
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
  _Alignas(struct cmsghdr) unsigned char control[UDP_CONTROL];
  udp_make_target(&target, outer);
  fill(&message.msg_hdr, &target, &part);
  if (traffic_class != 0) mark_class(&message.msg_hdr, control, &target, traffic_class);
  set_whole(socket, whole);
  int error = transmit(socket, &message, 1) < 0 ? errno : 0;
  settle(socket);
  return error;
}

uint8_t *udp_tx_buffer(struct udp *udp) {
  if (udp->tx_count == UDP_TX_BATCH) udp_tx_flush(udp);
  return udp->tx_room + (size_t)udp->tx_count * UDP_ROOM;
}

void udp_tx_push(struct udp *udp, const struct udp_target *target, uint8_t *at, size_t length, struct udp_header header) {
  int slot = udp->tx_count++;
  udp->tx_parts[slot] = (struct iovec){.iov_base = at, .iov_len = length};
  udp->tx_targets[slot] = target;
  udp->tx_whole[slot] = header.dont_fragment;
  fill(&udp->tx[slot].msg_hdr, target, &udp->tx_parts[slot]);
  if (header.traffic_class != 0) mark_class(&udp->tx[slot].msg_hdr, udp->tx_control[slot], target, header.traffic_class);
}

/* Sends the first of `run` datagrams at `at`, and as many behind it as the kernel takes; 0 or less: refused. */
static int send_run(struct udp *udp, struct udp_socket *socket, int at, int run) {
  bool whole = udp->tx_whole[at];
  set_whole(socket, whole);
  int sent = transmit(socket, udp->tx + at, (unsigned)run);
  if (sent > 0 || !whole || errno != EMSGSIZE) return sent;
  /* The device is smaller than what inner packets were told: as IPv6 inside may need (RFC 8200 section 5), or the user wants. */
  set_whole(socket, false);
  return transmit(socket, udp->tx + at, 1);
}

/* Datagrams behind `at` that leave by the same socket, with the same DF bit. */
static int run_at(const struct udp *udp, int at, int count) {
  const struct outer *first = &udp->tx_targets[at]->outer;
  int run = 1;
  for (; at + run < count; run++) {
    const struct outer *next = &udp->tx_targets[at + run]->outer;
    if (next->family != first->family || next->local_port != first->local_port || next->ifindex != first->ifindex) break;
    if (udp->tx_whole[at + run] != udp->tx_whole[at]) break;
  }
  return run;
}

void udp_tx_flush(struct udp *udp) {
  int at = 0;
  int count = udp->tx_count;
  udp->tx_count = 0;
  while (at < count) {
    const struct outer *outer = &udp->tx_targets[at]->outer;
    int run = run_at(udp, at, count);
    struct udp_socket *socket = outlet(udp, outer);
    int sent = socket == NULL ? -1 : send_run(udp, socket, at, run);
    if (sent <= 0) {
      udp->refused(udp->ctx, outer, errno);
      sent = 1;
    }
    at += sent;
  }
  for (int i = 0; i < UDP_SOCKETS && count > 0; i++)
    if (udp->sockets[i].fd >= 0) settle(&udp->sockets[i]);
}
