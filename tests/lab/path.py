# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole path, from blank machines to a live-migrated virtual machine, through the CLI."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Callable

from .cli import CliError, CounterConsole, Events, Ingot, Json
from .machine import Machine
from .provisioner import Provisioner
from .steps import Steps
from .wait import Deadline, LabError
from .world import Lab

# Deadlines, in seconds, for two loaded cores without KVM.
DISCOVER, ACCEPT, DEPLOY, ENROLL, POOL, IMPORT, START, MIGRATE = 420, 300, 1500, 300, 900, 180, 300, 300

IMAGE, VOLUME, VM = "counter", "counter-disk", "counter"


@dataclass
class WholePath:
    """What the steps share. Each step is a method; a step that fails raises LabError."""

    lab: Lab
    steps: Steps
    provisioner: Provisioner
    ingot: Ingot
    guest_image: Path
    events: Events
    names: dict[str, str] = field(default_factory=dict)  # machine id -> the lab's name for it

    # Discover

    def machines(self) -> list[Json]:
        return self.ingot.items("machine")

    def lab_machine(self, found: Json) -> Machine | None:
        """Which of the lab's machines the provisioner has found, by UUID or BMC address."""
        for machine in self.lab.machines.values():
            if found.get("uuid") == machine.uuid or found.get("bmc_uuid") == machine.uuid:
                return machine
            if machine.bmc and found.get("bmc_address") == machine.bmc.address:
                return machine
        return None

    def discovered(self, wanted: list[Machine]) -> dict[str, Json] | None:
        """The wanted machines by name, if all of them have reported inventory and wait for acceptance."""
        found = {m.name: j for j in self.machines() if j.get("inventory") and (m := self.lab_machine(j))}
        self.steps.progress(lambda: f"{len(found)} of {len(wanted)} machines have reported: "
                                    + ", ".join(f"{j['name']} {describe(j)}" for j in self.machines()))
        return found if all(m.name in found for m in wanted) else None

    def discover(self, wanted: list[Machine]) -> dict[str, Json]:
        return self.events.wait(lambda: self.discovered(wanted), Deadline(DISCOVER), "discovery of the machines")

    # Accept, deploy, enroll

    def together(self, commands: dict[str, list[str]], deadline: Deadline, watch: Callable[[], str]) -> None:
        """Runs several commands side by side; the first that fails fails all, once all have ended."""
        running = {name: self.ingot.start(*words, stderr=subprocess.PIPE) for name, words in commands.items()}
        problems = []
        for name, process in running.items():
            while True:
                try:
                    out, err = process.communicate(timeout=min(2.0, deadline.left() + 0.01))
                    break
                except subprocess.TimeoutExpired:
                    self.provisioner.guard()
                    self.steps.progress(watch)
                    if deadline.expired():
                        process.kill()
                        out, err = process.communicate()
                        problems.append(f"{name}: no end within {deadline.seconds:.0f} s: {watch()}")
                        break
            with self.ingot.log.open("ab") as log:
                log.write(f"$ ingot {' '.join(commands[name])}\n".encode() + err)
            if process.returncode != 0:
                problems.append(f"{name}: exit {process.returncode}: {err.decode(errors='replace').strip()[-500:]}")
        if problems:
            raise CliError(tuple(commands[next(iter(commands))][:2]), 1, "; ".join(problems))

    def states(self) -> str:
        return ", ".join(f"{j['name']} {describe(j)}" for j in self.machines())

    def accept(self, found: dict[str, Json]) -> None:
        self.together({name: ["machine", "accept", found[name]["id"], "--name", name, "--wait"] for name in found},
                      Deadline(ACCEPT), self.states)
        self.names.update({found[name]["id"]: name for name in found})

        def ready() -> bool:
            states = {j["name"]: j["state"] for j in self.machines()}
            self.steps.progress(self.states)
            failed = [name for name in found if states.get(name) == "failed"]
            if failed:
                raise LabError("; ".join(why_failed(self.ingot.named("machine", name)) for name in failed))
            return all(states.get(name) == "ready" for name in found)

        self.events.wait(ready, Deadline(ACCEPT), "the accepted machines to be ready")

    def deploy_words(self, name: str) -> list[str]:
        return ["machine", "deploy", name, "--disk", self.lab.machines[name].disks[0].serial, "--wait"]

    def deploy(self, names: list[str]) -> None:
        self.together({name: self.deploy_words(name) for name in names}, Deadline(DEPLOY), self.states)
        self.record_tasks("machine.deploy")
        for name in names:
            machine = self.ingot.named("machine", name)
            if machine["state"] != "deployed":
                raise LabError(f"{name} is {machine['state']} after a deploy that succeeded")

    def record_tasks(self, action: str) -> None:
        """Keeps how long each step of each task took."""
        for task in self.ingot.items("task"):
            if task["action"].replace(" ", ".") != action:
                continue
            for step in task.get("steps") or []:
                if step.get("started") and step.get("ended"):
                    self.steps.record(f"{action}: {step['name']}", task.get("resource_name"),
                                      seconds_between(step["started"], step["ended"]))

    def nodes(self) -> list[Json]:
        return self.ingot.items("node")

    def enroll(self, names: list[str]) -> list[Json]:
        def all_ready() -> list[Json] | None:
            nodes = [n for n in self.nodes() if n["name"] in names]
            self.steps.progress(", ".join(f"{n['name']} {n['health']}" for n in nodes) or "no node yet")
            return nodes if len(nodes) == len(names) and all(n["health"] == "ready" for n in nodes) else None

        return self.events.wait(all_ready, Deadline(ENROLL), "all nodes to be ready")

    # Pool, image, volume, virtual machine

    def pool(self) -> Json:
        def active() -> Json | None:
            pools = self.ingot.items("pool")
            if not pools:
                self.steps.progress("no pool yet")
                return None
            pool = self.ingot.named("pool", pools[0]["name"])
            self.steps.progress(f"{pool['state']}, {pool.get('osds_up')} of {pool.get('osds')} disks up: "
                                f"{pool.get('detail') or pool.get('health')}")
            good = pool["state"] == "active" and pool["size"] == 3 and pool["osds_up"] >= 3
            return pool if good else None

        return self.events.wait(active, Deadline(POOL), "the pool to be active")

    def made(self, noun: str, name: str, words: list[str], seconds: float) -> Json:
        """What a command with --wait has made; its state is shown meanwhile."""
        def state() -> str:
            return ", ".join(f"{each['name']} {each['state']}" for each in self.ingot.items(noun)) or f"no {noun} yet"

        self.together({name: [noun, *words, "--wait"]}, Deadline(seconds), state)
        return self.ingot.named(noun, name)

    def import_image(self) -> Json:
        return self.made("image", IMAGE, ["import", IMAGE, "--file", str(self.guest_image)], IMPORT)

    def create_volume(self) -> Json:
        return self.made("volume", VOLUME, ["create", VOLUME, "--image", IMAGE], IMPORT)

    def create_vm(self) -> Json:
        vm = self.made("vm", VM, ["create", VM, "--volume", VOLUME, "--memory", "64MiB", "--start"], START)
        if vm["state"] != "running" or not vm.get("node"):
            raise LabError(f"{VM} is {vm['state']} on {vm.get('node')} after it was started")
        return vm

    def watch_guest(self, console: CounterConsole, lines: int, seconds: float) -> None:
        console.read(lines, Deadline(seconds))
        if console.faults:
            raise LabError("the guest's counter: " + "; ".join(console.faults[:5]))

    def migrate(self, to: str | None = None, lines: int = 40) -> tuple[Json, Json, CounterConsole]:
        """Moves the guest while its console is read; the vm before and after, and what was read."""
        before = self.ingot.named("vm", VM)
        with CounterConsole(self.ingot, VM) as console:
            self.watch_guest(console, lines, 120)
            words = ["vm", "migrate", VM, *(["--node", to] if to else []), "--wait"]
            moving = self.ingot.start(*words, stderr=subprocess.PIPE)
            deadline = Deadline(MIGRATE)
            while moving.poll() is None and not deadline.expired():
                self.steps.progress(lambda: f"{self.ingot.named('vm', VM)['state']}, guest at {console.last}")
                self.watch_guest(console, 5, 120)
            if moving.poll() is None:
                moving.kill()
                raise LabError(f"the migration has not ended within {MIGRATE} s")
            _, err = moving.communicate()
            if moving.returncode != 0:
                raise CliError(tuple(words), moving.returncode, err.decode(errors="replace"))
            self.watch_guest(console, lines, 120)
        after = self.ingot.named("vm", VM)
        if after["node"] == before["node"] or after["state"] != "running":
            raise LabError(f"after the migration {VM} is {after['state']} on {after['node_name']}")
        return before, after, console


def describe(machine: Json) -> str:
    """Where a machine is, in a few words."""
    words = machine.get("step") or machine["state"]
    if machine.get("install_step") and machine["state"] == "deploying":
        words += f" ({machine['install_step']} {machine.get('install_progress', 0)} %)"
    return str(words)


def why_failed(machine: Json) -> str:
    error = machine.get("error") or {}
    return f"{machine['name']} has failed in {machine.get('failed_step')}: {error.get('text')}"


def seconds_between(start: str | float, end: str | float) -> float:
    def seconds(moment: str | float) -> float:
        if isinstance(moment, (int, float)):
            return float(moment)
        return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()

    return seconds(end) - seconds(start)
