#include "tun.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_tun.h>

/* Sets the MTU and reads the index; 0 or an errno. */
static int configure(struct ifreq *request, uint32_t mtu, uint32_t *ifindex) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int error = 0;
  if (ioctl(fd, SIOCGIFINDEX, request) < 0) error = errno;
  else *ifindex = (uint32_t)request->ifr_ifindex;
  request->ifr_mtu = (int)mtu;
  if (error == 0 && ioctl(fd, SIOCSIFMTU, request) < 0) error = errno;
  close(fd);
  return error;
}

int tun_open_device(const char *name, uint32_t mtu, uint32_t *ifindex) {
  struct ifreq request;
  memset(&request, 0, sizeof request);
  if (name[0] == 0 || strlen(name) >= sizeof request.ifr_name) return -EINVAL;
  strcpy(request.ifr_name, name);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return -errno;
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  int error = ioctl(fd, TUNSETIFF, &request) < 0 ? errno : configure(&request, mtu, ifindex);
  /*
   * The device outlives a crash, with its routes and without anybody who reads: what was on its way into the tunnel goes
   * nowhere until the next daemon takes the device over. A kernel that refuses this only loses that.
   */
  if (error == 0) (void)ioctl(fd, TUNSETPERSIST, 1);
  if (error == 0) return fd;
  close(fd);
  return -error;
}

void tun_release_device(int fd) {
  (void)ioctl(fd, TUNSETPERSIST, 0);
}
