#!/bin/sh
# Installs the real peers that test/interop talks to, from Debian's packages. May run any number of times. Ends with 0
# when everything is there, otherwise with 1 and a plain reason. No service of the packages is left running.
set -eu
PATH=$PATH:/usr/sbin:/sbin
LIBIPSEC=/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so

missing() {
  packages=
  command -v charon-systemd >/dev/null || packages="$packages charon-systemd"
  command -v swanctl >/dev/null || packages="$packages strongswan-swanctl"
  [ -e "$LIBIPSEC" ] || packages="$packages libcharon-extra-plugins"
  command -v nft >/dev/null || packages="$packages nftables"
  command -v ip >/dev/null || packages="$packages iproute2"
  command -v nsenter >/dev/null || packages="$packages util-linux"
  command -v cc >/dev/null || packages="$packages gcc libc6-dev"
  echo "$packages"
}

fail() {
  echo "interop: $*" >&2
  exit 1
}

packages=$(missing)
[ -n "$packages" ] || exit 0
[ "$(id -u)" = 0 ] || fail "these packages are missing and only root can install them:$packages"
command -v apt-get >/dev/null || fail "these packages are missing and there is no apt-get:$packages"

# 101 forbids the packages to start what they bring; somebody else's rule stays as it is.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
  made=$policy
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
fi
log=$(mktemp)
trap 'rm -f ${made:+"$made"} "$log"' EXIT
trap 'exit 130' INT TERM

export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 -- a list of words
install() {
  apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold $packages >"$log" 2>&1
}
install || { apt-get update >/dev/null 2>&1 && install; } || {
  tail -n 5 "$log" >&2
  fail "apt-get could not install:$packages"
}
# The unit of charon-systemd would start at the next boot.
case "$packages" in
*charon-systemd*) [ ! -d /run/systemd/system ] || systemctl disable --now strongswan.service >/dev/null 2>&1 || true ;;
esac
packages=$(missing)
[ -z "$packages" ] || fail "still missing after installation:$packages"
