# SPDX-License-Identifier: GPL-3.0-or-later
"""The floors of a machine: the same kernels, files and disks in the same kind of QEMU machine, without the product."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Iterator

from lab import faults, net
from lab import machine as machines
from lab.faults import NodeShell
from lab.machine import Machine
from lab.netboot import HTTP_PORT, BootServer
from lab.proc import start_time
from lab.wait import Deadline, LabError
from lab.world import Lab

from .context import prefer
from .stamps import Stamps

CONSOLE = "console=ttyS0,115200"
BOOT, WRITE = 300, 300  # seconds
INIT, AGENT = "ingot: live image, kernel", "ingot: starting the agent"  # of the live image
MULTI_USER = r"Reached target .*multi-user\.target"
CLOCK_TICKS = 100  # of start times in /proc, a second
# As the live image's own script loads it, and says no more on the console.
SCRIPT = f"""#!ipxe
kernel /vmlinuz initrd=initrd BOOTIF=01-${{mac:hexhyp}} {CONSOLE}
initrd /initrd
boot
"""
# In busybox's shell: the same bytes to the disk; then the same read back from the disk and hashed, by a program of ours and
# so as fast as the agent does it. (A pipe through tee and a second hash take busybox far longer than the agent.)
DD = "wget -q -O - {url} | dd of={disk} bs=1M iflag=fullblock conv=fsync 2>/dev/null"
READ_BACK = "blockdev --flushbufs {disk} && bench-hash {size} <{disk}"


class PlainServer(BootServer):
    """DHCP, TFTP and HTTP that give everyone the live image, and the bundle to who asks for it."""

    def __init__(self, lab: Lab, images: Path, bundle: Path) -> None:
        self._bundle = bundle
        super().__init__(lab, images)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bundle, base = self._bundle, super()._handler()

        class Handler(base):  # type: ignore[valid-type,misc]
            def do_GET(self) -> None:
                if self.path.startswith("/boot/"):
                    self.answer(SCRIPT.encode())
                elif self.path == "/bundle":
                    self.send_response(200)
                    self.send_header("Content-Length", str(bundle.stat().st_size))
                    self.end_headers()
                    with bundle.open("rb") as data:
                        shutil.copyfileobj(data, self.wfile, 1 << 20)
                else:
                    super().do_GET()

        return Handler


def powered_at(machine: Machine) -> float:
    """When its QEMU was started, as monotonic time."""
    ticks = start_time(machines.must_run(machine).pid)
    if ticks is None:
        raise LabError(f"{machine.name} is off")
    return ticks / CLOCK_TICKS


@contextmanager
def switched_on(machine: Machine, kept: Path, *extra: str) -> Iterator[Stamps]:
    """The machine is on, with more arguments to QEMU; its console's lines are stamped, and kept."""
    stamps = Stamps(machine.serial_log)
    machines.power_on(dataclasses.replace(machine, extra=machine.extra + extra))
    powered = powered_at(machine)
    prefer(machines.must_run(machine).pid)
    try:
        yield stamps
    finally:
        stamps.close()
        stamps.keep(kept, powered)
        machines.power_off(machine)


def direct(kernel: Path, initrd: Path, words: str) -> tuple[str, ...]:
    return "-kernel", str(kernel), "-initrd", str(initrd), "-append", words


class Floors:
    """What one machine of the lab takes by itself. The provisioner has been stopped."""

    def __init__(self, lab: Lab, machine: Machine, build: Path, bundle: Path) -> None:
        self.machine, self._lab, self._bundle = machine, lab, bundle
        self._images = build / "images"
        self._server = PlainServer(lab, self._images / "live", bundle)
        self._words = f"{CONSOLE} BOOTIF=01-{machine.mac.replace(':', '-')}"
        self._hash = build / "bench-hash"
        self._kept = build / "bench" / "logs" / f"{machine.firmware}-floor"

    def close(self) -> None:
        self._server.close()

    def _log(self, name: str) -> Path:
        return self._kept.with_name(f"{self._kept.name}-{name}.log")

    def direct(self) -> tuple[float, float]:
        """Seconds from power-on to /init and to the agent's start, the kernel being given by QEMU."""
        live = self._images / "live"
        with switched_on(self.machine, self._log("live"), *direct(live / "vmlinuz", live / "initrd", self._words)) as stamps:
            return live_times(self.machine, stamps)

    def network(self) -> tuple[float, float]:
        """The same, from the network by a plain server."""
        self._network_first()
        with switched_on(self.machine, self._log("network")) as stamps:
            return live_times(self.machine, stamps)

    def _network_first(self) -> None:
        flags = bytes([machines.FLAG_VALID, 1 << 2, 0, 0, 0])  # once, IPMI 2.0, table 28-14
        (self.machine.path / "boot-flags").write_bytes(flags)

    def write(self) -> tuple[float, float]:
        """Seconds of dd in the live image, and of dd and reading back with a hash."""
        initrd = initrd_with_hash(self._lab, self._images / "live/initrd", self._hash)
        kernel = self._images / "live/vmlinuz"
        words = self._words + " ingot.debug quiet"
        with switched_on(self.machine, self._log("write"), *direct(kernel, initrd, words)) as stamps:
            stamps.at(AGENT, Deadline(BOOT))
            with NodeShell(self._lab.bmcs[self.machine.name]) as shell:
                until_shell(shell)
                # The agent has nobody to talk to here, and is started again and again.
                shell.run("rm /usr/sbin/ingot-agent; ln -s /bin/cat /usr/sbin/ingot-agent; mkfifo /live")
                sectors = self.machine.disks[0].size // 512
                found = re.search(r"block/(sd\w)/", shell.run(f"grep -lx {sectors} /sys/block/sd*/size"))
                if not found:
                    raise LabError("the live image has not found the disk")
                facts = {"url": f"http://{net.PROVISIONER.ip}:{HTTP_PORT}/bundle", "disk": f"/dev/{found[1]}",
                         "size": self._bundle.stat().st_size}
                written = timed(shell, DD.format(**facts))
                return written, written + timed(shell, READ_BACK.format(**facts))

    def host(self, disk: Path) -> float:
        """Seconds from power-on to multi-user.target, from a disk as the installer left it."""
        found = faults.partitions(disk).get("ingot-esp")
        if not found:
            raise LabError(f"{disk} was not installed")
        config = faults._mtools("mtype", "-i", f"{disk}@@{found[0]}", "::/grub/grub.cfg").decode()
        line = re.search(r"linux \S+ (.*)", config)
        if not line:
            raise LabError(f"no kernel in grub.cfg: {config}")
        disk.replace(self.machine.path / "disk0.raw")
        host = direct(self._images / "host/vmlinuz", self._images / "host/initrd", line[1])
        with switched_on(self.machine, self._log("host"), *host) as stamps:
            return stamps.at(MULTI_USER, Deadline(BOOT)) - powered_at(self.machine)


def initrd_with_hash(lab: Lab, initrd: Path, program: Path) -> Path:
    """The live image with one more program: a later archive in an initrd adds to the earlier ones."""
    folder = lab.directory("hash")
    (folder / "add/usr/bin").mkdir(parents=True)
    shutil.copy(program, folder / "add/usr/bin/bench-hash")
    names = subprocess.run(["find", ".", "-mindepth", "1"], cwd=folder / "add", check=True, capture_output=True).stdout
    added = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=folder / "add", input=names,
                           check=True, capture_output=True).stdout
    fresh = folder / "initrd"
    fresh.write_bytes(initrd.read_bytes() + added)
    return fresh


def live_times(machine: Machine, stamps: Stamps) -> tuple[float, float]:
    """Seconds from power-on to the live image's /init, and to the start of its agent."""
    powered, deadline = powered_at(machine), Deadline(BOOT)
    return stamps.at(INIT, deadline) - powered, stamps.at(AGENT, deadline) - powered


def until_shell(shell: NodeShell) -> None:
    deadline = Deadline(BOOT)
    while True:
        try:
            shell.run("true", 10)
            return
        except LabError:
            if deadline.expired():
                raise


def timed(shell: NodeShell, command: str) -> float:
    """Seconds by the guest's own clock."""
    text = shell.run(f"read a rest </proc/uptime; {command}; s=$?; read b rest </proc/uptime; echo took $a $b; [ $s = 0 ]",
                     WRITE)
    found = re.search(r"took (\S+) (\S+)", text)
    if not found:
        raise LabError(f"no time in {text!r}")
    return float(found[2]) - float(found[1])
