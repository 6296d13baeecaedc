// SPDX-License-Identifier: GPL-2.0-only
/*
 * stream: numbered UDP packets and their echo, to see what a tunnel loses and for how long.
 *   stream server PORT
 *   stream sink PORT                          answers nothing; prints "r NUMBER TIME_US" for every packet
 *   stream client ADDRESS PORT RATE SIZE      until end of file on stdin; prints "s NUMBER TIME_US" and "r NUMBER TIME_US"
 *   stream flood ADDRESS PORT SECONDS SIZE WINDOW
 *                                             keeps WINDOW packets in flight; prints "sent N answered N us N"
 * Every packet begins with the mark "clear!~~", so that one that leaves unencrypted is found. Times are CLOCK_MONOTONIC.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#define MARK "clear!~~"
#define HEADER 12
#define MAX_SIZE 9000

static uint8_t packet[MAX_SIZE];

static uint64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int wait_until(int fd, int control, uint64_t until) {
  struct pollfd polls[2] = { { .fd = fd, .events = POLLIN }, { .fd = control, .events = POLLIN } };
  uint64_t now = now_us(), left = until > now ? until - now : 0;
  struct timespec timeout = { .tv_sec = (time_t)(left / 1000000), .tv_nsec = (long)(left % 1000000) * 1000 };
  if (ppoll(polls, control < 0 ? 1 : 2, &timeout, NULL) < 0) return 0;
  if (control >= 0 && polls[1].revents) {
    char scrap[64];
    if (read(control, scrap, sizeof scrap) <= 0) exit(0);
  }
  return polls[0].revents != 0;
}

static void put_number(uint32_t number) {
  memcpy(packet, MARK, 8);
  for (int i = 0; i < 4; i++) packet[8 + i] = (uint8_t)(number >> (24 - 8 * i));
}

static int64_t get_number(ssize_t length) {
  if (length < HEADER || memcmp(packet, MARK, 8)) return -1;
  return (int64_t)packet[8] << 24 | packet[9] << 16 | packet[10] << 8 | packet[11];
}

static int dial(const char *address, const char *port) {
  struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST }, *found;
  if (getaddrinfo(address, port, &hints, &found)) {
    fprintf(stderr, "stream: bad address %s\n", address);
    exit(2);
  }
  int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen)) {
    perror("stream: connect");
    exit(1);
  }
  return fd;
}

static void serve(const char *port, int answers) {
  int fd = socket(AF_INET6, SOCK_DGRAM, 0), off = 0;
  struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port)) };
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at)) {
    perror("stream: bind");
    exit(1);
  }
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    ssize_t n = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
    if (n < 0) continue;
    if (answers) {
      sendto(fd, packet, (size_t)n, 0, (struct sockaddr *)&from, size);
      continue;
    }
    int64_t got = get_number(n);
    if (got >= 0) printf("r %lld %llu\n", (long long)got, (unsigned long long)now_us());
    fflush(stdout);
  }
}

static void client(int fd, double rate, size_t size) {
  uint64_t start = now_us(), next = start;
  for (uint32_t number = 0;;) {
    if (now_us() >= next) {
      put_number(number);
      // A refused send (no route) is a lost packet like any other.
      if (send(fd, packet, size, 0) < 0 && errno == EBADF) exit(1);
      printf("s %u %llu\n", number, (unsigned long long)now_us());
      fflush(stdout);
      next = start + (uint64_t)((double)++number * 1e6 / rate);
    }
    if (!wait_until(fd, 0, next)) continue;
    for (ssize_t n; (n = recv(fd, packet, sizeof packet, 0)) >= 0 || errno == ECONNREFUSED || errno == EHOSTUNREACH;) {
      if (n < 0) break;
      int64_t got = get_number(n);
      if (got >= 0) printf("r %lld %llu\n", (long long)got, (unsigned long long)now_us());
    }
    fflush(stdout);
  }
}

static void flood(int fd, double seconds, size_t size, uint32_t window) {
  uint64_t start = now_us(), end = start + (uint64_t)(seconds * 1e6), stalled = start;
  uint64_t sent = 0, answered = 0, inflight = 0;
  while (now_us() < end) {
    while (inflight < window) {
      put_number((uint32_t)sent);
      if (send(fd, packet, size, 0) < 0) break;
      sent++;
      inflight++;
    }
    int got = 0;
    if (wait_until(fd, -1, now_us() + 5000))
      while (recv(fd, packet, sizeof packet, 0) >= 0) {
        answered++;
        got++;
        if (inflight) inflight--;
      }
    if (got) stalled = now_us();
    else if (now_us() - stalled > 100000) { // what is lost does not come any more
      inflight = 0;
      stalled = now_us();
    }
  }
  printf("sent %llu answered %llu us %llu\n", (unsigned long long)sent, (unsigned long long)answered, (unsigned long long)(now_us() - start));
}

int main(int argc, char **argv) {
  prctl(PR_SET_TIMERSLACK, 1000ul);
  if (argc == 3 && !strcmp(argv[1], "server")) serve(argv[2], 1);
  if (argc == 3 && !strcmp(argv[1], "sink")) serve(argv[2], 0);
  size_t size = argc > 5 ? (size_t)atol(argv[5]) : 0;
  if (size < HEADER) size = HEADER;
  if (size > MAX_SIZE) size = MAX_SIZE;
  if (argc == 6 && !strcmp(argv[1], "client")) client(dial(argv[2], argv[3]), atof(argv[4]), size);
  else if (argc == 7 && !strcmp(argv[1], "flood")) flood(dial(argv[2], argv[3]), atof(argv[4]), size, (uint32_t)atol(argv[6]));
  else {
    fprintf(stderr, "usage: stream server PORT | sink PORT | client ADDRESS PORT RATE SIZE | flood ADDRESS PORT SECONDS SIZE WINDOW\n");
    return 2;
  }
  return 0;
}
