#!/bin/bash
# What the second kernel starts: this machine's files, read-only; what is written goes to memory. $CHECKOUT, $NODE and
# $ARGUMENTS come from the kernel's command line.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TZ=UTC CONTROL_GROUPS=required
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 lib /var/lib
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm /sys/fs/cgroup /run/home
mkdir -m 1777 /run/tmp
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
for i in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${i%%:*}" "/dev/${i##*:}"; done
ip link set lo up
export TMPDIR=/run/tmp HOME=/run/home NODE_COMPILE_CACHE=/run/tmp/compiled
cd "$CHECKOUT" || exit
# As on a machine, in the root of all groups; then as in a container, in a group that has a root of its own.
"$NODE" ${ARGUMENTS//,/ } || failed=1
mkdir /sys/fs/cgroup/container
echo $$ >/sys/fs/cgroup/container/cgroup.procs
unshare --cgroup --mount bash -c "umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
  exec '$NODE' --test-name-pattern='which limits|memory hog' ${ARGUMENTS//,/ }" || failed=1
echo "The tests ended with ${failed:-0}."
echo o >/proc/sysrq-trigger
sleep 60
