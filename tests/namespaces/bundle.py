# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed host bundle for tests: real GRUB; a kernel, an initrd and a shim that are noise; a root that is partly a hole."""

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
    """vmlinuz, initrd, root, the boot loaders and keys/ in a folder."""
    for name, size in (("vmlinuz", 8 * MIB + 5), ("initrd", 20 * MIB), ("shimx64.efi", MIB + 7), ("mmx64.efi", MIB - 9)):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(random.Random(size).randbytes(size))
    make_root(os.path.join(folder, "root"), ROOT_BYTES)
    for platform, out, disk in (("i386-pc", "core.img", ["biosdisk"]), ("x86_64-efi", "grubx64.efi", ["all_video"]),
                                ("x86_64-efi", "chain-grubx64.efi", [])):
        ns.run("grub-mkimage", "-O", platform, "-o", os.path.join(folder, out), "-p", "/grub", *disk, "part_gpt", "fat", "normal",
               "search_label", "linux")
    make_keys(folder, "keys")


def make(folder, name, key="keys", root="root"):
    def at(*names):
        return os.path.join(folder, *names)
    ns.run(ns.built("ingot-bundle"), "create", "--key", at(key, "signing.key"), "--version", "1", "--out", at(name),
           f"kernel={at('vmlinuz')}", f"initrd={at('initrd')}", f"bios-boot={GRUB}/i386-pc/boot.img",
           f"bios-core={at('core.img')}", f"efi-shim={at('shimx64.efi')}", f"efi-keys={at('mmx64.efi')}",
           f"efi-loader={at('grubx64.efi')}", f"efi-chain={at('chain-grubx64.efi')}", f"root={at(root)}")
