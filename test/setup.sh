#!/bin/sh
# Installs the Debian packages that a verb needs, when root; otherwise says what is missing. Safe to run again and again.
#   test/setup.sh build|package|fuzz|demo|test
# Exit 0: everything is there. Exit 1: something is missing; the reason is on stderr.
set -u
verb=${1:-build}

# COMMAND or /FILE, and the package that brings it.
need_build='cc:gcc /usr/include/linux/if_tun.h:linux-libc-dev /usr/include/stdio.h:libc6-dev'
need_package="$need_build musl-gcc:musl-tools xz:xz-utils"
# libFuzzer, and the runtime of its sanitizers.
need_fuzz="$need_build clang:clang clang:libclang-rt-14-dev"
need_demo="$need_build ip:iproute2 nsenter:util-linux"
need_test="$need_package $need_demo nft:nftables tcpdump:tcpdump mosquitto:mosquitto mosquitto_sub:mosquitto-clients openssl:openssl
  /usr/sbin/charon-systemd:charon-systemd swanctl:strongswan-swanctl /usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so:libcharon-extra-plugins
  python3:python3-minimal ping:iputils-ping git:git
  linux.uml:user-mode-linux modprobe:kmod iptables-legacy:iptables /usr/sbin/iked:openiked"

PATH=$PATH:/usr/sbin:/sbin
eval "list=\$need_$verb"
missing=
for pair in $list; do
  what=${pair%%:*}
  package=${pair#*:}
  case $what in
    /*) [ -e "$what" ] && continue ;;
    *) command -v "$what" >/dev/null 2>&1 && continue ;;
  esac
  case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
done
# libreswan would push strongSwan out if it were installed: its package is unpacked, the libraries it needs are installed.
peers=$(dirname "$0")/../build/peers
pluto=$peers/libreswan/usr/libexec/ipsec/pluto
unpack=
if [ "$verb" = test ] && { [ ! -x "$pluto" ] || ldd "$pluto" | grep -q 'not found'; }; then
  unpack=yes
  missing="$missing libnss3-tools libcurl3-nss libevent-core-2.1-7 libevent-pthreads-2.1-7 libldap-2.5-0 libldns3 libunbound8 libpam0g libaudit1 libcap-ng0 libselinux1"
fi
[ -z "$missing" ] && exit 0

if [ "$(id -u)" != 0 ]; then
  echo "missing Debian packages:$missing (as root: apt-get install$missing)" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "missing:$missing, and there is no apt-get to install them" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Services must not start: the tests run their own, in their own namespaces.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
  trap 'rm -f "$log" /usr/sbin/policy-rc.d' EXIT
fi
# shellcheck disable=SC2086
if apt-get install -y --no-install-recommends $missing >"$log" 2>&1 || { apt-get update >>"$log" 2>&1 && apt-get install -y --no-install-recommends $missing >>"$log" 2>&1; }; then
  echo "installed:$missing"
  [ -z "$unpack" ] && exit 0
  mkdir -p "$peers" && cd "$peers" && rm -rf libreswan libreswan_*.deb && apt-get download libreswan >"$log" 2>&1 && dpkg -x libreswan_*.deb libreswan && rm -f libreswan_*.deb && exit 0
  missing=' libreswan (unpacked in build/peers)'
fi
tail -n 5 "$log" >&2
echo "could not install:$missing" >&2
exit 1
