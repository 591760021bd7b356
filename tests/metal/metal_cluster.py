# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks on the cluster: pool, cold boot, volume, virtual machine, migration, and faults under them."""

from __future__ import annotations

import subprocess
import time
from typing import Callable

from lab import faults, machine as machines
from lab.checks import Checks, expect
from lab.cli import CounterConsole, Json
from lab.faults import NodeShell
from lab.path import IMAGE, POOL, VM, VOLUME
from lab.wait import Deadline, LabError
from metal_world import NODES, MetalWorld

COLD = ("m2", "m3")  # one BIOS, one UEFI; their consoles have a shell afterwards


def run(checks: Checks, world: MetalWorld) -> None:
    def check(name: str, test: Callable[[MetalWorld], object], needs: str = "", gives: str = "") -> None:
        world.check(checks, name, lambda: test(world), needs=needs, gives=gives)

    check("the pool of size 3 is active", pool, "nodes", "pool")
    check("hosts boot from their disks after power off and on (BIOS and UEFI)", cold_boot, "pool", "shells")
    check("a guest image is imported and a volume cloned from it", image_and_volume, "pool", "volume")
    check("names that are taken are refused", names_taken, "volume")
    check("a volume larger than the pool is refused", volume_too_large, "pool")
    check("a virtual machine starts; its console shows it runs", start, "volume", "vm")
    check("a volume in use is not deleted", volume_in_use, "vm")
    check("a migration to the same node is refused", same_node, "vm")
    check("live migration: no gap, no repeat", migrate, "vm", "migration")
    check("kill -9 of an agent: its virtual machine runs on and is reported again", kill_agent, "vm")
    check("kill -9 of the provisioner: the virtual machine runs on and is known", kill_provisioner, "vm")
    check("a silent BMC costs its own operations only", silent_bmc, "nodes")
    check("the machine's console through the API", machine_console, "shells")
    check("resident memory: provisioner and agent", memory, "shells")
    check("a virtual machine and its volume are deleted", delete, "vm")


def pool(world: MetalWorld) -> str:
    found = world.path.pool()
    expect(found["size"] == 3 and found["osds_up"] == 3, f"{found}")
    expect(found["available_bytes"] > 0, "nothing can be stored")
    return f"{found['health']}, {found['available_bytes'] >> 20} MiB available"


def cold_boot(world: MetalWorld) -> str:
    """Power off, a word into GRUB's configuration, power on: the word is on the command line then."""
    for name in COLD:
        world.ingot.text("machine", "power", name, "off", "--wait", timeout=120)
        expect(machines.running(world.machine(name)) is None, f"{name} is not off")
        faults.add_kernel_word(world.machine(name))
    for name in COLD:
        world.ingot.text("machine", "power", name, "on", "--wait", timeout=120)
    began = time.monotonic()
    said = []
    for name in COLD:
        with NodeShell(world.lab.bmcs[name]) as shell:
            until_shell(shell, 420)
            line = shell.run("cat /proc/cmdline")
            expect("ingot.root=" in line and faults.DEBUG_WORD in line, f"{name} was started with {line}")
            efi = shell.run("[ -d /sys/firmware/efi ] && echo uefi || echo bios")
            expect(efi == world.machine(name).firmware, f"{name} has booted by {efi}")
            said.append(f"{name} {efi} {time.monotonic() - began:.0f} s")
    world.path.enroll(list(NODES))
    world.wait(lambda: world.path.pool(), POOL, "the pool to be active again")
    return ", ".join(said)


def until_shell(shell: NodeShell, seconds: float) -> None:
    """Types at the console until a shell answers."""
    deadline = Deadline(seconds)
    while True:
        try:
            shell.run("true", 10)
            return
        except LabError:
            if deadline.expired():
                raise


def image_and_volume(world: MetalWorld) -> None:
    image = world.path.import_image()
    expect(image["state"] == "available", f"image: {image}")
    volume = world.path.create_volume()
    expect(volume["state"] == "available" and volume["image_name"] == IMAGE, f"volume: {volume}")


def names_taken(world: MetalWorld) -> None:
    world.ingot.refused("volume", "create", VOLUME, "--size", "1MiB", "--wait", code=4, says="taken|exists")
    world.ingot.refused("image", "import", IMAGE, "--file", str(world.path.guest_image), "--wait", code=4,
                        says="taken|exists")
    expect(len(world.ingot.items("volume")) == 1, "there is another volume now")


def volume_too_large(world: MetalWorld) -> str:
    before = world.ingot.items("volume")
    says = world.ingot.refused("volume", "create", "huge", "--size", "1024GiB", "--wait", code=10,
                               says="store|space|pool")
    expect(world.ingot.items("volume") == before, "the list of volumes has changed")
    return says.splitlines()[0]


def start(world: MetalWorld) -> str:
    vm = world.path.create_vm()
    with CounterConsole(world.ingot, VM) as console:
        world.path.watch_guest(console, 20, 120)
    return f"on {vm['node_name']}: {vm.get('placement')}"


def volume_in_use(world: MetalWorld) -> None:
    world.ingot.refused("volume", "delete", VOLUME, "--wait", code=5, says="use")
    expect(world.ingot.named("volume", VOLUME)["state"] == "in_use", "its state has changed")


def node_name(world: MetalWorld, wanted: str) -> str:
    """The name of the node a virtual machine says it is on (by name or id)."""
    return str(next(n["name"] for n in world.path.nodes() if wanted in (n["id"], n["name"])))


def place(world: MetalWorld) -> str:
    return node_name(world, world.ingot.named("vm", VM)["node"])


def same_node(world: MetalWorld) -> str:
    before = place(world)
    says = world.ingot.refused("vm", "migrate", VM, "--node", before, "--wait", code=2, says="already|same")
    after = world.ingot.named("vm", VM)
    expect(place(world) == before and after["state"] == "running", f"{after}")
    return says.splitlines()[0]


def migrate(world: MetalWorld) -> str:
    """There, and if it then is on a node without a shell, to one that has one."""
    before, after, console = world.path.migrate()
    said = (f"{node_name(world, before['node'])} to {node_name(world, after['node'])}, counter {console.first} to "
            f"{console.last}, {console.sessions} console sessions")
    if place(world) not in COLD:
        world.path.migrate(to=COLD[1])
        expect(place(world) == COLD[1], f"it is on {place(world)}")
    return said


def kill_agent(world: MetalWorld) -> str:
    name = place(world)
    expect(name in COLD and "shells" in world.held, f"{VM} is on {name}, where there is no shell")
    with CounterConsole(world.ingot, VM, spoiled=1) as console:
        world.path.watch_guest(console, 10, 120)
        with NodeShell(world.lab.bmcs[name]) as shell:
            until_shell(shell, 60)
            guest = shell.run("pidof qemu-system-x86_64")
            agent = shell.kill("ingot-agent")
            world.wait(lambda: shell.run("pidof -s ingot-agent || true") not in ("", str(agent)), 60,
                       "systemd to start the agent again")
            expect(shell.run("pidof qemu-system-x86_64") == guest, "the guest's QEMU is another")
        killed = console.last or 0
        world.wait(lambda: healthy(world, name), 120, "the node and its virtual machine to be reported")
        world.path.watch_guest(console, 20, 120)
        expect((console.last or 0) > killed, "the guest's counter has not moved on")
    return f"on {name}; counter from {killed} to {console.last}"


def healthy(world: MetalWorld, name: str) -> bool:
    vm = world.ingot.named("vm", VM)
    node = next(n for n in world.path.nodes() if n["name"] == name)
    return bool(vm["state"] == "running" and node["health"] == "ready")


def kill_provisioner(world: MetalWorld) -> None:
    before: Json = world.ingot.named("vm", VM)
    with CounterConsole(world.ingot, VM, spoiled=1) as console:
        world.path.watch_guest(console, 10, 120)
        world.provisioner.kill()
        world.path.ingot = world.provisioner.start()
        world.path.watch_guest(console, 20, 180)
    world.path.enroll(list(NODES))
    after = world.ingot.named("vm", VM)
    for key in ("id", "state", "node", "generation"):
        expect(after[key] == before[key], f"{key} was {before[key]} and is {after[key]}")


def silent_bmc(world: MetalWorld) -> str:
    """A BMC that answers nothing: a clear error in bounded time, the API quick, the machine untouched."""
    bmc, qemu = world.lab.bmcs["m1"], machines.must_run(world.machine("m1"))
    bmc.silence()
    try:
        began = time.monotonic()
        cycle = world.ingot.start("machine", "power", "m1", "cycle", "--wait", stderr=subprocess.PIPE)
        slowest = 0.0
        while cycle.poll() is None and time.monotonic() - began < 120:
            slowest = max(slowest, world.quick())
            try:
                cycle.wait(timeout=1)
            except subprocess.TimeoutExpired:
                pass
        took = time.monotonic() - began
        _, err = cycle.communicate(timeout=5)
        text = err.decode(errors="replace")
        expect(cycle.returncode == 11, f"a power cycle through a silent BMC ended with {cycle.returncode}: {text}")
        expect("BMC" in text and ("answer" in text or "reach" in text or "time" in text), f"it says: {text}")
    finally:
        bmc.wake()
    expect(machines.must_run(world.machine("m1")).ident == qemu.ident, "the machine was restarted")
    world.wait(lambda: world.ingot.named("machine", "m1")["power"] == "on", 120, "the BMC's return to be seen")
    return f"error after {took:.1f} s; listing machines took {slowest:.2f} s at most"


def machine_console(world: MetalWorld) -> None:
    console = world.ingot.start("machine", "console", "m2", "--duration", "20", stdin=subprocess.PIPE,
                                stderr=subprocess.PIPE)
    try:
        out, err = console.communicate(b"\recho con''sole of $(hostname)\r", timeout=60)
    except subprocess.TimeoutExpired:
        console.kill()
        raise LabError("machine console does not end after its --duration") from None
    expect(b"console of m2" in out, f"it said {out[-300:]!r}, {err[-300:]!r}")


# Of each file that is mapped: its share of all, and what is the agent's alone, in KiB, the largest first.
MAPPED = ("awk '/^[0-9a-f]+-/ {name = $6; sub(\".*/\", \"\", name)} /^Pss:/ {pss[name] += $2} /^Private/ {own[name] += $2} "
          "END {for (n in pss) print pss[n], own[n], n}' /proc/$(pidof -s ingot-agent)/smaps | sort -rn | head -n 14")


def memory(world: MetalWorld) -> str:
    provisioner = world.provisioner.pss_kib() / 1024
    with NodeShell(world.lab.bmcs["m2"]) as shell:
        until_shell(shell, 60)
        agent = int(shell.run("sed -n 's/^Pss: *//p' /proc/$(pidof -s ingot-agent)/smaps_rollup").split()[0]) / 1024
        mapped = shell.run(MAPPED).replace("\n", "; ")
    expect(provisioner <= 60, f"the provisioner uses {provisioner:.1f} MB")
    expect(agent <= 12, f"the agent uses {agent:.1f} MB: {mapped}")
    return f"provisioner {provisioner:.1f} MB, agent {agent:.1f} MB: {mapped}"


def delete(world: MetalWorld) -> None:
    world.ingot.text("vm", "delete", VM, "--wait", timeout=180)
    expect(VM not in [vm["name"] for vm in world.ingot.items("vm")], "the virtual machine is still listed")
    world.ingot.text("volume", "delete", VOLUME, "--wait", timeout=180)
    expect(world.ingot.items("volume") == [], "the volume is still listed")
