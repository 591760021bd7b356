# SPDX-License-Identifier: GPL-3.0-or-later
"""From the installation medium to the sign-in page, by answers, on one machine; and its write beside dd in the same live image."""

from __future__ import annotations

import re
import time
from pathlib import Path
from statistics import mean

from lab.wait import LabError
from medium_appliance import Appliance
from medium_box import Box, Console, on_usb
from medium_unattended import BOOT, PASSWORD, WRITE, Unattended

from .context import Bench
from .plain_boot import direct, initrd_with_hash, powered_at

RATE_RATIO = 1 / 0.9  # at least 0.9 of dd's rate
SIGN_IN_GOAL = 300.0  # seconds, with KVM
MEDIUM = "/mnt/ingot/host.bundle"


def iso(bench: Bench) -> Path:
    found = sorted(bench.build.glob("ingot-*.iso"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise LabError(f"there is no installation medium in {bench.build}: sudo make iso")
    return found[-1]


def timed(console: Console, command: str) -> float:
    """Seconds by the machine's own clock."""
    said = console.run(f"read a rest </proc/uptime; {command}; s=$?; read b rest </proc/uptime; echo took $a $b; [ $s = 0 ]", WRITE)
    found = re.search(r"took (\S+) (\S+)", said)
    if not found:
        raise LabError(f"no time in {said!r}")
    return float(found[2]) - float(found[1])


def blank(box: Box) -> None:
    """As it came: what has been written before would be written over faster, or slower, than the first time."""
    with box.disk.open("r+b") as disk:
        disk.truncate(0)
        disk.truncate(box.machine.disks[0].size)


class Plain:
    """The same medium, disk and machine in the live image's shell, without the installer."""

    def __init__(self, bench: Bench, box: Box, medium: Path) -> None:
        self._box, self._medium, self._size = box, medium, (bench.build / "images/host.bundle").stat().st_size
        self._vmlinuz = bench.build / "images/live/vmlinuz"
        self._initrd = initrd_with_hash(box.lab, bench.build / "images/live/initrd", bench.build / "bench-hash")
        self.wrote: list[float] = []
        self.read_back: list[float] = []

    def run(self) -> None:
        """dd of the bundle to the blank disk, and a hash of what it reads back. As when the installer writes, the medium was read
        before."""
        box = self._box
        blank(box)
        # QEMU gives the first place to the kernel that it is told.
        words = direct(self._vmlinuz, self._initrd, "console=ttyS0 ingot.debug quiet")
        console = box.switch_on(*on_usb(1, self._medium), *words)
        try:
            console.expect("ingot: live image, kernel", BOOT)
            console.expect("# ", BOOT)
            console.run(f"modprobe isofs; mkdir -p /mnt; until stick={of_size(self._medium.stat().st_size)}; do usleep 200000; done", BOOT)
            console.run("mount -t iso9660 -o ro $stick /mnt", BOOT)
            console.run(f"cat {MEDIUM} >/dev/null; disk={of_size(box.machine.disks[0].size)}", WRITE)
            self.wrote.append(timed(console, f"dd if={MEDIUM} of=$disk bs=1M conv=fsync 2>/dev/null"))
            self.read_back.append(timed(console, f"blockdev --flushbufs $disk && bench-hash {self._size} <$disk"))
        finally:
            box.cut_power()
            blank(box)


def of_size(size_bytes: int) -> str:
    """Shell words for the disk of this size: kernels do not name disks in one order."""
    return f"$(cd /sys/block; grep -lx {size_bytes // 512} sd*/size | sed 's,^,/dev/,; s,/size,,' | grep .)"


def installed(story: Unattended) -> dict[str, float]:
    """When the machine was switched on, when its steps began, and when it ended; as monotonic time."""
    story.write_answers(story.box.serial)
    console = story.box.start_medium(*story.medium(), *on_usb(2, story.answers))
    came = {"power": powered_at(story.box.machine), "installer": time.monotonic()}
    for step in ("medium", "check", "partition", "write", "verify", "identity", "loader"):
        console.expect(rf"^{step} +\d+ %", WRITE)
        came[step] = time.monotonic()
    console.expect("is installed", WRITE)
    came["installed"] = time.monotonic()
    story.box.await_end(120)
    came["end"] = time.monotonic()
    return came


def serves(story: Unattended, build: Path) -> tuple[float, float]:
    """Seconds from power-on to the sign-in page, and of these what asking for the page took."""
    story.box.switch_on()
    power = powered_at(story.box.machine)
    appliance = Appliance(story.box, PASSWORD, build)
    appliance.starts()
    appliance.banner()
    appliance.login()
    appliance.shell()  # brings the authority that the page is asked with
    asked = time.monotonic()
    appliance.dashboard()
    there = time.monotonic()
    story.box.cut_power()
    return there - power, there - asked


def measure(bench: Bench) -> None:
    medium = iso(bench)
    story = Unattended(bench.lab("medium"), medium, bench.build)
    box = story.box
    plain = Plain(bench, box, medium)
    plain.run()
    came = installed(story)
    to_page, page = serves(story, bench.build)
    plain.run()

    where, size = f"one machine, {box.machine.firmware}", (bench.build / "images/host.bundle").stat().st_size
    wrote = mean(plain.wrote)
    bench.add("medium: write", where, "MB/s", size / (came["verify"] - came["write"]) / 1e6, floor=size / wrote / 1e6,
              goal=RATE_RATIO, goal_is_ratio=True, remark="ours hashes it on the way; dd "
              + ", ".join(f"{seconds:.1f} s" for seconds in plain.wrote),
              floor_is="dd bs=1M conv=fsync of the same bundle from the same medium to the same blank disk, in the live image; "
                       "the mean of one before and one after")
    bench.add("medium: write and verify", where, "MB/s", size / (came["identity"] - came["write"]) / 1e6,
              floor=size / (wrote + mean(plain.read_back)) / 1e6, goal=RATE_RATIO, goal_is_ratio=True,
              floor_is="the same, then read back and hashed by a program that does nothing else")
    bench.add("medium: power-on to the installer", where, "s", came["installer"] - came["power"])
    bench.add("medium: checks, network probes", where, "s", came["partition"] - came["installer"])
    bench.add("medium: partition to boot loader", where, "s", came["installed"] - came["partition"])
    bench.add("medium: power-on to the sign-in page", where, "s", came["end"] - came["power"] + to_page, goal=SIGN_IN_GOAL,
              remark=f"with a login at the console and the page itself, {page:.1f} s")
