# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults which the tests need: spoiled bundles, a kernel without kexec, a shell in a node, words on its kernel's command line.

A shell in a node is got the way a person with the machine before him would: the machine is
switched off, `ingot.debug` is put into GRUB's configuration on its disk, it is switched on,
and its serial console (over the BMC) then has a shell. The product takes no part in it.
"""

from __future__ import annotations

import itertools
import re
import shutil
import struct
import subprocess
import tarfile
from pathlib import Path
from typing import IO

from .console import SerialOverLan
from .machine import Machine, running
from .bmc import BmcProcess
from .wait import Deadline, LabError

SECTOR = 512
DEBUG_WORD = "ingot.debug"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


# Disks

def partitions(disk: Path) -> dict[str, tuple[int, int]]:
    """Name -> (offset, size) in bytes, from the primary GPT (UEFI 2.10, 5.3)."""
    with disk.open("rb") as image:
        image.seek(SECTOR)
        header = image.read(92)
        if header[:8] != b"EFI PART":
            return {}
        table_lba, count, size = struct.unpack_from("<QII", header, 72)
        image.seek(table_lba * SECTOR)
        found = {}
        for _ in range(count):
            entry = image.read(size)
            if entry[:16] == bytes(16):
                continue
            first, last = struct.unpack_from("<QQ", entry, 32)
            name = entry[56:128].decode("utf-16-le").rstrip("\0")
            found[name] = (first * SECTOR, (last - first + 1) * SECTOR)
        return found


def is_blank(disk: Path) -> bool:
    """Whether nothing was ever written to a sparse disk."""
    return disk.stat().st_blocks == 0


def boot_loaders(disk: Path) -> set[str]:
    """By which firmware the disk can be started: boot code in its MBR (bios), the default loader of its ESP (uefi)."""
    found = set()
    with disk.open("rb") as image:
        if any(image.read(440)):
            found.add("bios")
    esp = partitions(disk).get("ingot-esp")
    if esp and subprocess.run(["mdir", "-i", f"{disk}@@{esp[0]}", "::/EFI/BOOT/BOOTX64.EFI"], capture_output=True,
                              check=False, env={"PATH": "/usr/bin:/bin"}).returncode == 0:
        found.add("uefi")
    return found


def _mtools(*argv: str, stdin: bytes | None = None) -> bytes:
    done = subprocess.run(argv, input=stdin, capture_output=True, check=False, env={"PATH": "/usr/bin:/bin"})
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def add_kernel_word(machine: Machine, word: str = DEBUG_WORD) -> None:
    """Adds a word to the command line in GRUB's configuration on the machine's disk."""
    if running(machine):
        raise LabError(f"{machine.name} is on; its disk must not be written from here")
    disk = machine.path / "disk0.raw"
    esp = partitions(disk).get("ingot-esp")
    if not esp:
        raise LabError(f"{disk} has no partition ingot-esp")
    image = f"{disk}@@{esp[0]}"
    text = _mtools("mtype", "-i", image, "::/grub/grub.cfg").decode()
    changed, count = re.subn(r"(ingot\.root=\S+)", rf"\1 {word}", text)
    if not count:
        raise LabError(f"no ingot.root= in grub.cfg of {disk}: {text}")
    _mtools("mcopy", "-o", "-i", image, "-", "::/grub/grub.cfg", stdin=changed.encode())


# A shell in a node

class NodeShell:
    """Commands in a node, over serial over LAN, where the kernel was started with ingot.debug."""

    def __init__(self, bmc: BmcProcess) -> None:
        self._sol = SerialOverLan(bmc)
        self._serial = itertools.count(1)

    def __enter__(self) -> "NodeShell":
        self._sol.__enter__()
        return self

    def __exit__(self, *reason: object) -> None:
        self._sol.__exit__(None, None, None)

    def run(self, command: str, seconds: float = 60) -> str:
        """Runs one line and returns what it printed; a status other than 0 is an error."""
        number = next(self._serial)
        # The shell echoes the line; the marks are written so that only their output matches.
        self._sol.send(f"echo be''gin-{number}; {command}; echo en''d-{number} $?\r".encode())
        deadline = Deadline(seconds)
        self._sol.expect(f"begin-{number}\r\n".encode(), deadline)
        output = self._sol.expect(f"end-{number} ".encode(), deadline).decode(errors="replace")
        status = self._sol.expect(b"\r\n", deadline).decode(errors="replace").strip()
        if status != "0":
            raise LabError(f"in the node: {command}: status {status}: {output.strip()}")
        return output.replace("\r\n", "\n").strip()

    def kill(self, program: str) -> int:
        """kill -9 of the one process of that name; returns the id it had."""
        pid = int(self.run(f"pidof -s {program}"))
        self.run(f"kill -9 {pid}")
        return pid


# Bundles

def _plain(bundle: Path, work: Path) -> Path:
    """The bundle without compression, as a copy that may be changed."""
    copy = work / "bundle.tar"
    with bundle.open("rb") as source:
        compressed = source.read(4) == ZSTD_MAGIC
    argv = ["zstd", "-dqf", str(bundle), "-o", str(copy)] if compressed else ["cp", "--sparse=always", str(bundle), str(copy)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return copy


def _flip(image: IO[bytes], offset: int) -> None:
    image.seek(offset)
    byte = image.read(1)
    image.seek(offset)
    image.write(bytes([byte[0] ^ 0xFF]))


def altered_bundle(bundle: Path, work: Path, part: str) -> Path:
    """A copy with one byte of one of its files changed."""
    copy = _plain(bundle, work)
    with tarfile.open(copy) as archive:
        member = next((m for m in archive if m.name == part), None)
        if member is None:
            raise LabError(f"{bundle} holds no {part}")
        offset = member.offset_data + min(member.size, 4096) // 2
    with copy.open("r+b") as image:
        _flip(image, offset)
    return copy.rename(work / f"altered-{part}.bundle")


def unsigned_bundle(bundle: Path, work: Path) -> Path:
    """A copy without its signature."""
    plain, copy = _plain(bundle, work), work / "unsigned.bundle"
    with tarfile.open(plain) as source, tarfile.open(copy, "w", format=tarfile.PAX_FORMAT) as target:
        for member in source:
            if member.name != "manifest.sig":
                target.addfile(member, source.extractfile(member))
    plain.unlink()
    return copy


# The live image

LIVE_INIT = Path(__file__).resolve().parents[2] / "images/live/init"
# On the machine with this serial number the kernel lets nobody load another one, till it is booted anew
# (Documentation/admin-guide/sysctl/kernel.rst, kexec_load_disabled). Everything else is the image's own.
WITHOUT_KEXEC = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
read -r serial </sys/class/dmi/id/product_serial
[ "$serial" != "{serial}" ] || echo 1 >/proc/sys/kernel/kexec_load_disabled
/bin/busybox umount /sys /proc
exec /init.image
"""


def live_without_kexec(live: Path, work: Path, serial: str) -> Path:
    """A copy of the live image that refuses kexec on one machine, as a site would harden it: what is unpacked last counts
    (Documentation/driver-api/early-userspace/buffer-format.rst), so the initrd gets one archive more."""
    root, image = work / "root", work / "image"
    root.mkdir()
    image.mkdir()
    shutil.copyfile(live / "vmlinuz", image / "vmlinuz")
    shutil.copyfile(live / "initrd", image / "initrd")
    shutil.copyfile(LIVE_INIT, root / "init.image")
    (root / "init").write_text(WITHOUT_KEXEC.format(serial=serial), encoding="ascii")
    for name in ("init", "init.image"):
        (root / name).chmod(0o755)
    done = subprocess.run(["cpio", "--create", "--quiet", "--format=newc", "--owner=0:0"], input=b"init\ninit.image\n",
                          cwd=root, capture_output=True, check=False)
    if done.returncode != 0:
        raise LabError(f"cpio: {done.stderr.decode(errors='replace').strip()}")
    with (image / "initrd").open("ab") as initrd:
        initrd.write(bytes(-initrd.tell() % 4) + done.stdout)
    return image
