#!/bin/busybox sh
# The emulated machine's first process: the host's root file system, read-only, with fresh /tmp and
# /run; there it runs /guest, whose output goes to the second serial port and its status to the third.
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs devtmpfs /dev
for module in $($B cat /modules/order); do $B insmod "/modules/$module"; done
$B mount -t virtiofs -o ro host /root || $B reboot -f
for directory in proc sys dev; do $B mount --move "/$directory" "/root/$directory"; done
$B mount -t tmpfs tmpfs /root/run
$B mount -t tmpfs tmpfs /root/tmp
$B mount -t tracefs tracefs /root/sys/kernel/tracing
$B mount -t bpf bpf /root/sys/fs/bpf
$B ifconfig lo 127.0.0.1 up
$B cp /guest /root/run/guest
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
$B chroot /root /bin/bash /run/guest </root/dev/null >/root/dev/ttyS1 2>&1
echo $? >/root/dev/ttyS2
$B reboot -f
