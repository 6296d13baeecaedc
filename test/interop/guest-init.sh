#!/bin/sh
# First process of a User Mode Linux guest whose root is this machine's, read-only. What it writes lies in tmpfs, or in
# $MOBIKED_RESULTS of this machine, which is mounted at /mnt. Runs $MOBIKED_ENTRY with node and ends the guest.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run
exec </dev/null
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t hostfs -o "$MOBIKED_RESULTS" results /mnt
exec >/mnt/guest.log 2>&1
mount -t tmpfs run /run
mkdir -p /dev/shm /run/tmp /run/lock
mount -t tmpfs shm /dev/shm
mount -t tmpfs locks /var/lib/openiked 2>/dev/null && mkdir -p /var/lib/openiked/empty
# pluto looks for its helpers where its package would put them.
mount -t tmpfs libexec /usr/libexec && ln -s "$MOBIKED_ROOT/build/peers/libreswan/usr/libexec/ipsec" /usr/libexec/ipsec
# iked has its keys in one place: a copy that it can be given others in.
[ -d /etc/iked ] && cp -a /etc/iked /run/iked && mount --bind /run/iked /etc/iked
ip link set lo up

# Modules load themselves when they are asked for, those of ESP and its algorithms too.
mkdir -p /run/modules/lib/modules
ln -s "/usr/lib/uml/modules/$(uname -r)" /run/modules/lib/modules/
printf '#!/bin/sh\nexec modprobe -d /run/modules "$@"\n' > /run/modprobe
chmod 755 /run/modprobe
echo /run/modprobe > /proc/sys/kernel/modprobe
/run/modprobe -a tun veth dummy esp4 esp6 xfrm_user gcm seqiv authenc echainiv cbc hmac sha512_generic ip_tables iptable_nat iptable_filter ip6table_filter xt_MASQUERADE af_key chacha20poly1305
cat /proc/uptime

cd "$MOBIKED_ROOT" || echo 'no root'
export TMPDIR=/run/tmp
"$MOBIKED_NODE" --enable-source-maps "$MOBIKED_ENTRY"
echo "guest's program ended with $?"
sync
echo o > /proc/sysrq-trigger
sleep 5
