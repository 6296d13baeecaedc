// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packets of the relay and its NAT44: endpoint-independent mapping, port-restricted filtering (RFC 4787), UDP, TCP
 * and ICMP echo. Later fragments have no ports and are dropped.
 */
#ifndef RELAY_NAT_H
#define RELAY_NAT_H
#include <stdint.h>
#include <string.h>

#define MAX_SIZE 1600
#define MAX_MAPPINGS 512
#define MAX_REMOTES 16
#define FIRST_PORT 20000

typedef uint64_t usec;

struct packet {
  struct packet *next;
  usec due;
  int length;
  uint8_t data[MAX_SIZE];
};

struct mapping {
  uint8_t protocol;
  uint8_t inner[4];
  uint16_t inner_port, outer_port; // host order
  usec used;
  int remotes;
  struct { uint8_t address[4]; uint16_t port; } remote[MAX_REMOTES];
};

struct nat {
  uint8_t outer[4];
  usec expiry;
  uint16_t next_port;
  int count;
  struct mapping mappings[MAX_MAPPINGS];
};

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static uint32_t get32(const uint8_t *p) { return (uint32_t)get16(p) << 16 | get16(p + 2); }
static void put16(uint8_t *p, uint16_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }

/* RFC 1624: replaces `size` octets covered by the checksum at `sum`. */
static void patch(uint8_t *sum, uint8_t *at, const uint8_t *by, int size) {
  uint32_t total = (uint16_t)~get16(sum);
  for (int i = 0; i < size; i += 2) {
    total += (uint16_t)~get16(at + i);
    total += get16(by + i);
  }
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  put16(sum, (uint16_t)~total);
}

/* Octets of the transport header of a first or only IPv4 fragment, or NULL. */
static uint8_t *transport(struct packet *p, int *left) {
  if (p->length < 20 || p->data[0] >> 4 != 4) return NULL;
  int header = (p->data[0] & 15) * 4;
  if (header < 20 || p->length < header + 8 || (get16(p->data + 6) & 0x1fff)) return NULL;
  *left = p->length - header;
  return p->data + header;
}

/* Where the port (or ICMP echo identifier) and the checksum are; 0 when this packet has none. */
static int fields(struct packet *p, int source, uint8_t **port, uint8_t **sum) {
  int left = 0;
  uint8_t *t = transport(p, &left);
  if (!t) return 0;
  switch (p->data[9]) {
    case 17: *port = t + (source ? 0 : 2); *sum = get16(t + 6) ? t + 6 : NULL; return 1;
    case 6:
      if (left < 20) return 0;
      *port = t + (source ? 0 : 2); *sum = t + 16; return 1;
    case 1:
      if (t[0] != 0 && t[0] != 8) return 0;
      *port = t + 4; *sum = t + 2; return 1;
    default: return 0;
  }
}

static void rewrite(struct packet *p, int source, const uint8_t *address, uint16_t port) {
  uint8_t *at_port, *sum, *at = p->data + (source ? 12 : 16), wire[2];
  if (!fields(p, source, &at_port, &sum)) return;
  put16(wire, port);
  if (sum) {
    if (p->data[9] != 1) patch(sum, at, address, 4); // ICMP has no pseudo header
    patch(sum, at_port, wire, 2);
    if (p->data[9] == 17 && !get16(sum)) put16(sum, 0xffff);
  }
  memcpy(at_port, wire, 2);
  patch(p->data + 10, at, address, 4);
  memcpy(at, address, 4);
}

/* UDP payload, ports in host order; NULL when it is not UDP. */
static uint8_t *udp(struct packet *p, uint16_t *source, uint16_t *destination, int *length) {
  uint8_t *t;
  int left;
  if (p->data[0] >> 4 == 4) {
    t = transport(p, &left);
    if (!t || p->data[9] != 17) return NULL;
  } else {
    if (p->length < 48 || p->data[6] != 17) return NULL;
    t = p->data + 40;
    left = p->length - 40;
  }
  *source = get16(t);
  *destination = get16(t + 2);
  *length = left - 8;
  return t + 8;
}

/* Start of an IKE header (28 octets at least), or NULL; `esp` and `port` describe what it is otherwise. */
static uint8_t *ike_header(struct packet *p, int *esp, int *port) {
  uint16_t source, destination;
  int length;
  uint8_t *u = udp(p, &source, &destination, &length);
  *esp = *port = 0;
  if (!u) return NULL;
  if (source == 4500 || destination == 4500) {
    *port = 4500;
    if (length < 5) return NULL; // keepalive
    if (get32(u)) {
      *esp = 1;
      return NULL;
    }
    return length >= 32 ? u + 4 : NULL;
  }
  if (source != 500 && destination != 500) return NULL;
  *port = 500;
  return length >= 28 ? u : NULL;
}

// ---- NAT ----------------------------------------------------------------------------------------------------------

static struct mapping *by_port(struct nat *n, uint8_t protocol, uint16_t port) {
  for (int i = 0; i < n->count; i++)
    if (n->mappings[i].protocol == protocol && n->mappings[i].outer_port == port) return &n->mappings[i];
  return NULL;
}

static struct mapping *mapping_for(struct nat *n, uint8_t protocol, const uint8_t *inner, uint16_t port, usec now) {
  struct mapping *oldest = n->mappings;
  for (int i = 0; i < n->count; i++) {
    struct mapping *m = &n->mappings[i];
    if (now - m->used > n->expiry) { // the last one takes its place and is looked at next
      *m = n->mappings[--n->count];
      i--;
      continue;
    }
    if (m->protocol == protocol && m->inner_port == port && !memcmp(m->inner, inner, 4)) return m;
    if (m->used < oldest->used) oldest = m;
  }
  struct mapping *made = n->count < MAX_MAPPINGS ? &n->mappings[n->count++] : oldest;
  do {
    if (++n->next_port < FIRST_PORT) n->next_port = FIRST_PORT;
  } while (by_port(n, protocol, n->next_port));
  *made = (struct mapping){ .protocol = protocol, .inner_port = port, .outer_port = n->next_port };
  memcpy(made->inner, inner, 4);
  return made;
}

/* Returns 0 when the packet must be dropped. */
static int nat_out(struct nat *nat, struct packet *p, usec now) {
  uint8_t *source, *destination, *sum;
  if (!nat || p->data[0] >> 4 != 4) return 1;
  if (!fields(p, 1, &source, &sum) || !fields(p, 0, &destination, &sum)) return 0;
  struct mapping *m = mapping_for(nat, p->data[9], p->data + 12, get16(source), now);
  m->used = now;
  uint16_t port = get16(destination);
  int i = 0;
  while (i < m->remotes && (m->remote[i].port != port || memcmp(m->remote[i].address, p->data + 16, 4))) i++;
  if (i == m->remotes) {
    if (m->remotes == MAX_REMOTES) memmove(&m->remote[0], &m->remote[1], sizeof m->remote[0] * (size_t)(--m->remotes));
    memcpy(m->remote[m->remotes].address, p->data + 16, 4);
    m->remote[m->remotes++].port = port;
  }
  rewrite(p, 1, nat->outer, m->outer_port);
  return 1;
}

static int nat_in(struct nat *nat, struct packet *p, usec now) {
  uint8_t *source, *destination, *sum;
  if (!nat || p->data[0] >> 4 != 4) return 1;
  if (!fields(p, 1, &source, &sum) || !fields(p, 0, &destination, &sum)) return 0;
  struct mapping *m = by_port(nat, p->data[9], get16(destination));
  if (!m || now - m->used > nat->expiry) return 0;
  uint16_t port = get16(source);
  for (int i = 0; i < m->remotes; i++) {
    if ((m->remote[i].port == port || p->data[9] == 1) && !memcmp(m->remote[i].address, p->data + 12, 4)) {
      rewrite(p, 0, m->inner, m->inner_port);
      return 1;
    }
  }
  return 0;
}

#endif
