# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing the host, without machines: time beside dd, and memory that must not grow with the image."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import ns
from lab import net
from lab.provisioner import BOOT_PORT
from lab.wait import Deadline
from nodes import Disk

from .context import Bench
from .memory import memory_mb, peak_mb, reset_peak
from .rack import DEPLOY, SYSTEM_DISK, Rack, RackMachine
from .stamps import Stamps
from .table import RATIO, middle

TIMES = 4  # how much larger the other image is
ROUNDS = 3
GROWTH = 1.1  # of the peak, allowed from the one image to the other
PARTS = ("kernel=vmlinuz", "initrd=initrd")
EFI_PARTS = (("shim", "shimx64.efi"), ("keys", "mmx64.efi"), ("loader", "grubx64.efi"), ("chain", "chain-grubx64.efi"))
STEPS = ("check", "partition", "write", "verify", "identity", "loader")

# The same bytes to the same kind of disk: written; then with a hash on the way, and read back from the disk and hashed.
DD = 'curl -sf "$1" | dd of="$2" bs=1M iflag=fullblock conv=fsync status=none'
DD_VERIFIED = ('set -o pipefail; curl -sf "$1" | tee >(sha256sum >"$3") | dd of="$2" bs=1M iflag=fullblock conv=fsync '
               'status=none && dd if="$2" bs=1M iflag=direct,count_bytes count="$4" status=none | sha256sum | '
               'cmp - "$3"')


@dataclass
class Installed:
    """How an install went: seconds by step, and the agent's memory."""

    steps: dict[str, float]
    peak_mb: float
    after_mb: float

    @property
    def total(self) -> float:
        return sum(self.steps.values())


def larger_bundle(bench: Bench, folder: Path) -> Path:
    """The host's bundle with a root part some times as large."""
    images, root = bench.build / "images", folder / "root"
    with root.open("wb") as out:
        for _ in range(TIMES):
            out.write((images / "host/root.squashfs").read_bytes())
    bundle = folder / "larger.bundle"
    ns.run(bench.program("ingot-bundle"), "create", "--key", str(bench.build / "keys/signing.key"), "--version", "larger",
           "--out", str(bundle), *(f"{word}={images / 'host' / name}" for word, name in (p.split("=") for p in PARTS)),
           f"bios-boot={images / 'grub/boot.img'}", f"bios-core={images / 'grub/core.img'}",
           *(f"efi-{kind}={images / 'grub' / name}" for kind, name in EFI_PARTS), f"root={root}")
    root.unlink()
    return bundle


def install(rack: Rack, machine: RackMachine) -> Installed:
    """Has a machine that is ready installed; its agent has nothing left to do then."""
    assert machine.agent
    reset_peak(machine.agent.pid)
    stamps = Stamps(machine.log)
    rack.ingot.text("machine", "deploy", machine.name, "--disk", machine.system_disk.serial)
    deadline = Deadline(DEPLOY)
    began = [stamps.at(rf"install \S+: {step}$", deadline) for step in STEPS]
    began.append(stamps.at(r"install \S+: written to", deadline))
    stamps.close()
    pid = machine.agent.pid
    return Installed({step: b - a for step, a, b in zip(STEPS, began, began[1:])}, peak_mb(pid), memory_mb(pid, "Pss"))


def floors(rack: Rack, machine: RackMachine) -> tuple[float, float]:
    """Seconds of dd, and of dd with hashes and reading back."""
    bundle = rack.provisioner.bundle
    url = f"http://{net.PROVISIONER.ip}:{BOOT_PORT}/bundle/{bundle.name}"
    disk = Disk(str(Path(machine.node.folder) / "floor.img"), SYSTEM_DISK, "floor")
    try:
        took = []
        for script in (DD, DD_VERIFIED):
            began = time.monotonic()
            done = subprocess.run(machine.node.enter("bash", "-c", script, "floor", url, disk.device,
                                                     f"{machine.node.folder}/sum", str(bundle.stat().st_size)),
                                  capture_output=True, text=True, timeout=DEPLOY, check=False)
            if done.returncode != 0:
                raise AssertionError(f"dd: {done.stdout}{done.stderr}")
            took.append(time.monotonic() - began)
        return took[0], took[1]
    finally:
        disk.close()


def measure(bench: Bench) -> None:
    rack: Rack = bench.shared("rack", lambda: Rack(bench))
    runs: list[Installed] = []
    plain: list[float] = []
    verified: list[float] = []
    for number in range(1, ROUNDS + 1):
        machine = rack.add(f"disk{number}", data_disk=False)
        rack.discover([machine.name])
        runs.append(install(rack, machine))
        machine.stop()
        dd, dd_verified = floors(rack, machine)
        plain.append(dd)
        verified.append(dd_verified)

    def ours(*steps: str) -> float:
        return middle([sum(run.steps[step] for step in steps) for run in runs])

    megabytes = rack.provisioner.bundle.stat().st_size / 1e6
    where = f"on a loop device, {megabytes:.0f} MB"
    bench.add("install: all steps", where, "s", middle([run.total for run in runs]), floor=middle(verified), goal=RATIO,
              goal_is_ratio=True, runs=ROUNDS, floor_is="curl | tee sha256sum | dd, then read back and sha256sum",
              remark="also partitions, makes file systems and installs the boot loader")
    bench.add("install: write", where, "s", ours("check", "write"), floor=middle(plain), goal=RATIO, goal_is_ratio=True,
              runs=ROUNDS, floor_is="curl | dd conv=fsync", remark="ours hashes what it writes")
    bench.add("install: write and verify", where, "s", ours("check", "write", "verify"), floor=middle(verified), goal=RATIO,
              goal_is_ratio=True, runs=ROUNDS, floor_is="curl | tee sha256sum | dd, then read back and sha256sum")
    bench.add("install: partition, identity, loader", where, "s", ours("partition", "identity", "loader"), runs=ROUNDS)
    bundle = larger_bundle(bench, rack.lab.directory("larger"))
    rack.use_bundle(bundle)
    machine = rack.add("large", data_disk=False)
    rack.discover([machine.name])
    large = install(rack, machine)
    machine.stop()
    rack.use_bundle(rack.provisioner.bundle)
    small_peak = middle([run.peak_mb for run in runs])
    bench.add("agent's peak memory while it installs", f"{megabytes:.0f} MB", "MB RSS", small_peak, runs=ROUNDS)
    bench.add("agent's peak memory while it installs", f"{bundle.stat().st_size / 1e6:.0f} MB", "MB RSS", large.peak_mb,
              floor=small_peak, goal=GROWTH, goal_is_ratio=True, floor_is="the same with the small image")
    bench.add("agent's memory in the live image", "after it has installed", "MB PSS", middle([r.after_mb for r in runs]))
