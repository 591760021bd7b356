# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's path without machines: the real provisioner, and the real agents in namespaces of this host.

Each "machine" is a network, mount and UTS namespace (tests/namespaces/nodes.py) with loop devices as disks. Its agent runs
first as in the live image and installs the real bundle to a loop device, then as on the host: it finds the identity that
the installer left on the state partition, enrolls, and runs Ceph's daemons, libvirt and QEMU. What machines add (firmware,
kernels, emulation) is measured in metal.py; here is what the product itself takes, free of that.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import subprocess
import uuid
from pathlib import Path

import ns
from lab import faults, net
from lab.cli import Events, Ingot, Json
from lab.machine import GIB
from lab.provisioner import AGENT_PORT, BOOT_PORT, Provisioner
from lab.wait import Deadline, LabError
from nodes import Node

from .context import Bench

MEMORY_KIB = 8 << 20  # what an agent here says its machine has
SYSTEM_DISK, DATA_DISK = 12 * GIB, 8 * GIB
DISCOVER, DEPLOY, READY = 60, 180, 120  # seconds


class RackMachine:
    """One machine of the rack: a node's namespaces, and what its agent sees as hardware."""

    def __init__(self, rack: "Rack", number: int, name: str, data_disk: bool) -> None:
        self.rack, self.name = rack, name
        self.uuid = str(uuid.uuid4())
        self.node = Node(rack.network, rack.lab.namespace.name, name, f"10.77.0.{20 + number}")
        net.ip("-n", rack.lab.namespace.name, "link", "set", f"v-{name}", "master", net.BRIDGE)
        self.mac = rack.network.run(self.node.ns, "cat", "/sys/class/net/eth0/address").stdout.strip()
        self.system_disk = self.node.add_disk(SYSTEM_DISK, f"{name}-system")
        if data_disk:
            self.node.add_disk(DATA_DISK, f"{name}-data")
        self.agent: subprocess.Popen[bytes] | None = None
        self.log = Path(self.node.folder) / "agent.log"
        self.log.touch()
        self._make_sysroot()

    def _write(self, name: str, text: str) -> None:
        path = Path(self.node.sysroot) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="ascii")

    def _make_sysroot(self) -> None:
        ip = net.PROVISIONER.ip
        der = ssl.PEM_cert_to_DER_cert(self.rack.ingot.cacert.read_text(encoding="ascii"))
        self._write("proc/cmdline", f"ingot.server={ip}:{AGENT_PORT} ingot.boot=http://{ip}:{BOOT_PORT} "
                    f"ingot.ca={hashlib.sha256(der).hexdigest()} BOOTIF=01-{self.mac.replace(':', '-')}")
        self._write("proc/meminfo", f"MemTotal: {MEMORY_KIB} kB")
        self._write("proc/sys/kernel/osrelease", os.uname().release)
        os.symlink("/proc/cpuinfo", Path(self.node.sysroot) / "proc/cpuinfo")
        self._write("sys/class/dmi/id/product_uuid", self.uuid)
        self._write("sys/class/dmi/id/product_serial", f"RACK-{self.name}")
        for name, text in (("address", self.mac), ("type", "1"), ("carrier", "1")):
            self._write(f"sys/class/net/eth0/{name}", text)
        (Path(self.node.sysroot) / "sys/class/net/eth0/device").mkdir()

    def _start(self, *argv: str) -> None:
        self.stop()
        self._write("proc/sys/kernel/random/boot_id", str(uuid.uuid4()))
        with self.log.open("ab") as log:
            # Whatever an agent here is told, it cannot boot this host.
            self.agent = subprocess.Popen(
                self.node.enter("setpriv", "--bounding-set=-sys_boot", "--inh-caps=-sys_boot",
                                self.rack.bench.program("ingot-agent"), *argv, "--sysroot", self.node.sysroot),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def start_live(self) -> None:
        self._start("live", "--prefix", os.path.join(self.node.folder, "live"))

    def start_host(self, machine: Json) -> None:
        """As after kexec: the address that was given, the identity that the installer left."""
        address = machine["address"]
        self.rack.network.run(self.node.ns, "ip", "address", "flush", "dev", "eth0")
        self.rack.network.run(self.node.ns, "ip", "address", "add", f"{address}/24", "dev", "eth0")
        self.node.address = address
        offset = faults.partitions(Path(self.system_disk.path))["ingot-state"][0]
        identity = ns.run("debugfs", "-R", "cat /var/lib/ingot/agent/identity.json",
                          f"{self.system_disk.path}?offset={offset}").stdout
        self.node.run("sh", "-c", "umask 077; mkdir -p /var/lib/ingot/agent; cat >/var/lib/ingot/agent/identity.json",
                      input=identity)
        self._start("node", "--plugins", str(self.rack.bench.build))

    def stop(self) -> None:
        if self.agent:
            self.agent.kill()
            self.agent.wait()
            self.agent = None


class Rack:
    """Provisioner, command line and machines; made once for all parts that stand on it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.lab = bench.lab("rack")
        self.machines: dict[str, RackMachine] = {}
        self.network = ns.Network()
        bench.stack.callback(self._close)
        self.provisioner = Provisioner(self.lab, bench.build, [])
        self.ingot: Ingot = self.provisioner.start()
        self.events = Events(self.ingot, self.lab.logs / "events.jsonl", self.provisioner.guard)

    def _close(self) -> None:
        """After the processes in the nodes have ended their disks are free."""
        for machine in self.machines.values():
            machine.stop()
            self.bench.keep(machine.log, f"rack-{machine.name}.log")
        self.network.close()
        for machine in self.machines.values():
            machine.node.close()
        if hasattr(self, "events"):
            self.events.close()

    def add(self, name: str, data_disk: bool = True) -> RackMachine:
        machine = RackMachine(self, len(self.machines) + 1, name, data_disk)
        self.machines[name] = machine
        return machine

    def use_bundle(self, bundle: Path) -> None:
        """Starts the provisioner anew with another bundle."""
        self.provisioner.stop()
        self.provisioner.configure(bundle=bundle)
        self.ingot = self.provisioner.start()

    def shown(self, name: str) -> Json:
        return self.ingot.named("machine", name)

    def discover(self, names: list[str]) -> None:
        """Their agents say hello and are accepted."""
        for name in names:
            self.machines[name].start_live()

        def found() -> dict[str, Json] | None:
            known = {j["uuid"]: j for j in self.ingot.items("machine") if j.get("inventory")}
            all_found = all(self.machines[name].uuid in known for name in names)
            return known if all_found else None

        known = self.events.wait(found, Deadline(DISCOVER), "the agents' hello", every=1.0)
        for name in names:
            self.ingot.text("machine", "accept", known[self.machines[name].uuid]["id"], "--name", name, "--wait",
                            timeout=DISCOVER)
            # Until it is ready: the acceptance of a machine without a BMC is over at once.
            self.await_step(name, "READY", seconds=DISCOVER)

    def await_step(self, name: str, *steps: str, seconds: float) -> str:
        def there() -> str | None:
            machine = self.shown(name)
            if machine["state"] == "failed" and "FAILED" not in steps:
                raise LabError(f"{name} has failed: {machine.get('error')}")
            return machine["step"] if machine["step"] in steps else None

        return self.events.wait(there, Deadline(seconds), f"{name} to be in {' or '.join(steps)}", every=0.5)
