# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that is a Linux: Debian's kernel with busybox (of the lab), started by GRUB from a raw disk. It does what a guest with
cloud-init does first: finds the file system labelled cidata, and runs the script that is its user data."""

import gzip
import os
import subprocess

from ns import TOP, run

MIB = 1 << 20
SIZE = 48 * MIB
START = 1 * MIB  # of its one partition; before it GRUB
INIT = """#!/bin/sh
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
modprobe -a virtio_pci virtio_blk virtio_net isofs
mkdir -p /seed
until seed=$(findfs LABEL=cidata); do usleep 100000; done
mount -t iso9660 -o ro "$seed" /seed
echo "guest seed $seed: $(ls /seed | tr '\\n' ' ')"
read -r first </seed/user-data
echo "guest user-data $first"
exec sh /seed/user-data
"""
GRUB = """linux (hd0,msdos1)/vmlinuz console=ttyS0 quiet panic=-1
initrd (hd0,msdos1)/initrd
boot
"""


def make_initrd(folder, parts):
    """The lab's, and our /init over its."""
    init = os.path.join(folder, "init")
    with open(init, "w", encoding="ascii") as f:
        f.write(INIT)
    os.chmod(init, 0o755)
    archive = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=folder, input=b"init\n",
                             capture_output=True, check=True).stdout
    with open(os.path.join(parts, "initrd"), "rb") as f:
        before = f.read()
    with open(os.path.join(folder, "initrd"), "wb") as f:
        f.write(before + bytes(-len(before) % 4) + gzip.compress(archive))


def make_grub(folder):
    with open(os.path.join(folder, "early.cfg"), "w", encoding="ascii") as f:
        f.write(GRUB)
    run("grub-mkimage", "-O", "i386-pc", "-o", os.path.join(folder, "core.img"), "-p", "(hd0,msdos1)/", "-c",
        os.path.join(folder, "early.cfg"), "biosdisk", "part_msdos", "fat", "linux", "boot", "normal")


def make_disk(folder, path):
    """Makes the disk, as the file path, in a folder that is there."""
    parts = os.path.join(TOP, "build/lab-parts")
    make_initrd(folder, parts)
    make_grub(folder)
    with open(path, "wb") as f:
        f.truncate(SIZE)
    run("sfdisk", "--quiet", path, input=f"label: dos\nstart={START // 512}, type=c, bootable\n")
    where = f"{path}@@{START}"
    run("mformat", "-i", where, "-T", str((SIZE - START) // 512), "-F", "-h", "64", "-s", "32", "::")
    run("mcopy", "-i", where, os.path.join(parts, "vmlinuz"), os.path.join(folder, "initrd"), "::")
    with open("/usr/lib/grub/i386-pc/boot.img", "rb") as f:
        boot = f.read(440)
    with open(os.path.join(folder, "core.img"), "rb") as f:
        core = f.read()
    assert len(core) < START - 512
    with open(path, "r+b") as f:
        f.write(boot)  # it goes on with the second sector
        f.seek(512)
        f.write(core)
