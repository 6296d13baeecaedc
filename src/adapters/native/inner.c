#include "inner.h"

#include <string.h>

#define MAX_EXTENSIONS 8

static uint32_t get16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }

static void put16(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static bool has_ports(uint8_t protocol) {
  return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
}

static void find_ports(struct inner *inner, const uint8_t *bytes) {
  const uint8_t *upper = bytes + inner->upper;
  inner->source_port = inner->destination_port = -1;
  if (inner->later_fragment) return;
  if (has_ports(inner->protocol) && inner->upper + 4 <= inner->length) {
    inner->source_port = (int32_t)get16(upper);
    inner->destination_port = (int32_t)get16(upper + 2);
  } else if ((inner->protocol == 1 || inner->protocol == 58) && inner->upper + 2 <= inner->length) {
    inner->source_port = inner->destination_port = (int32_t)get16(upper);
  }
}

static bool parse4(struct inner *inner, const uint8_t *bytes, size_t length) {
  if (length < 20) return false;
  inner->version = 4;
  inner->upper = (size_t)(bytes[0] & 15) * 4;
  inner->length = get16(bytes + 2);
  if (inner->upper < 20 || inner->length < inner->upper || inner->length > length) return false;
  uint32_t fragment = get16(bytes + 6);
  inner->protocol = bytes[9];
  inner->later_fragment = (fragment & 0x1fff) != 0;
  inner->dont_fragment = (fragment & 0x4000) != 0;
  inner->source = bytes + 12;
  inner->destination = bytes + 16;
  inner->width = 4;
  return true;
}

static bool parse6(struct inner *inner, const uint8_t *bytes, size_t length) {
  if (length < 40) return false;
  inner->version = 6;
  inner->length = 40 + get16(bytes + 4);
  if (inner->length > length) return false;
  inner->protocol = bytes[6];
  inner->upper = 40;
  inner->later_fragment = false;
  inner->dont_fragment = true;
  inner->source = bytes + 8;
  inner->destination = bytes + 24;
  inner->width = 16;
  for (int i = 0; i < MAX_EXTENSIONS && inner->upper + 8 <= inner->length && !inner->later_fragment; i++) {
    const uint8_t *at = bytes + inner->upper;
    if (inner->protocol == 44) {
      inner->later_fragment = (get16(at + 2) & 0xfff8) != 0;
      inner->protocol = at[0];
      inner->upper += 8;
    } else if (inner->protocol == 0 || inner->protocol == 43 || inner->protocol == 60) {
      inner->protocol = at[0];
      inner->upper += ((size_t)at[1] + 1) * 8;
    } else {
      break;
    }
  }
  return true;
}

bool inner_parse(struct inner *inner, const uint8_t *bytes, size_t length) {
  memset(inner, 0, sizeof *inner);
  if (length == 0) return false;
  int version = bytes[0] >> 4;
  if (version != 4 && version != 6) return false;
  if (!(version == 4 ? parse4(inner, bytes, length) : parse6(inner, bytes, length))) return false;
  find_ports(inner, bytes);
  return true;
}

static bool row_matches(const struct selector *row, const uint8_t *address, size_t width, uint8_t protocol, int32_t port) {
  if (row->width != width || (row->protocol != 0 && row->protocol != protocol)) return false;
  if (memcmp(address, row->start, width) < 0 || memcmp(address, row->end, width) > 0) return false;
  if (row->start_port == 0 && row->end_port == 65535) return true;
  if (row->start_port > row->end_port) return port < 0;
  return port >= row->start_port && port <= row->end_port;
}

static bool any_matches(const struct selectors *all, const uint8_t *address, size_t width, uint8_t protocol, int32_t port) {
  for (size_t i = 0; i < all->count; i++)
    if (row_matches(&all->rows[i], address, width, protocol, port)) return true;
  return false;
}

bool inner_matches(const struct inner *inner, const struct selectors *from, const struct selectors *to) {
  return any_matches(from, inner->source, inner->width, inner->protocol, inner->source_port) &&
         any_matches(to, inner->destination, inner->width, inner->protocol, inner->destination_port);
}

static uint32_t sum_words(const uint8_t *bytes, size_t length, uint32_t sum) {
  for (size_t i = 0; i + 1 < length; i += 2) sum += get16(bytes + i);
  if (length % 2 == 1) sum += (uint32_t)bytes[length - 1] << 8;
  return sum;
}

static uint32_t fold(uint32_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

void inner_clamp_mss(uint8_t *bytes, const struct inner *inner, uint32_t mtu) {
  uint32_t headers = inner->version == 4 ? 40 : 60;
  if (inner->protocol != 6 || inner->later_fragment || inner->upper + 20 > inner->length || mtu <= headers) return;
  uint8_t *tcp = bytes + inner->upper;
  if ((tcp[13] & 0x02) == 0) return;
  size_t end = (size_t)(tcp[12] >> 4) * 4;
  if (inner->upper + end > inner->length) return;
  uint32_t most = mtu - headers;
  size_t at = 20;
  while (at + 1 < end) {
    uint8_t kind = tcp[at];
    if (kind == 0) return;
    if (kind == 1) {
      at++;
      continue;
    }
    uint8_t size = tcp[at + 1];
    if (size < 2 || at + size > end) return;
    if (kind == 2 && size == 4) {
      uint32_t old = get16(tcp + at + 2);
      if (old <= most) return;
      uint32_t value = most;
      put16(tcp + at + 2, value);
      if (at % 2 == 1) { /* an option at an odd offset lies across two checksum words */
        old = (old & 0xff) << 8 | old >> 8;
        value = (value & 0xff) << 8 | value >> 8;
      }
      put16(tcp + 16, ~fold((~get16(tcp + 16) & 0xffff) + (~old & 0xffff) + value)); /* RFC 1624 section 3 */
      return;
    }
    at += size;
  }
}

uint8_t inner_traffic_class(const uint8_t *bytes) {
  return bytes[0] >> 4 == 4 ? bytes[1] : (uint8_t)(bytes[0] << 4 | bytes[1] >> 4);
}

bool inner_merge_ecn(uint8_t *bytes, const struct inner *inner, uint8_t outer) {
  enum { NOT_ECT = 0, ECT_1 = 1, CE = 3 };
  uint8_t had = inner_traffic_class(bytes) & INNER_ECN;
  outer &= INNER_ECN;
  if (had == NOT_ECT) return outer != CE;
  if (had == CE || (outer != CE && outer != ECT_1) || outer == had) return true;
  if (inner->version == 4) {
    uint32_t old = get16(bytes);
    bytes[1] = (uint8_t)((bytes[1] & ~INNER_ECN) | outer);
    put16(bytes + 10, ~fold((~get16(bytes + 10) & 0xffff) + (~old & 0xffff) + get16(bytes))); /* RFC 1624 section 3 */
  } else {
    bytes[1] = (uint8_t)((bytes[1] & ~(INNER_ECN << 4)) | outer << 4);
  }
  return true;
}

size_t inner_limit(const struct inner *inner, uint32_t mtu) {
  return inner->version == 6 && mtu < IPV6_MIN_MTU ? IPV6_MIN_MTU : mtu;
}

size_t inner_too_big(uint8_t *out, const uint8_t *bytes, const struct inner *inner, uint32_t mtu) {
  size_t limit = inner_limit(inner, mtu);
  int type = inner->source_port >> 8;
  if (inner->later_fragment) return 0;
  if (inner->version == 4) {
    if (inner->destination[0] >= 224) return 0;
    if (inner->protocol == 1 && inner->source_port >= 0 && type != 8) return 0;
    size_t quote = inner->length < inner->upper + 8 ? inner->length : inner->upper + 8;
    memset(out, 0, 28);
    out[0] = 0x45;
    put16(out + 2, (uint32_t)(28 + quote));
    out[8] = 64;
    out[9] = 1;
    memcpy(out + 12, inner->destination, 4);
    memcpy(out + 16, inner->source, 4);
    put16(out + 10, ~fold(sum_words(out, 20, 0)));
    out[20] = 3;
    out[21] = 4;
    put16(out + 26, limit > 65535 ? 65535 : (uint32_t)limit);
    memcpy(out + 28, bytes, quote);
    put16(out + 22, ~fold(sum_words(out + 20, 8 + quote, 0)));
    return 28 + quote;
  }
  if (inner->destination[0] == 0xff || inner->source[0] == 0xff) return 0;
  if (inner->protocol == 58 && inner->source_port >= 0 && type < 128) return 0;
  size_t quote = inner->length < IPV6_MIN_MTU - 48 ? inner->length : IPV6_MIN_MTU - 48;
  memset(out, 0, 48);
  out[0] = 0x60;
  put16(out + 4, (uint32_t)(8 + quote));
  out[6] = 58;
  out[7] = 64;
  memcpy(out + 8, inner->destination, 16);
  memcpy(out + 24, inner->source, 16);
  out[40] = 2;
  put16(out + 44, (uint32_t)(limit >> 16));
  put16(out + 46, (uint32_t)limit & 0xffff);
  memcpy(out + 48, bytes, quote);
  uint32_t sum = sum_words(out + 8, 32, (uint32_t)(8 + quote + 58)); /* pseudo-header, RFC 8200 section 8.1 */
  put16(out + 42, ~fold(sum_words(out + 40, 8 + quote, sum)));
  return 48 + quote;
}
