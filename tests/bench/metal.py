# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine with real firmware, from power-on to a node, beside its floors. It is alone on this host, so that its times are
its own; what the steps take with three machines at once, make lab writes to build/lab/timings.json."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from functools import partial

from lab import faults, net, qmp
from lab import machine as machines
from lab.cli import Events, Ingot
from lab.faults import NodeShell
from lab.machine import Machine
from lab.provisioner import Provisioner
from lab.wait import Deadline, wait_until
from lab.world import Lab

from .context import Bench, prefer
from .memory import KB
from .plain_boot import INIT, MULTI_USER, Floors, powered_at, until_shell
from .stamps import Stamps
from .table import RATIO

DISCOVER, ACCEPT, DEPLOY, READY = 420, 120, 900, 420  # seconds
AGENT_MB = 12
# Its share of what others map as well (PSS) moves a little whenever they come and go.
SETTLED_LOOKS, SETTLED_SHARE = 4, 0.005
# For whoever reads the kept console: whose pages they are.
LARGEST = ("awk '/^[0-9a-f]+-/ {name = $6} /^Pss:/ {kib[name] += $2} END {for (each in kib) print kib[each], each}' "
           "/proc/$(pidof -s ingot-agent)/smaps | sort -rn | head -n 12")
STEPS = ("check", "partition", "write", "verify", "identity", "loader")


@dataclass
class Walk:
    """What one machine did, in seconds."""

    found: float = 0  # from the provisioner's start to power-on
    init: float = 0  # from power-on to the live image's /init
    hello: float = 0  # from power-on to the hello
    accept: float = 0
    steps: dict[str, float] = field(default_factory=dict)  # of the installer
    switch: float = 0  # from written to kexec
    start: float = 0  # from kexec to enrolled
    cold: float = 0  # from power-on to multi-user.target, from the disk

    def install(self, *steps: str) -> float:
        return sum(self.steps[step] for step in steps or STEPS)


class Walker:
    """Has the product take a blank machine to a node."""

    def __init__(self, bench: Bench, firmware: str) -> None:
        self.bench, self.firmware = bench, firmware
        self.lab: Lab = bench.lab(firmware)
        self.machine: Machine = self.lab.add_machine("m1", 1, firmware)
        self.stamps = Stamps(self.machine.serial_log)
        bench.stack.callback(self._end)
        self.copy = self.lab.file("disk0-as-written.raw")
        self.walk = Walk()
        self.provisioner = Provisioner(self.lab, bench.build, [net.bmc_address(1)])
        began = time.monotonic()
        self.ingot: Ingot = self.provisioner.start()
        self.events = Events(self.ingot, self.lab.logs / "events.jsonl", self.provisioner.guard)
        bench.stack.callback(self.events.close)
        wait_until(partial(machines.running, self.machine), Deadline(DISCOVER), "power on", every=0.02)
        self.walk.found = powered_at(self.machine) - began
        prefer(machines.must_run(self.machine).pid)
        if self.provisioner.process:
            prefer(self.provisioner.process.pid)

    def _end(self) -> None:
        self.stamps.close()
        began = self.stamps.lines[0][0] if self.stamps.lines else 0.0
        self.stamps.keep(self.bench.results / "logs" / f"{self.firmware}-console.log", began)
        self.bench.keep(self.machine.path / "qemu.log", f"{self.firmware}-qemu.log")

    def discover(self) -> None:
        deadline, powered = Deadline(DISCOVER), powered_at(self.machine)
        self.walk.init = self.stamps.at(INIT, deadline) - powered
        self.walk.hello = self.stamps.at("known to .* as machine", deadline) - powered

    def accept(self) -> None:
        found = self.events.wait(lambda: next((m for m in self.ingot.items("machine") if m.get("inventory")), None),
                                 Deadline(DISCOVER), "inventory")
        began = time.monotonic()
        self.ingot.text("machine", "accept", found["id"], "--name", "m1", "--wait", timeout=ACCEPT)
        self.events.wait(lambda: self.ingot.named("machine", "m1")["state"] == "ready" or None, Deadline(ACCEPT),
                         "the machine to be ready", every=0.2)
        self.walk.accept = time.monotonic() - began

    def deploy(self) -> None:
        deadline = Deadline(DEPLOY)
        self.ingot.text("machine", "deploy", "m1", "--disk", self.machine.disks[0].serial)
        began = [self.stamps.at(rf"install \S+: {step}$", deadline) for step in STEPS]
        began.append(self.stamps.at(r"install \S+: written to", deadline))
        self.walk.steps = {step: b - a for step, a, b in zip(STEPS, began, began[1:])}
        paused = self._copy_disk()
        booting = self.stamps.at(r"install \S+: booting the host", deadline)
        self.walk.switch = booting - began[-1] - paused
        self.walk.start = self.stamps.at("enrolled as node", deadline) - booting

    def _copy_disk(self) -> float:
        """The disk as the installer left it, for a floor; the machine stands still meanwhile. Seconds it stood."""
        with qmp.Monitor(self.machine.path / "qmp.sock", Deadline(60)) as monitor:
            began = time.monotonic()
            monitor.command("stop")
            subprocess.run(["cp", "--sparse=always", str(self.machine.path / "disk0.raw"), str(self.copy)], check=True)
            monitor.command("cont")
            return time.monotonic() - began

    def cold_boot(self) -> float:
        """Off and on again, from the disk; afterwards its console has a shell. The agent's memory in MB, as it is there."""
        self.ingot.text("machine", "power", "m1", "off", "--wait", timeout=ACCEPT)
        faults.add_kernel_word(self.machine)
        self.ingot.text("machine", "power", "m1", "on", "--wait", timeout=ACCEPT)
        powered = powered_at(self.machine)
        prefer(machines.must_run(self.machine).pid)
        self.walk.cold = self.stamps.at(MULTI_USER, Deadline(READY), after=powered) - powered
        with NodeShell(self.lab.bmcs["m1"]) as shell:
            until_shell(shell)
            # libvirt is the last that it starts and connects to.
            shell.run("until pidof libvirtd && pidof ceph-osd; do sleep 1; done", READY)
            self.events.wait(lambda: self.ingot.named("node", "m1")["health"] == "ready" or None, Deadline(READY),
                             "the node to be ready", every=1)
            return settled_kib(shell) * KB


def settled_kib(shell: NodeShell) -> int:
    """The agent's memory once it has stopped to change."""
    seen: list[int] = []

    def look() -> bool:
        seen.append(int(shell.run("sed -n 's/^Pss: *//p' /proc/$(pidof -s ingot-agent)/smaps_rollup").split()[0]))
        last = seen[-SETTLED_LOOKS:]
        return len(last) == SETTLED_LOOKS and max(last) - min(last) <= max(last) * SETTLED_SHARE

    wait_until(look, Deadline(READY), "the agent's memory to stay as it is", every=1)
    shell.run(LARGEST)
    return seen[-1]


def add_rows(bench: Bench, walker: Walker, floors: Floors) -> None:
    walk, where = walker.walk, f"one machine, {walker.firmware}"
    host = floors.host(walker.copy)
    dd, dd_verified = floors.write()
    plain_init, plain_agent = floors.network()
    _, direct_agent = floors.direct()
    ratio = {"goal": RATIO, "goal_is_ratio": True}

    def add(phase: str, ours: float, floor: float | None = None, floor_is: str = "", remark: str = "",
            goal: bool = True) -> None:
        bench.add(phase, where, "s", ours, floor=floor, floor_is=floor_is, remark=remark, **(ratio if floor and goal else {}))

    add("discover: provisioner's start to power-on", walk.found, remark="finds the BMC, logs in, sets the boot device")
    add("discover: power-on to hello", walk.hello, plain_agent,
        "the same firmware loads the same kernel and initrd from a plain dnsmasq and HTTP server, until the agent is started",
        "ours takes inventory and says hello over TLS as well")
    add("  of it power-on to /init", walk.init, plain_init, "the same, until /init")
    add("  of it /init to hello", walk.hello - walk.init, plain_agent - plain_init, "the same, /init to the agent's start",
        goal=False)
    add("  power-on to hello, beside -kernel", walk.hello, direct_agent,
        "the same kernel and initrd given by QEMU (-kernel): no firmware, no network", goal=False)
    add("accept: verify the BMC", walk.accept)
    add("install: write", walk.install("check", "write"), dd, "wget | dd conv=fsync of the same bytes to the same disk, in "
        "the live image", "ours also hashes on the way")
    add("install: write and verify", walk.install("check", "write", "verify"), dd_verified,
        "wget | dd conv=fsync, then read back and hash")
    add("install: all steps", walk.install(), dd_verified, "wget | dd conv=fsync, then read back and hash",
        "also partitions, makes file systems and installs the boot loader")
    add("switch: written to kexec", walk.switch, remark="boot intent and BMC's boot device are durable first")
    add("start: kexec to enrolled", walk.start, host,
        "the same kernel, initrd and disk booting alone by -kernel, until multi-user.target",
        "ours ends the live image first, and enrolls at the end")
    # What a person waits for in all, beside the least that machine and disk need for it.
    ours = walk.hello + walk.install() + walk.switch + walk.start
    add("deploy: power-on to enrolled", ours, plain_agent + dd_verified + host, "the floors together")
    add("cold boot: power-on to multi-user.target", walk.cold, remark="from the disk: firmware, GRUB, kernel, systemd")


def machine(bench: Bench, firmware: str) -> None:
    walker = Walker(bench, firmware)
    walker.discover()
    walker.accept()
    walker.deploy()
    pss = walker.cold_boot()
    bench.add("memory of an agent", f"on a node, {firmware}", "MB PSS", pss, goal=AGENT_MB)
    walker.stamps.close()
    walker.provisioner.stop()
    machines.power_off(walker.machine)
    floors = Floors(walker.lab, walker.machine, bench.build, walker.provisioner.bundle)
    try:
        add_rows(bench, walker, floors)
    finally:
        floors.close()


def bios(bench: Bench) -> None:
    machine(bench, "bios")


def uefi(bench: Bench) -> None:
    machine(bench, "uefi")
