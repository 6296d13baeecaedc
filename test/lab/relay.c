// SPDX-License-Identifier: GPL-2.0-only
/*
 * relay: a small Internet in user space, for tests in network namespaces. Each link is a TUN device in a namespace;
 * between them this process routes IPv4 and IPv6, delays, loses, swallows and translates packets. It needs neither
 * nftables nor netem, so it runs in an unprivileged user namespace.
 *
 * Seen from its namespace a link has two pipes, "up" (read from TUN) and "down" (written to TUN), each with a delay.
 * A packet goes: TUN -> up pipe -> NAT out -> longest prefix -> NAT in -> down pipe -> TUN.
 *
 * Commands, one a line on stdin; each is answered by one line "ok ..." or "error ...":
 *   tun LINK PID DEVICE           makes the TUN device in the network namespace of PID
 *   route LINK PREFIX             packets to PREFIX (a.b.c.d/n or v6) leave by LINK
 *   nat LINK ADDRESS              NAT44 behind ADDRESS: endpoint-independent mapping, port-restricted filtering
 *   nat LINK rebind               forgets all mappings; new ones get other ports
 *   nat LINK expiry SECONDS       idle time of a mapping (default 120)
 *   link LINK delay MS            one way, both pipes; fractions allowed
 *   link LINK loss PERCENT        both pipes
 *   link LINK blackhole on|off|up|down
 *   link LINK carrier on|off
 *   link LINK filter none|esp|udp500|udp4500|ike
 *   watch on|off                  prints "ike LINK up|down TIME_US EXCHANGE FLAGS MESSAGE_ID SPI_I" for each IKE message
 *   mark TEXT                     packets that hold TEXT are counted as "clear"
 *   stats                         "ok {json}"
 * It ends with end of file on stdin. Times are CLOCK_MONOTONIC.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "relay-nat.h"

#define MAX_LINKS 8
#define MAX_ROUTES 32
#define MAX_PACKETS 16384
#define BURST 64

struct pipe {
  struct packet *head, *tail;
  uint64_t packets, lost;
};

enum direction { UP, DOWN };
enum filter { FILTER_NONE, FILTER_ESP, FILTER_UDP500, FILTER_UDP4500, FILTER_IKE };

struct link {
  char name[16];
  int fd;
  usec delay;
  double loss;
  int hole[2];
  enum filter filter;
  struct pipe pipe[2];
  struct nat *nat;
  uint64_t clear;
};

struct route {
  int family, length, link;
  uint8_t prefix[16];
};

static struct link links[MAX_LINKS];
static int link_count;
static struct route routes[MAX_ROUTES];
static int route_count;
static struct packet pool[MAX_PACKETS];
static struct packet *free_packets;
static uint64_t unroutable, overflow;
static int watching;
static char mark[64];
static uint64_t random_state = 88172645463325252ull;
static int home_namespace = -1;

static usec now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (usec)t.tv_sec * 1000000 + (usec)t.tv_nsec / 1000;
}

static double random_unit(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (double)(random_state >> 11) / 9007199254740992.0;
}

// ---- watching ----------------------------------------------------------------------------------------------------

static void observe(struct link *l, struct packet *p, enum direction d) {
  int esp, port;
  if (mark[0] && memmem(p->data, (size_t)p->length, mark, strlen(mark))) l->clear++;
  if (!watching) return;
  const uint8_t *h = ike_header(p, &esp, &port);
  if (h) printf("ike %s %s %llu %u %u %u %08x%08x\n", l->name, d == UP ? "up" : "down", (unsigned long long)now_us(), h[18], h[19], get32(h + 20), get32(h), get32(h + 4));
}

static int filtered(struct link *l, struct packet *p) {
  int esp, port;
  if (l->filter == FILTER_NONE) return 0;
  uint8_t *h = ike_header(p, &esp, &port);
  switch (l->filter) {
    case FILTER_ESP: return esp;
    case FILTER_UDP500: return port == 500;
    case FILTER_UDP4500: return port == 4500;
    case FILTER_IKE: return h != NULL;
    default: return 0;
  }
}

// ---- the way of a packet ------------------------------------------------------------------------------------------

static struct packet *take(void) {
  struct packet *p = free_packets;
  if (p) free_packets = p->next;
  return p;
}

static void give(struct packet *p) {
  p->next = free_packets;
  free_packets = p;
}

static void lose(struct link *l, enum direction d, struct packet *p) {
  l->pipe[d].lost++;
  give(p);
}

static void enter(struct link *l, enum direction d, struct packet *p, usec now) {
  struct pipe *pipe = &l->pipe[d];
  pipe->packets++;
  if (d == UP) observe(l, p, d);
  if (l->hole[d] || (l->loss > 0 && random_unit() < l->loss) || filtered(l, p)) return lose(l, d, p);
  p->due = now + l->delay;
  p->next = NULL;
  if (pipe->tail && pipe->head) pipe->tail->next = p;
  else pipe->head = p;
  pipe->tail = p;
}

static struct link *route_of(struct packet *p) {
  int family = p->data[0] >> 4 == 4 ? AF_INET : AF_INET6, best = -1, found = -1;
  const uint8_t *to = p->data + (family == AF_INET ? 16 : 24);
  for (int i = 0; i < route_count; i++) {
    struct route *r = &routes[i];
    if (r->family != family || r->length <= best) continue;
    int whole = r->length / 8, rest = r->length % 8;
    if (memcmp(to, r->prefix, (size_t)whole)) continue;
    if (rest && (to[whole] ^ r->prefix[whole]) >> (8 - rest)) continue;
    best = r->length;
    found = r->link;
  }
  return found < 0 ? NULL : &links[found];
}

static void leave(struct link *l, enum direction d, struct packet *p, usec now) {
  if (l->hole[d]) return lose(l, d, p);
  if (d == DOWN) {
    observe(l, p, d);
    if (l->fd < 0 || write(l->fd, p->data, (size_t)p->length) != p->length) l->pipe[d].lost++;
    return give(p);
  }
  if (!nat_out(l->nat, p, now)) return lose(l, d, p);
  struct link *to = route_of(p);
  if (!to) {
    unroutable++;
    return give(p);
  }
  if (!nat_in(to->nat, p, now)) return lose(to, DOWN, p);
  enter(to, DOWN, p, now);
}

/* Moves what is due; returns when the next packet is, or 0. */
static usec run_pipes(usec now) {
  usec next = 0;
  for (int d = UP; d <= DOWN; d++) {
    for (int i = 0; i < link_count; i++) {
      struct pipe *pipe = &links[i].pipe[d];
      while (pipe->head && pipe->head->due <= now) {
        struct packet *p = pipe->head;
        pipe->head = p->next;
        leave(&links[i], (enum direction)d, p, now);
      }
      if (pipe->head && (!next || pipe->head->due < next)) next = pipe->head->due;
    }
  }
  return next;
}

static void read_tun(struct link *l) {
  for (int i = 0; i < BURST; i++) {
    struct packet *p = take();
    static uint8_t scrap[MAX_SIZE];
    ssize_t n = read(l->fd, p ? p->data : scrap, MAX_SIZE);
    if (n <= 0) {
      if (p) give(p);
      if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == EIO)) return; // EIO: the device is down
      close(l->fd); // the device was deleted
      l->fd = -1;
      return;
    }
    if (!p) {
      overflow++;
      continue;
    }
    p->length = (int)n;
    int version = p->data[0] >> 4;
    if ((version != 4 && version != 6) || n < (version == 4 ? 20 : 40)) give(p);
    else enter(l, UP, p, now_us());
  }
}

// ---- commands -----------------------------------------------------------------------------------------------------

static struct link *find(const char *name) {
  for (int i = 0; i < link_count; i++)
    if (!strcmp(links[i].name, name)) return &links[i];
  return NULL;
}

static const char *make_tun(const char *name, const char *pid, const char *device) {
  char path[64];
  struct link *l = find(name);
  if (!l) {
    if (link_count == MAX_LINKS || strlen(name) >= sizeof l->name) return "too many links or name too long";
    l = &links[link_count++];
    strcpy(l->name, name);
    l->fd = -1;
  } else if (l->fd >= 0) return "exists";
  snprintf(path, sizeof path, "/proc/%d/ns/net", atoi(pid));
  int ns = open(path, O_RDONLY | O_CLOEXEC);
  if (ns < 0 || setns(ns, CLONE_NEWNET)) {
    if (ns >= 0) close(ns);
    return strerror(errno);
  }
  close(ns);
  const char *problem = NULL;
  struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
  snprintf(request.ifr_name, IFNAMSIZ, "%s", device);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request)) {
    problem = strerror(errno);
    if (fd >= 0) close(fd);
  } else l->fd = fd;
  if (setns(home_namespace, CLONE_NEWNET)) exit(3);
  return problem;
}

static const char *add_route(struct link *l, char *prefix) {
  char *slash = strchr(prefix, '/');
  if (slash) *slash = 0;
  struct route r = { .link = (int)(l - links), .family = strchr(prefix, ':') ? AF_INET6 : AF_INET };
  if (route_count == MAX_ROUTES || inet_pton(r.family, prefix, r.prefix) != 1) return "bad prefix or too many routes";
  r.length = slash ? atoi(slash + 1) : r.family == AF_INET ? 32 : 128;
  routes[route_count++] = r;
  return NULL;
}

static const char *set_nat(struct link *l, char *what, char *value) {
  if (!strcmp(what, "rebind") || !strcmp(what, "expiry")) {
    if (!l->nat) return "no nat";
    if (*what == 'e') l->nat->expiry = (usec)(atof(value) * 1e6);
    else {
      l->nat->count = 0;
      l->nat->next_port = (uint16_t)(l->nat->next_port + 1000);
    }
    return NULL;
  }
  uint8_t outer[4];
  if (inet_pton(AF_INET, what, outer) != 1) return "bad address";
  if (!l->nat) l->nat = calloc(1, sizeof *l->nat);
  if (!l->nat) return "no memory";
  memcpy(l->nat->outer, outer, 4);
  l->nat->expiry = 120 * 1000000ull;
  l->nat->next_port = FIRST_PORT;
  return add_route(l, what);
}

static const char *set_link(struct link *l, const char *what, const char *value) {
  if (!strcmp(what, "delay")) l->delay = (usec)(atof(value) * 1000);
  else if (!strcmp(what, "loss")) l->loss = atof(value) / 100;
  else if (!strcmp(what, "blackhole")) {
    l->hole[UP] = !strcmp(value, "on") || !strcmp(value, "up");
    l->hole[DOWN] = !strcmp(value, "on") || !strcmp(value, "down");
  } else if (!strcmp(what, "carrier")) {
    int on = !strcmp(value, "on");
    if (l->fd < 0 || ioctl(l->fd, TUNSETCARRIER, &on)) return strerror(errno);
  } else if (!strcmp(what, "filter")) {
    static const char *const names[] = { "none", "esp", "udp500", "udp4500", "ike" };
    for (int i = 0; i < 5; i++)
      if (!strcmp(value, names[i])) {
        l->filter = (enum filter)i;
        return NULL;
      }
    return "no such filter";
  } else return "no such setting";
  return NULL;
}

static void print_stats(void) {
  printf("ok {\"unroutable\":%llu,\"overflow\":%llu,\"links\":{", (unsigned long long)unroutable, (unsigned long long)overflow);
  for (int i = 0; i < link_count; i++) {
    struct link *l = &links[i];
    printf("%s\"%s\":{\"up\":%llu,\"down\":%llu,\"lostUp\":%llu,\"lostDown\":%llu,\"clear\":%llu,\"mappings\":%d,\"present\":%s}", i ? "," : "", l->name,
           (unsigned long long)l->pipe[UP].packets, (unsigned long long)l->pipe[DOWN].packets, (unsigned long long)l->pipe[UP].lost,
           (unsigned long long)l->pipe[DOWN].lost, (unsigned long long)l->clear, l->nat ? l->nat->count : 0, l->fd >= 0 ? "true" : "false");
  }
  printf("}}\n");
}

static void command(char *line) {
  char *word[4] = { 0 }, *save = NULL;
  int words = 0;
  for (char *w = strtok_r(line, " \t", &save); w && words < 4; w = strtok_r(NULL, " \t", &save)) word[words++] = w;
  if (!words) return;
  const char *problem = "bad command";
  struct link *l = words > 1 ? find(word[1]) : NULL;
  if (!strcmp(word[0], "stats")) return print_stats();
  if (!strcmp(word[0], "watch") && words == 2) {
    watching = !strcmp(word[1], "on");
    problem = NULL;
  } else if (!strcmp(word[0], "mark") && words == 2) {
    snprintf(mark, sizeof mark, "%s", word[1]);
    problem = NULL;
  } else if (!strcmp(word[0], "tun") && words == 4) problem = make_tun(word[1], word[2], word[3]);
  else if (words > 1 && !l) problem = "no such link";
  else if (!strcmp(word[0], "route") && words == 3) problem = add_route(l, word[2]);
  else if (!strcmp(word[0], "nat") && words >= 3) problem = set_nat(l, word[2], words == 4 ? word[3] : (char[]){ "0" });
  else if (!strcmp(word[0], "link") && words == 4) problem = set_link(l, word[2], word[3]);
  if (problem) printf("error %s\n", problem);
  else printf("ok\n");
}

/* Returns 0 at end of file. */
static int read_commands(void) {
  static char text[4096];
  static size_t have;
  ssize_t n = read(0, text + have, sizeof text - 1 - have);
  if (n <= 0) return n < 0 && errno == EINTR;
  have += (size_t)n;
  text[have] = 0;
  char *start = text, *end;
  while ((end = strchr(start, '\n'))) {
    *end = 0;
    command(start);
    start = end + 1;
  }
  have -= (size_t)(start - text);
  memmove(text, start, have);
  if (have == sizeof text - 1) have = 0;
  return 1;
}

int main(int argc, char **argv) {
  if (argc > 1) random_state ^= strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15ull;
  prctl(PR_SET_TIMERSLACK, 1000ul);
  home_namespace = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  for (int i = MAX_PACKETS - 1; i >= 0; i--) give(&pool[i]);
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  for (;;) {
    usec now = now_us(), next = run_pipes(now);
    fflush(stdout);
    struct pollfd polls[MAX_LINKS + 1] = { { .fd = 0, .events = POLLIN } };
    for (int i = 0; i < link_count; i++) polls[i + 1] = (struct pollfd){ .fd = links[i].fd, .events = POLLIN };
    int polled = link_count;
    usec wait = next > now ? next - now : 0;
    struct timespec timeout = { .tv_sec = (time_t)(wait / 1000000), .tv_nsec = (long)(wait % 1000000) * 1000 };
    if (ppoll(polls, (nfds_t)polled + 1, next ? &timeout : NULL, NULL) < 0 && errno != EINTR) return 1;
    for (int i = 0; i < polled; i++)
      if (polls[i + 1].revents && links[i].fd >= 0) read_tun(&links[i]);
    if (polls[0].revents && !read_commands()) return 0;
  }
}
