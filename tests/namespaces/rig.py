# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine to install from a medium: a disk (loop device) and interfaces (veth pairs) in a namespace, described by a recorded
sysfs; the medium is a folder. The wire behind lan0 and prov0 ends in the namespace "rack"."""

import contextlib
import glob
import hashlib
import os
import shutil

import bundle
import ns

GIB = 1 << 30
MACS = {"lan0x": "52:54:00:00:00:01", "prov0x": "52:54:00:00:00:02"}


class Rig:
    def __init__(self, network, disk_bytes=9 * GIB, rack=None):
        """rack: a namespace that is there, for the other end of the wires."""
        self.network = network
        self.folder = network.folder
        self.agent = ns.built("ingot-agent")
        self.space = network.namespace("machine")
        self.rack = rack or network.namespace("rack")
        self.disk_bytes = disk_bytes
        self.number = 0
        for name, mac in MACS.items():
            network.link(self.space, name, self.rack, f"to-{name}")
            ns.run("ip", "-n", self.space, "link", "set", name, "address", mac)
        bundle.make_parts(self.folder)
        bundle.make(self.folder, "host.bundle")
        self.make_medium()

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def make_medium(self):
        self.write("medium/ingot/version", "0.1.0\n")
        os.makedirs(self.path("medium/ingot/live"), exist_ok=True)
        for source, name in (("host.bundle", "host.bundle"), ("keys/signing.pub", "bundle.pub"), ("vmlinuz", "live/vmlinuz"),
                             ("initrd", "live/initrd")):
            shutil.copy(self.path(source), self.path("medium/ingot", name))
        lines = []
        for name in ("version", "host.bundle", "bundle.pub", "live/vmlinuz", "live/initrd"):
            with open(self.path("medium/ingot", name), "rb") as f:
                lines.append(f"{hashlib.file_digest(f, 'sha256').hexdigest()}  {name}\n")
        self.write("medium/ingot/SHA256SUMS", "".join(lines))

    @contextlib.contextmanager
    def machine(self, disk_bytes=None, sector_bytes=512, uefi=False):
        """A new machine; yields itself. .device is its disk."""
        self.number += 1
        size = disk_bytes or self.disk_bytes
        self.root = self.path(f"root-{self.number}")
        image = self.path(f"disk-{self.number}")
        with open(image, "wb") as f:
            f.truncate(size)
        self.image = image
        self.device = ns.run("losetup", "--find", "--show", "--sector-size", str(sector_bytes), image).stdout.strip()
        base = f"root-{self.number}"
        os.makedirs(f"{self.root}/dev")
        os.symlink(self.device, f"{self.root}/dev/vda")
        self.write(f"{base}/sys/block/vda/size", f"{size // 512}\n")
        ns.show_number(self.root, "vda", self.device)
        self.sector_bytes = sector_bytes
        self.write(f"{base}/sys/block/vda/queue/logical_block_size", f"{sector_bytes}\n")
        if uefi:
            os.makedirs(f"{self.root}/sys/firmware/efi")
        self.write(f"{base}/sys/block/vda/serial", "disk-a\n")
        self.write(f"{base}/sys/block/vda/device/model", "Test disk\n")
        self.write(f"{base}/proc/cmdline", "ingot.install console=tty0 console=ttyS0,115200 quiet\n")
        for name, mac in MACS.items():
            self.write(f"{base}/sys/class/net/{name}/address", mac + "\n")
            self.write(f"{base}/sys/class/net/{name}/carrier", "1\n")
            self.write(f"{base}/sys/class/net/{name}/type", "1\n")
            os.makedirs(f"{self.root}/sys/class/net/{name}/device")
        try:
            yield self
        finally:
            self.network.end_processes()
            ns.run("losetup", "--detach", self.device)
            os.unlink(image)

    def argv(self, *arguments):
        return [self.agent, "install", "--medium", self.path("medium"), "--sysroot", self.root, "--prefix", self.root, *arguments]

    def untouched(self):
        return os.stat(self.image).st_blocks == 0

    def bytes_at(self, offset, size):
        with open(self.device, "rb") as f:
            f.seek(offset)
            return f.read(size)

    def _pieces(self, piece, more=0):
        """What is on the disk and no hole: where, and the bytes there and some more."""
        os.sync()  # a hole may be one only because it was not written yet
        with open(self.image, "rb") as f:
            at = 0
            while True:
                try:
                    at = os.lseek(f.fileno(), at, os.SEEK_DATA) // piece * piece
                except OSError:  # there is only a hole left
                    return
                yield at, os.pread(f.fileno(), piece + more, at)
                at += piece

    def has_bytes(self, wanted, piece=1 << 24):
        """Whether they stand anywhere on the disk, in a file or not."""
        return any(wanted in data for _, data in self._pieces(piece, len(wanted)))

    def digest(self, piece=1 << 20):
        """Of all that is on the disk."""
        digest = hashlib.sha256()
        for at, data in self._pieces(piece):
            if data.strip(b"\0"):
                digest.update(at.to_bytes(8, "big") + data)
        return digest.hexdigest()

    def windows(self):
        """The loop devices over the disk, which is one itself."""
        found = []
        for path in glob.glob("/sys/block/loop*/loop/backing_file"):
            with contextlib.suppress(OSError), open(path, encoding="utf-8") as f:  # it may go while we look
                if f.read().strip() == self.device:
                    found.append(path)
        return found

    def bootable(self):
        return self.bytes_at(0, 1) != b"\0"

    def offset_of(self, name):
        for line in ns.run("sfdisk", "--dump", self.device).stdout.splitlines():
            if f'name="{name}"' in line:
                return int(line.split("start=")[1].split(",")[0]) * self.sector_bytes
        raise AssertionError(f"there is no partition {name}")

    def state(self):
        """The state partition, as debugfs takes it."""
        return f"{self.device}?offset={self.offset_of('ingot-state')}"

    def cut_off(self, path, text):
        """The power fails: the first block of a file of the state partition has a new content in the journal, and has it nowhere
        else yet."""
        block = ns.run("debugfs", "-R", f"blocks {path}", self.state()).stdout.split()[0]
        content = self.write("block", text.ljust(4096, "\n"))
        commands = self.write("commands", f"jo\njw -b {block} {content}\njc\n")
        ns.run("debugfs", "-w", "-f", commands, self.state())
        assert self.needs_recovery()

    def needs_recovery(self):
        return "needs_recovery" in ns.run("dumpe2fs", "-h", self.state()).stdout

    def grub_config(self):
        return ns.run("mtype", "-i", f"{self.device}@@{self.offset_of('ingot-esp')}", "::/grub/grub.cfg").stdout

    def ask_state(self, request):
        return ns.run("debugfs", "-R", request, self.state()).stdout
