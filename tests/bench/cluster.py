# SPDX-License-Identifier: GPL-3.0-or-later
"""Pool, volume, virtual machine and migration on the rack, beside the same done by hand; memory once all of it is up."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Callable

import ns
from lab.cli import Json
from lab.wait import Deadline, LabError
from nodes import Node

from . import by_hand
from .context import Bench
from .memory import memory_mb
from .rack import DEPLOY, READY, Rack
from .table import RATIO, middle

NODES = ("node1", "node2", "node3")
IMAGE, GUEST = "counter", "guest"
POOL, VM = 300, 120  # seconds
ROUNDS = 3
AGENT_MB, PROVISIONER_MB = 12, 60


class Cluster:
    """Three nodes of the rack with a pool, an image, and a virtual machine that was on each of them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.rack: Rack = bench.shared("rack", lambda: Rack(bench))
        for name in NODES:
            self.rack.add(name)
        self.rack.discover(list(NODES))
        for name in NODES:
            machine = self.rack.machines[name]
            self.rack.ingot.text("machine", "deploy", name, "--disk", machine.system_disk.serial)
        for name in NODES:
            # Its agent in the live image cannot start the host; whether it has found out yet is all the same.
            self.rack.await_step(name, "DEPLOY_START", "DEPLOY_RESTART", "FAILED", seconds=DEPLOY)
            self.rack.machines[name].stop()
        self.by_hand_s = self._pool_by_hand()
        self.enrolled_s, self.pool_s = self._pool()

    def node(self, name: str) -> Node:
        return self.rack.machines[name].node

    def ingot(self, *words: str, seconds: float = VM) -> float:
        """Calls the command line; seconds it took."""
        began = time.monotonic()
        self.rack.ingot.text(*words, timeout=seconds)
        return time.monotonic() - began

    def _pool_by_hand(self) -> float:
        ceph = by_hand.Ceph(self.bench, [self.node(name) for name in NODES])
        try:
            return ceph.bring_up()
        finally:
            ceph.remove()

    def _pool(self) -> tuple[float, float]:
        """Seconds from the start of the hosts' agents until all are ready, and until the pool is active."""
        shown = {name: self.rack.shown(name) for name in NODES}
        began = time.monotonic()
        for name in NODES:
            self.rack.machines[name].start_host(shown[name])

        def ready() -> bool:
            nodes = self.rack.ingot.items("node")
            return len(nodes) == len(NODES) and all(node["health"] == "ready" for node in nodes)

        def active() -> bool:
            pools = self.rack.ingot.items("pool")
            return bool(pools) and pools[0]["state"] == "active" and pools[0]["osds_up"] == len(NODES)

        self.rack.events.wait(ready, Deadline(READY), "the nodes to be ready", every=0.5)
        enrolled = time.monotonic() - began
        self.rack.events.wait(active, Deadline(POOL), "the pool to be active", every=0.5)
        return enrolled, time.monotonic() - began

    def prepare_guests(self) -> None:
        """Imports the guest's image and has one run on each node once: the first start there finds out about KVM."""
        self.import_s = self.ingot("image", "import", IMAGE, "--file", str(self.bench.build / "images/guest/counter.img"),
                                   "--wait")
        began = time.monotonic()
        for number in range(len(NODES)):
            self.create_volume(f"{GUEST}{number}")
            self.ingot("vm", "create", f"{GUEST}{number}", "--volume", f"{GUEST}{number}", "--memory", "64MiB", "--start")
        for number in range(len(NODES)):
            self.await_vm(f"{GUEST}{number}")
        self.first_vm_s = time.monotonic() - began
        used = {self.vm(f"{GUEST}{number}")["node"] for number in range(len(NODES))}
        if len(used) != len(NODES):
            raise LabError(f"three virtual machines went to {len(used)} nodes")
        for number in range(1, len(NODES)):
            self.ingot("vm", "delete", f"{GUEST}{number}", "--wait")

    def create_volume(self, name: str) -> float:
        return self.ingot("volume", "create", name, "--image", IMAGE, "--wait")

    def vm(self, name: str) -> Json:
        return self.rack.ingot.named("vm", name)

    def await_vm(self, name: str) -> None:
        def running() -> bool:
            vm = self.vm(name)
            if vm["state"] == "failed":
                raise LabError(f"{name} has failed: {vm.get('error')}")
            return bool(vm["state"] == "running")

        self.rack.events.wait(running, Deadline(VM), f"{name} to run", every=0.5)

    def volume_name(self, name: str) -> str:
        """As the image in the pool is called."""
        return f"volume-{self.rack.ingot.named('volume', name)['id']}"

    def node_of(self, vm: str) -> str:
        wanted = self.vm(vm)["node"]
        return next(node["name"] for node in self.rack.ingot.items("node") if wanted in (node["id"], node["name"]))

    def by_hand(self, vm: str) -> by_hand.Guest:
        """The same guest once more, on the same node, not yet started."""
        try:
            self.rack.ingot.named("volume", "by-hand")
        except LabError:
            self.create_volume("by-hand")
        return by_hand.Guest(self.node(self.node_of(vm)), f"ingot-{self.vm(vm)['id']}", self.volume_name("by-hand"),
                             self.volume_name(vm), [self.node(name) for name in NODES])


def cluster(bench: Bench) -> Cluster:
    return bench.shared("cluster", lambda: Cluster(bench))


def with_guests(bench: Bench) -> Cluster:
    found = cluster(bench)
    bench.shared("guests", found.prepare_guests)
    return found


def pool(bench: Bench) -> None:
    found = cluster(bench)
    bench.add("enroll: agent's start to node ready", "three nodes at once", "s", found.enrolled_s)
    bench.add("pool: agents' start to active+clean", "three nodes, three OSDs", "s", found.pool_s, floor=found.by_hand_s,
              goal=RATIO, goal_is_ratio=True, floor_is="the same daemons in the same namespaces, started by a script",
              remark="ours enrolls and starts libvirt as well")


def volume(bench: Bench) -> None:
    found = with_guests(bench)
    pool_name = found.rack.ingot.items("pool")[0]["name"]
    source = f"{pool_name}/image-{found.rack.ingot.named('image', IMAGE)['id']}"
    node = found.node(NODES[0])
    snapshot = node.run("rbd", "--id", "ingot", "snap", "ls", source, "--format", "json").stdout
    name = snapshot.split('"name":"')[1].split('"')[0]
    ours, floor = [], []
    for number in range(ROUNDS):
        ours.append(found.create_volume(f"clone{number}"))
        began = time.monotonic()
        node.run("rbd", "--id", "ingot", "clone", f"{source}@{name}", f"{pool_name}/by-hand-{number}")
        floor.append(time.monotonic() - began)
        found.ingot("volume", "delete", f"clone{number}", "--wait")
        node.run("rbd", "--id", "ingot", "rm", "--no-progress", f"{pool_name}/by-hand-{number}")
    bench.add("volume: clone of an image", "command to its end", "s", middle(ours), floor=middle(floor), goal=RATIO,
              goal_is_ratio=True, runs=ROUNDS, floor_is="rbd clone, from its start to its end")


def vm(bench: Bench) -> None:
    found = with_guests(bench)
    bench.add("vm: first start on each node", "three at once", "s", found.first_vm_s,
              remark="each node finds out first whether KVM works; with three volumes")
    hand = found.by_hand(f"{GUEST}0")
    node = found.node(found.node_of(f"{GUEST}0"))
    found.create_volume("fresh")
    ours, floor = [], []
    for number in range(ROUNDS):
        ours.append(found.ingot("vm", "create", f"fresh{number}", "--volume", "fresh", "--memory", "64MiB", "--start",
                                "--wait"))
        found.ingot("vm", "delete", f"fresh{number}", "--wait")
        floor.append(hand.create(node))
        hand.destroy(node)
    bench.add("vm: create and start", "command to its end", "s", middle(ours), floor=middle(floor), goal=RATIO,
              goal_is_ratio=True, runs=ROUNDS, floor_is="virsh create of the same guest, from its start to its end")


def serial_log(domain: str) -> str:
    return f"/var/log/ingot/vm/{domain.removeprefix('ingot-')}.serial.log"


def moved(target: Node, domain: str, move: Callable[[], float]) -> tuple[float, float]:
    """Seconds until the guest is first heard on the target, and until the command that moved it has ended."""
    log = Path(f"/proc/{target.holder.pid}/root{serial_log(domain)}")
    log.unlink(missing_ok=True)  # of an earlier stay
    heard: list[float] = []

    def listen() -> None:
        ns.wait_until(lambda: log.exists() and log.stat().st_size > 0, VM, f"{domain} to be heard on {target.name}")
        heard.append(time.monotonic() - began)

    began = time.monotonic()
    listener = threading.Thread(target=listen)
    listener.start()
    took = move()
    listener.join()
    return heard[0], took


def migrate(bench: Bench) -> None:
    found = with_guests(bench)
    name = f"{GUEST}0"
    domain = f"ingot-{found.vm(name)['id']}"
    hand = found.by_hand(name)
    here = found.node_of(name)
    there = next(other for other in NODES if other != here)
    hand.define_and_start(found.node(here))
    ours, floor = [], []
    for source, target in [(here, there), (there, here)] * ROUNDS:
        ours.append(moved(found.node(target), domain,
                          lambda: found.ingot("vm", "migrate", name, "--node", target, "--wait")))
        floor.append(moved(found.node(target), hand.NAME, lambda: hand.migrate(found.node(source), found.node(target))))
    hand.remove(found.node(here))
    what = "virsh migrate --live --p2p --tls of the same guest between the same two libvirt daemons"
    for column, (where, remark) in enumerate((
            ("command to the guest's first word there", ""),
            ("command to its end", "ours ends when the guest runs there, virsh when the source has tidied up as well"))):
        bench.add("migrate: live, between two nodes", where, "s", middle([run[column] for run in ours]),
                  floor=middle([run[column] for run in floor]), goal=RATIO, goal_is_ratio=True, runs=len(ours),
                  floor_is=what, remark=remark)


def memory(bench: Bench) -> None:
    """The agents of this host share their programs' pages; Rss counts them whole, as if each were alone."""
    found = with_guests(bench)
    process = found.rack.provisioner.process
    assert process
    bench.add("memory of the provisioner", "three nodes, pool, vm", "MB PSS", memory_mb(process.pid, "Pss"),
              goal=PROVISIONER_MB)
    for name in NODES:
        agent = found.rack.machines[name].agent
        assert agent
        bench.add("memory of an agent", f"{name}, with its libvirt plugin", "MB PSS", memory_mb(agent.pid, "Pss"),
                  goal=AGENT_MB, remark=f"RSS {memory_mb(agent.pid, 'Rss'):.1f} MB on {name}")
