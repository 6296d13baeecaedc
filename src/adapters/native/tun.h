/* A TUN device without packet information headers. It stays when its descriptor is closed, unless it was released before. */
#ifndef MOBIKED_TUN_H
#define MOBIKED_TUN_H

#include <stdint.h>

/* The descriptor, or a negative errno (ENOENT: no /dev/net/tun; EPERM, EACCES; EBUSY: the name is in use). */
int tun_open_device(const char *name, uint32_t mtu, uint32_t *ifindex);
/* From now on the device goes with its descriptor. */
void tun_release_device(int fd);

#endif
