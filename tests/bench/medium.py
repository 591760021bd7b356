# SPDX-License-Identifier: GPL-3.0-or-later
"""From the installation medium to the sign-in page, by answers, on one machine; and its write beside dd in the same live image."""

from __future__ import annotations

import re
import time
from pathlib import Path

from lab.wait import LabError
from medium_appliance import Appliance
from medium_box import Box, Console, in_drive
from medium_unattended import BOOT, PASSWORD, WRITE, Unattended

from .context import Bench
from .plain_boot import direct, powered_at

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


def dd(bench: Bench, box: Box, medium: Path) -> float:
    """Seconds of dd of the bundle to the disk; as when the installer writes, the medium was read before."""
    live = bench.build / "images/live"
    console = box.switch_on(*in_drive(medium), *direct(live / "vmlinuz", live / "initrd", "console=ttyS0 ingot.debug quiet"))
    try:
        console.expect("ingot: live image, kernel", BOOT)
        console.expect("# ", BOOT)
        console.run("modprobe -a sr_mod isofs; mkdir -p /mnt; mount -t iso9660 -o ro /dev/sr0 /mnt", BOOT)
        console.run(f"cat {MEDIUM} >/dev/null", WRITE)
        # Kernels do not name disks in one order.
        console.run(f"disk=/dev/$(cd /sys/block; grep -lx {box.machine.disks[0].size // 512} sd*/size | cut -d/ -f1)")
        return timed(console, f"dd if={MEDIUM} of=$disk bs=1M conv=fsync 2>/dev/null")
    finally:
        box.cut_power()


def measure(bench: Bench) -> None:
    medium = iso(bench)
    story = Unattended(bench.lab("medium"), medium, bench.build)
    box = story.box
    story.write_answers(box.serial)
    console = story.boot_medium()
    began = powered_at(box.machine)
    begun = time.monotonic()
    came: dict[str, float] = {}
    for step in ("medium", "check", "partition", "write", "verify", "identity", "loader"):
        console.expect(rf"^{step} +\d+ %", WRITE)
        came[step] = time.monotonic()
    console.expect("is installed", WRITE)
    installed = time.monotonic()
    box.await_end(120)
    ended = time.monotonic()
    box.switch_on()
    again = powered_at(box.machine)
    appliance = Appliance(box, PASSWORD, bench.build)
    appliance.starts()
    appliance.banner()
    appliance.login()
    appliance.shell()  # brings the authority that the page is asked with
    asked = time.monotonic()
    appliance.dashboard()
    page = time.monotonic() - asked
    started = time.monotonic()
    box.cut_power()

    where, size = f"one machine, {box.machine.firmware}", (bench.build / "images/host.bundle").stat().st_size
    ours, floor = came["verify"] - came["write"], dd(bench, box, medium)
    bench.add("medium: write", where, "MB/s", size / ours / 1e6, floor=size / floor / 1e6, goal=RATE_RATIO, goal_is_ratio=True,
              floor_is="dd bs=1M conv=fsync of the same bundle from the same medium to the same disk, in the live image",
              remark="ours hashes what it writes, and reads back")
    bench.add("medium: power-on to the installer", where, "s", begun - began)
    bench.add("medium: checks, network probes", where, "s", came["partition"] - begun)
    bench.add("medium: partition to boot loader", where, "s", installed - came["partition"])
    bench.add("medium: power-on to the sign-in page", where, "s", (ended - began) + (started - again), goal=SIGN_IN_GOAL,
              remark=f"with a login at the console and the page itself, {page:.1f} s")
