/*
 * One epoll descriptor and its table of watched descriptors. The host waits on `epfd` in its own way and calls
 * `loop_turn` when it is readable. A slot carries a generation: after a callback closed its descriptor, whose number
 * may be used again at once, an event of the old one finds nobody.
 */
#ifndef MOBIKED_LOOP_H
#define MOBIKED_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#define LOOP_SLOTS 64
/* Packets handled in one turn, over all descriptors: bursts never starve what else the process does. */
#define LOOP_BUDGET 256

typedef void (*loop_fn)(void *ctx, uint32_t events);
/* Generation << 32 | slot; 0 is nobody. */
typedef uint64_t loop_ref;

struct loop {
  int epfd;
  int used;
  /* Packets left in this turn; callbacks lower it. */
  int budget;
  /* Set to end the turn before the next callback. */
  bool stopped;
  bool turning;
  struct {
    int fd;
    uint32_t generation;
    loop_fn fn;
    void *ctx;
  } slots[LOOP_SLOTS];
};

/* 0 or an errno, here and below. */
int loop_init(struct loop *loop);
void loop_free(struct loop *loop);
int loop_watch(struct loop *loop, int fd, uint32_t events, loop_fn fn, void *ctx, loop_ref *ref);
/* Forgets and closes the descriptor. */
void loop_close(struct loop *loop, loop_ref *ref);
/* Forgets the descriptor and gives it back open. */
int loop_release(struct loop *loop, loop_ref *ref);
bool loop_alive(const struct loop *loop, loop_ref ref);
/* Handles what is ready, at most LOOP_BUDGET packets; never waits. */
void loop_turn(struct loop *loop);

#endif
