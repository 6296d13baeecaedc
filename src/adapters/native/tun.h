/* A TUN device without packet information headers; gone when its descriptor is closed. */
#ifndef MOBIKED_TUN_H
#define MOBIKED_TUN_H

#include <stdint.h>

/* The descriptor, or a negative errno (ENOENT: no /dev/net/tun; EPERM, EACCES; EBUSY: the name is in use). */
int tun_open_device(const char *name, uint32_t mtu, uint32_t *ifindex);

#endif
