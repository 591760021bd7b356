# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks on blank machines: discovery, acceptance, what must be refused, and the deploy."""

from __future__ import annotations

import re
import subprocess
from functools import partial

from lab import faults
from lab.checks import Checks, expect
from lab.cli import Json
from lab.path import DEPLOY, describe, seconds_between
from lab.wait import Deadline, LabError
from metal_world import NO_BMC, NO_KEXEC, NODES, WRONG_PASSWORD, MetalWorld


def run(checks: Checks, world: MetalWorld) -> None:
    world.check(checks, "machines are found through their BMCs, booted and inventoried",
                lambda: discovery(world), gives="discovery")
    world.check(checks, "inventory names the disks by WWN and serial", lambda: inventory(world), needs="discovery")
    world.check(checks, "a machine without a known BMC appears", lambda: without_bmc(world))
    world.check(checks, "a wrong BMC password is shown, and refused", lambda: wrong_password(world))
    world.check(checks, "an unknown JSON field is refused by name", lambda: unknown_field(world))
    world.check(checks, "a machine that is not accepted is not deployed", lambda: not_accepted(world), needs="discovery")
    world.check(checks, "machines are accepted and commissioned", lambda: acceptance(world), needs="discovery",
                gives="ready machines")
    world.check(checks, "a machine name that is taken is refused", lambda: name_taken(world), needs="ready machines")
    world.check(checks, "a disk too small is refused and not written", lambda: disk_too_small(world),
                needs="ready machines")
    for what in ("unsigned", "altered manifest", "altered part"):
        world.check(checks, f"a bundle is refused: {what}", partial(spoiled_bundle, world, what),
                    needs="ready machines")
    world.check(checks, "kill -9 of the provisioner amid a deploy: it goes on and ends deployed",
                lambda: deploy_with_a_kill(world), needs="ready machines", gives="hosts")
    world.check(checks, "a machine that refuses kexec says so and reboots into its disk", lambda: without_kexec(world),
                needs="hosts")
    world.check(checks, "hosts enroll as nodes", lambda: enrollment(world), needs="hosts", gives="nodes")


def discovery(world: MetalWorld) -> str:
    wanted = [world.machine(name) for name in NODES]
    world.found = world.path.discover(wanted)
    for machine in wanted:
        found = world.found[machine.name]
        assert machine.bmc
        expect(found["bmc_address"] == machine.bmc.address, f"{machine.name}: BMC {found['bmc_address']}")
        expect(found["uuid"] == machine.uuid, f"{machine.name}: UUID {found['uuid']}")
        expect(found["firmware"] == machine.firmware, f"{machine.name}: firmware {found['firmware']}")
        expect(found["power"] == "on", f"{machine.name}: power {found['power']}")
        expect(found["state"] == "new", f"{machine.name}: state {found['state']}")
        expect(found["boot_mac"] == machine.mac, f"{machine.name}: booted from {found['boot_mac']}")
    everything = world.path.machines()
    expect(len({m["id"] for m in everything}) == len(everything) <= 5, f"{len(everything)} machines for 5")
    return ", ".join(f"{name} {found['firmware']}" for name, found in sorted(world.found.items()))


def inventory(world: MetalWorld) -> None:
    for name in NODES:
        machine, found = world.machine(name), world.ingot.named("machine", world.found[name]["id"])
        seen = {(d["serial"], d["size_bytes"]): d for d in found["inventory"]["disks"]}
        for disk in machine.disks:
            expect((disk.serial, disk.size) in seen, f"{name}: {disk.serial} is not among {sorted(seen)}")
            wwn = seen[(disk.serial, disk.size)]["wwn"] or ""
            expect(disk.wwn and disk.wwn in wwn, f"{name}: WWN of {disk.serial} is {wwn}")
        expect(abs(found["inventory"]["memory_bytes"] / (machine.memory_mib << 20) - 1) < 0.1, "memory")
        assert machine.bmc
        expect(found["inventory"]["bmc"]["address"] == machine.bmc.address, f"{name}: BMC in band")


def find(world: MetalWorld, name: str) -> Json | None:
    return next((m for m in world.path.machines() if world.path.lab_machine(m) is world.machine(name)), None)


def without_bmc(world: MetalWorld) -> None:
    def appeared() -> Json | None:
        found = find(world, NO_BMC)
        return found if found and found.get("inventory") else None

    found = world.wait(appeared, 240, "the machine without BMC")
    assert isinstance(found, dict)
    expect(not found["bmc_address"], f"it has a BMC at {found['bmc_address']}")
    world.found[NO_BMC] = found
    says = world.ingot.refused("machine", "power", found["id"], "cycle", "--wait", code=5, says="BMC")
    expect(world.path.ingot.named("machine", found["id"])["state"] == "new", f"its state has changed: {says}")


def wrong_password(world: MetalWorld) -> str:
    found = world.wait(lambda: find(world, WRONG_PASSWORD), 120, "the BMC with another password")
    assert isinstance(found, dict)
    shown = world.ingot.named("machine", found["id"])
    text = str((shown.get("bmc_error") or {}).get("text", ""))
    expect(shown["bmc_state"] == "credentials", f"bmc_state is {shown['bmc_state']}: {text}")
    expect("password" in text or "user" in text, f"the error does not say it: {text}")
    world.ingot.refused("machine", "power", found["id"], "on", "--wait", code=12,
                        says="password|user|credentials")
    expect(world.lab.bmcs[WRONG_PASSWORD].power() == "off", "the machine was switched on")
    secret = world.lab.password
    expect(secret not in world.provisioner.log.read_text(errors="replace"), "the BMC password is in the log")
    return text


def unknown_field(world: MetalWorld) -> None:
    before = len(world.ingot.items("volume"))
    status, problem = world.call("POST", "/v1/volumes", b'{"name": "odd", "size_bytes": 1048576, "colour": "red"}')
    expect(status in (400, 422), f"status {status}: {problem}")
    expect("colour" in str(problem), f"the field is not named: {problem}")
    expect(len(world.ingot.items("volume")) == before, "a volume was made")


def not_accepted(world: MetalWorld) -> None:
    world.ingot.refused("machine", "deploy", world.found["m1"]["id"], code=5, says="accept|new|ready")
    expect(world.ingot.named("machine", world.found["m1"]["id"])["state"] == "new", "its state has changed")


def acceptance(world: MetalWorld) -> None:
    world.path.accept(world.found)
    for name in world.found:
        expect(world.ingot.named("machine", name)["state"] == "ready", f"{name} is not ready")


def name_taken(world: MetalWorld) -> None:
    world.ingot.refused("machine", "deploy", "m2", "--name", "m1", "--disk", world.machine("m2").disks[0].serial,
                        code=4, says="taken|exists")
    expect(world.ingot.named("machine", "m2")["state"] == "ready", "m2 is not ready any more")


def disk_too_small(world: MetalWorld) -> str:
    small = world.machine(NO_BMC).disks[0]
    says = world.ingot.refused("machine", "deploy", NO_BMC, "--disk", small.serial, "--wait",
                               code=10, says="small|large|at least|needs")
    expect(faults.is_blank(world.machine(NO_BMC).path / "disk0.raw"), "the disk was written to")
    expect(world.ingot.named("machine", NO_BMC)["state"] == "ready", "the machine is not ready any more")
    return says.splitlines()[0]


def spoiled_bundle(world: MetalWorld, what: str) -> str:
    """The provisioner is started with a spoiled bundle, and asked to deploy it. What the signature covers it sees itself,
    and nothing is begun; a part that is another one is found by the machine that writes it."""
    machine = world.machine(NO_BMC)
    disk = machine.path / "disk1.raw"
    good = world.provisioner.bundle
    work = world.lab.directory("bundle-" + what.replace(" ", "-"))
    if what == "unsigned":
        bundle = faults.unsigned_bundle(good, work)
    else:
        bundle = faults.altered_bundle(good, work, "manifest.json" if what == "altered manifest" else "vmlinuz")
    world.restart_provisioner(bundle=bundle)
    try:
        says = world.ingot.refused("machine", "deploy", NO_BMC, "--disk", machine.disks[1].serial, "--wait",
                                   code=15, says="sign|hash|sha-?256|manifest|altered|corrupt|bundle", timeout=600)
        found = world.ingot.named("machine", NO_BMC)
        if what == "altered part":
            expect(found["state"] == "failed", f"the machine is {found['state']}")
            expect(not faults.boot_loaders(disk), f"the disk can be started by {faults.boot_loaders(disk)}")
        else:
            expect(found["state"] == "ready", f"the machine is {found['state']}")
            expect(faults.is_blank(disk), "the disk was written to")
        expect(found.get("node") is None, "it became a node")
    finally:
        world.restart_provisioner(bundle=good)
        for path in work.iterdir():
            path.unlink()
    return says.splitlines()[0]


def deploy_with_a_kill(world: MetalWorld) -> str:
    """Three deploys side by side; once each writes, the provisioner is killed and started again."""
    ingot, steps = world.ingot, world.path.steps
    waiting = {name: ingot.start(*world.path.deploy_words(name), stderr=subprocess.PIPE) for name in NODES}
    deadline = Deadline(DEPLOY)

    def writing() -> list[Json] | None:
        found = [m for m in world.path.machines() if m["name"] in NODES]
        broken = [m for m in found if m["state"] == "failed"]
        if broken:
            raise LabError("; ".join(f"{m['name']}: {m.get('error')}" for m in broken))
        far = [m for m in found if m.get("install_step") in ("write", "verify") and m.get("install_progress", 0) > 0]
        return found if len(far) >= 1 and all(m["state"] == "deploying" for m in found) else None

    found = world.path.events.wait(writing, deadline.at_most(600), "a machine to be written", every=1.0)
    at = ", ".join(f"{m['name']} {describe(m)}" for m in found)
    world.provisioner.kill()
    world.path.ingot = world.provisioner.start()
    for name, process in waiting.items():
        try:
            _, err = process.communicate(timeout=deadline.left() + 1)
        except subprocess.TimeoutExpired:
            process.kill()
            raise LabError(f"the deploy of {name} has not ended: {world.path.states()}") from None
        expect(process.returncode == 0, f"deploy of {name}: exit {process.returncode}: "
                                        f"{err.decode(errors='replace')[-500:]}")
    for name in NODES:
        machine = world.ingot.named("machine", name)
        expect(machine["state"] == "deployed", f"{name} is {machine['state']}")
        expect(sorted(faults.partitions(world.machine(name).path / "disk0.raw")) ==
               ["ingot-bios", "ingot-esp", "ingot-root-a", "ingot-root-b", "ingot-state"], f"{name}: partitions")
        expect(faults.boot_loaders(world.machine(name).path / "disk0.raw") == {"bios", "uefi"}, f"{name}: boot loaders")
    tasks = [t for t in world.ingot.items("task") if t["resource_name"] in NODES and "deploy" in t["action"]]
    expect(len(tasks) == 3 and all(t["state"] == "succeeded" for t in tasks), f"tasks: {tasks}")
    world.path.record_tasks("machine.deploy")
    steps.record("deploy", None, steps.total())
    return f"killed at: {at}"


def without_kexec(world: MetalWorld) -> str:
    """Of the three that were deployed the kernel of one had refused. Its firmware tries the network first: that it came to its
    disk is the work of the boot intent, which was switched before."""
    took = {}
    for name in NODES:
        task = deploy_task(world, name)
        steps = {step["name"]: step for step in task["steps"]}
        start = steps.get("starting the host system")
        expect(start is not None and list(steps)[-1] == "starting the host system", f"{name}: steps {list(steps)}")
        took[name] = seconds_between(start["started"], start["ended"])
        said = position(task["log"], r"installer: no kexec|installer: starting the host system by kexec", name)
        switched = position(task["log"], "BMC: bmc-boot-disk done", name)
        expect(switched < said, f"{name}: the intent was switched after the boot: {task['log']}")
        refused = re.search("no kexec: kexec_file_load: Operation not permitted.*kexec_load_disabled.*; rebooting into the "
                            "local disk instead$", task["log"][said])
        expect(bool(refused) == (name == NO_KEXEC), f"{name}: {task['log'][said]}")
        after = world.machine(name).serial_log.read_text(encoding="utf-8", errors="replace").rpartition(
            "booting the host")[2]
        expect(bool(after), f"{name}: nothing is on its console after the live image")
        expect("Ingot: loading the live image" not in after, f"{name} was booted into the live image again")
        if name == NO_KEXEC:
            expect("Ingot: starting from the local disk" in after, f"{name} has not asked what to boot: {after[:500]}")
        else:
            expect("iPXE" not in after and "Ingot: asking" not in after, f"{name} has gone through its firmware: {after[:500]}")
    return ", ".join(f"{name} {seconds:.0f} s" for name, seconds in took.items()) + " to start the host"


def deploy_task(world: MetalWorld, name: str) -> Json:
    return world.ingot.named("task", next(t["id"] for t in world.ingot.items("task") if t["resource_name"] == name
                                          and t["action"] == "machine.deploy"))


def position(log: list[str], pattern: str, name: str) -> int:
    """The one line of a task's log that matches."""
    found = [i for i, line in enumerate(log) if re.search(pattern, line)]
    expect(len(found) == 1, f"{name}: {len(found)} lines with /{pattern}/ in {log}")
    return found[0]


def enrollment(world: MetalWorld) -> None:
    nodes = world.path.enroll(list(NODES))
    expect(len(world.path.nodes()) == 3, f"{len(world.path.nodes())} nodes")
    for node in nodes:
        expect(node["cpus"] >= 1 and node["memory_bytes"] > 1 << 30, f"{node['name']}: {node}")
