# SPDX-License-Identifier: GPL-3.0-or-later
"""python3 -m lab up|down|status: the lab for a person to look at (make lab, make lab-down)."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

from . import accel, dashboard, net
from . import machine as machines
from .cli import CounterConsole, Events
from .machine import Machine
from .path import VM, WholePath
from .proc import Process, ProcessId
from .provisioner import Provisioner
from .records import Records
from .steps import Steps, complain, say
from .wait import LabError
from .world import RECORDS, Lab, remove

FIRMWARE = ("bios", "bios", "uefi")


def add_machines(lab: Lab) -> list[Machine]:
    return [lab.add_machine(f"m{i}", i, firmware) for i, firmware in enumerate(FIRMWARE, start=1)]


def bmc_ranges(count: int) -> list[str]:
    return [f"{net.bmc_address(1)}-{net.bmc_address(count)}"]


def need(build: Path) -> None:
    """Says what is missing before anything is started."""
    for name in ("ingot-provisioner", "ingot", "images/live", "images/host.bundle", "images/guest/counter.img",
                 "keys/signing.pub", "lab-parts/bmc_chassis.so"):
        if not (build / name).exists():
            raise LabError(f"{build / name} is missing; make lab builds it")
    if os.geteuid() != 0:
        raise LabError("the lab needs root: sudo make lab")


def up(build: Path, root: Path, name: str, no_bmc: bool, by_dashboard: bool) -> int:
    need(build)
    parts = build / "lab-parts"
    kind, why = accel.choose(parts)
    lab = Lab.create(root, name, kind, parts, say=say)
    steps = Steps(lab.file("timings.json"))
    events: Events | None = None
    provisioner: Provisioner | None = None
    try:
        with steps.step("machines", "making the network and three blank machines"):
            wanted = add_machines(lab)
            lab.remember()
            steps.done(f"namespace {name}; {len(wanted)} blank machines, off, on {kind} ({why})")
        with steps.step("start", "starting the provisioner"):
            provisioner = Provisioner(lab, build, bmc_ranges(len(wanted)))
            ingot = provisioner.start()
            provisioner.write_env(ingot)
            events = Events(ingot, lab.logs / "events.jsonl", provisioner.guard)
            steps.done(f"the provisioner answers on {ingot.url}")
        path = WholePath(lab, steps, provisioner, ingot, build / "images/guest/counter.img", events)
        if no_bmc:
            wanted.append(lab.add_machine("m4", 4, "bios", bmc=False))
            machines.power_on(wanted[-1])
        if by_dashboard:
            walk_by_dashboard(path, build)
        else:
            walk(path, wanted)
        report(path)
    except KeyboardInterrupt:
        complain("\ninterrupted; the lab is left as it is (make lab-down removes it)")
        return 130
    except Exception as problem:  # whatever it is: who has started this is told, and where to look
        if not isinstance(problem, LabError):
            with (lab.logs / "lab.log").open("a", encoding="utf-8") as log:
                traceback.print_exc(file=log)
        failed(lab, steps, cause(problem, provisioner))
        return 1
    finally:
        if events:
            events.close()
    return 0


def walk(path: WholePath, wanted: list[Machine]) -> None:
    """The steps of the path, one after another."""
    steps = path.steps
    with steps.step("discover", "the provisioner looks for machines"):
        found = path.discover(wanted)
        steps.done(", ".join(f"{name} {j['firmware']}" for name, j in sorted(found.items())) + " have reported inventory")
    members = {name: j for name, j in found.items() if path.lab.machines[name].bmc}
    names = sorted(members)
    with steps.step("accept", f"accepting {', '.join(names)}"):
        path.accept(members)
        steps.done(f"{', '.join(names)} are ready")
    with steps.step("deploy", f"deploying {', '.join(names)} in parallel"):
        path.deploy(names)
        steps.done(f"{', '.join(names)} run the host system from their disks")
    with steps.step("enroll", "waiting for the nodes' agents"):
        path.enroll(names)
        steps.done(f"{len(names)} nodes are ready, each with its own certificate")
    with steps.step("pool", "Ceph on the nodes' second disks"):
        pool = path.pool()
        steps.done(f"pool {pool['name']} is {pool['state']}: {pool['osds_up']} disks, size {pool['size']}")
    with steps.step("image", "importing the guest image"):
        path.import_image()
        steps.done(f"image {path.guest_image.name} is imported")
    with steps.step("volume", "cloning a volume from it"):
        volume = path.create_volume()
        steps.done(f"volume {volume['name']} is {volume['state']}")
    with steps.step("vm", "starting a virtual machine on it"):
        vm = path.create_vm()
        with CounterConsole(path.ingot, VM) as console:
            path.watch_guest(console, 10, 120)
            steps.done(f"{VM} runs on {vm['node_name']}; its console says: ingot counter {console.last}")
    migrate(path)


def walk_by_dashboard(path: WholePath, build: Path) -> None:
    """The same by mouse and keyboard, and what was made there used from the command line."""
    with path.steps.step("dashboard", "by mouse and keyboard, in a browser"):
        dashboard.drive(path, build)
        path.steps.done("the whole path was gone")
    migrate(path)


def migrate(path: WholePath) -> None:
    steps = path.steps
    with steps.step("migrate", "moving it to another node, live"):
        before, after, console = path.migrate()
        seamless = "on one console" if console.sessions == 1 else f"on {console.sessions} consoles"
        steps.done(f"{VM} moved from {before['node_name']} to {after['node_name']}; counter {console.first} to {console.last} "
                   f"{seamless}, no gap, no repeat")


def report(path: WholePath) -> None:
    """Tables of all there is, and how to go on."""
    ingot, root = path.ingot, path.lab.root
    say("")
    for noun in ("machine", "node", "pool", "volume", "vm"):
        say(f"{noun}s")
        say(ingot.text(noun, "list"))
    say(f"It took {path.steps.total():.0f} s; the provisioner uses {path.provisioner.pss_kib() / 1024:.1f} MB.\n")
    say(f"API      {ingot.url}  (token in {root / 'env'})")
    say(f"sign in  as admin, with the password {path.provisioner.admin_password}")
    say(f"use it   . {root / 'env'}; {ingot.program} machine list")
    say(f"logs     {root / 'logs'}, serial consoles in {root / 'machines'}/*/serial.log")
    say("stop it  sudo make lab-down")


def cause(problem: Exception, provisioner: Provisioner | None) -> LabError:
    """A provisioner that has ended is the reason for whatever failed then. What nobody foresaw is told with its kind."""
    if not isinstance(problem, LabError):
        problem = LabError(f"{type(problem).__name__}: {problem} (lab.log has the traceback)")
    try:
        if provisioner:
            provisioner.guard()
    except LabError as ended:
        return LabError(f"{ended} ({problem})")
    return problem


def failed(lab: Lab, steps: Steps, problem: LabError) -> None:
    complain(f"\nFAILED in step {steps.current} after {steps.total():.0f} s: {problem}")
    complain("logs:")
    for path in sorted([*lab.logs.glob("*"), *(lab.root / "machines").glob("*/*.log")]):
        complain(f"  {path}")
    complain("the lab is left as it is; sudo make lab-down removes it")


def status(root: Path) -> int:
    """What of a lab is alive."""
    if not (root / RECORDS).exists():
        say(f"no lab in {root}")
        return 1
    records = Records.open(root / RECORDS)
    for entry in records:
        if entry["kind"] == "process":
            process = Process(entry["name"], ProcessId(entry["pid"], entry["start"]), child=False)
            say(f"{'runs ' if process.alive() else 'ended'} {entry['pid']:>8} {entry['name']:<20} {entry['log']}")
    return 0


def main() -> int:
    build = Path(os.environ.get("INGOT_BUILD", "build")).resolve()
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("verb", choices=("up", "down", "status"))
    parser.add_argument("--name", default="", help="suffix, for a second lab beside the first")
    parser.add_argument("--no-bmc", action="store_true", help="adds a machine without a BMC")
    parser.add_argument("--by", choices=("cli", "dashboard"), default="cli", help="what is used to go the path")
    arguments = parser.parse_args()
    suffix = f"-{arguments.name}" if arguments.name else ""
    root = build / f"lab{suffix}"
    try:
        if arguments.verb == "up":
            return up(build, root, f"ingot-lab{suffix}", arguments.no_bmc, arguments.by == "dashboard")
        if arguments.verb == "status":
            return status(root)
        left = remove(root, say)
        for what in left:
            complain(f"could not remove {what}")
        return 1 if left else 0
    except LabError as problem:
        complain(f"lab: {problem}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
