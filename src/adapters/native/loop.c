#include "loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_WAIT 32

int loop_init(struct loop *loop) {
  memset(loop, 0, sizeof *loop);
  for (int i = 0; i < LOOP_SLOTS; i++) {
    loop->slots[i].fd = -1;
    loop->slots[i].generation = 1;
  }
  loop->epfd = epoll_create1(EPOLL_CLOEXEC);
  return loop->epfd < 0 ? errno : 0;
}

void loop_free(struct loop *loop) {
  for (uint32_t i = 0; i < LOOP_SLOTS; i++) {
    loop_ref ref = (uint64_t)loop->slots[i].generation << 32 | i;
    if (loop->slots[i].fd >= 0) loop_close(loop, &ref);
  }
  if (loop->epfd >= 0) close(loop->epfd);
  loop->epfd = -1;
}

bool loop_alive(const struct loop *loop, loop_ref ref) {
  uint32_t slot = (uint32_t)ref;
  return ref != 0 && slot < LOOP_SLOTS && loop->slots[slot].fd >= 0 && loop->slots[slot].generation == ref >> 32;
}

int loop_watch(struct loop *loop, int fd, uint32_t events, loop_fn fn, void *ctx, loop_ref *ref) {
  for (uint32_t i = 0; i < LOOP_SLOTS; i++) {
    if (loop->slots[i].fd >= 0) continue;
    uint64_t made = (uint64_t)loop->slots[i].generation << 32 | i;
    struct epoll_event event = {.events = events, .data.u64 = made};
    if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &event) < 0) return errno;
    loop->slots[i].fd = fd;
    loop->slots[i].fn = fn;
    loop->slots[i].ctx = ctx;
    loop->used++;
    *ref = made;
    return 0;
  }
  return EMFILE;
}

int loop_release(struct loop *loop, loop_ref *ref) {
  if (!loop_alive(loop, *ref)) return -1;
  uint32_t slot = (uint32_t)*ref;
  int fd = loop->slots[slot].fd;
  epoll_ctl(loop->epfd, EPOLL_CTL_DEL, fd, NULL);
  loop->slots[slot].fd = -1;
  if (++loop->slots[slot].generation == 0) loop->slots[slot].generation = 1;
  loop->used--;
  *ref = 0;
  return fd;
}

void loop_close(struct loop *loop, loop_ref *ref) {
  int fd = loop_release(loop, ref);
  if (fd >= 0) close(fd);
}

void loop_turn(struct loop *loop) {
  struct epoll_event events[EVENTS_PER_WAIT];
  if (loop->turning || loop->epfd < 0) return;
  int count = epoll_wait(loop->epfd, events, EVENTS_PER_WAIT, 0);
  loop->turning = true;
  loop->stopped = false;
  loop->budget = LOOP_BUDGET;
  for (int i = 0; i < count && !loop->stopped && loop->budget > 0; i++) {
    loop_ref ref = events[i].data.u64;
    if (!loop_alive(loop, ref)) continue;
    uint32_t slot = (uint32_t)ref;
    loop->slots[slot].fn(loop->slots[slot].ctx, events[i].events);
  }
  loop->turning = false;
}
