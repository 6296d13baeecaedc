#!/bin/sh
# Installs what the system tests use, on Debian, as root. May run twice: what is there is left alone.
set -eu

missing=''
need() { # COMMAND PACKAGE
  PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need ip iproute2
need nsenter util-linux
need setpriv util-linux
need cc gcc
need tcpdump tcpdump
need ping iputils-ping
need mosquitto mosquitto
need mosquitto_sub mosquitto-clients
need openssl openssl
# The headers of the C library are a package of their own.
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
[ -z "$missing" ] && exit 0

missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
if [ "$(id -u)" != 0 ]; then
  echo "system tests: not installed: ${missing}(run as root to install them)" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "system tests: not installed: ${missing}(this is no Debian: install them by hand)" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { apt-get install -y -q --no-install-recommends $missing >>"$log" 2>&1; }
install || { apt-get update -q >>"$log" 2>&1 && install; } || {
  echo "system tests: apt-get could not install: $missing" >&2
  tail -n 5 "$log" >&2
  exit 1
}
