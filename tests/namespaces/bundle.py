# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed host bundle for tests: real GRUB, a kernel and an initrd that are noise, a root that is partly a hole."""

import os
import random

import ns

MIB = 1 << 20
ROOT_BYTES = 200 * MIB
GRUB = "/usr/lib/grub"


def make_keys(folder, name):
    ns.run(ns.built("ingot-bundle"), "keygen", "--out", os.path.join(folder, name))


def make_root(path, size):
    """Of each 75 MiB 40 are noise, the others a hole."""
    with open(path, "wb") as f:
        for start in range(0, size - 40 * MIB, 75 * MIB):
            f.seek(start)
            f.write(random.Random(start).randbytes(40 * MIB))
        f.truncate(size)


def make_parts(folder):
    """vmlinuz, initrd, root, core.img, grubx64.efi and keys/ in a folder."""
    for name, size in (("vmlinuz", 8 * MIB + 5), ("initrd", 20 * MIB)):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(random.Random(size).randbytes(size))
    make_root(os.path.join(folder, "root"), ROOT_BYTES)
    for platform, out, disk in (("i386-pc", "core.img", ["biosdisk"]), ("x86_64-efi", "grubx64.efi", [])):
        ns.run("grub-mkimage", "-O", platform, "-o", os.path.join(folder, out), "-p", "/grub", *disk, "part_gpt", "fat", "normal",
               "search_label", "linux")
    make_keys(folder, "keys")


def make(folder, name, key="keys", root="root"):
    def at(*names):
        return os.path.join(folder, *names)
    ns.run(ns.built("ingot-bundle"), "create", "--key", at(key, "signing.key"), "--version", "1", "--out", at(name),
           f"kernel={at('vmlinuz')}", f"initrd={at('initrd')}", f"bios-boot={GRUB}/i386-pc/boot.img",
           f"bios-core={at('core.img')}", f"efi-loader={at('grubx64.efi')}", f"root={at(root)}")
