#!/bin/busybox sh
# The emulated machine's first process: the host's root file system, read-only, with fresh /tmp and
# /run; there it runs /guest, whose output goes to the second serial port and its status to the third.
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs devtmpfs /dev
for module in $($B cat /modules/order); do $B insmod "/modules/$module"; done
$B mount -t virtiofs -o ro host /host || $B reboot -f
for directory in proc sys dev; do $B mount --move "/$directory" "/host/$directory"; done
$B mount -t tmpfs tmpfs /host/run
$B mount -t tmpfs tmpfs /host/tmp
$B mount -t tracefs tracefs /host/sys/kernel/tracing
$B mount -t bpf bpf /host/sys/fs/bpf
$B ifconfig lo 127.0.0.1 up
$B cp /guest /host/run/guest
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
$B chroot /host /bin/bash /run/guest </host/dev/null >/host/dev/ttyS1 2>&1
echo $? >/host/dev/ttyS2
$B reboot -f
