#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# /init of the lab's own little guest (guest.py). It says on the console what it finds, one
# "floor WORD VALUE" a line, then does what it is told there: off, reboot, or echo.
export PATH=/bin:/sbin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
case $(cat /proc/cmdline) in
*floor.hello*)
    echo "floor hello"
    poweroff -f
    ;;
esac
modprobe -a ipmi_si ipmi_devintf virtio_pci virtio_scsi sd_mod virtio_blk virtio_net 2>/dev/null
echo "floor uuid $(cat /sys/class/dmi/id/product_uuid)"
echo "floor serial $(cat /sys/class/dmi/id/product_serial)"
if [ -d /sys/firmware/efi ]; then echo "floor firmware uefi"; else echo "floor firmware bios"; fi
echo "floor bootif $(sed -n 's/.*BOOTIF=\([^ ]*\).*/\1/p' /proc/cmdline)"
for nic in /sys/class/net/e*; do echo "floor nic $(cat "$nic/address")"; done
for disk in /sys/block/sd* /sys/block/vd*; do
    [ -e "$disk/size" ] || continue
    serial=$(cat "$disk/serial" 2>/dev/null || tail -c +5 "$disk/device/vpd_pg80" 2>/dev/null)
    echo "floor disk ${disk##*/} $(cat "$disk/size") $(cat "$disk/device/wwid" 2>/dev/null || echo none) $serial"
done
if [ -e /dev/ipmi0 ]; then
    echo "floor bmc-address $(ipmitool lan print 1 | sed -n 's/^IP Address  *: //p')"
    echo "floor bmc-mac $(ipmitool lan print 1 | sed -n 's/^MAC Address  *: //p')"
    echo "floor bmc-guid $(ipmitool mc guid | sed -n 's/^System GUID  *: //p')"
else
    echo "floor bmc-address none"
fi
echo "floor ready"
while read -r word rest; do
    case $word in
    off) poweroff -f ;;
    reboot) reboot -f ;;
    echo) echo "floor echo $rest" ;;
    esac
done
