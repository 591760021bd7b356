# SPDX-License-Identifier: GPL-3.0-or-later
"""The floors of the cluster: the same daemons, the same guest, in the same namespaces, made by hand."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import ns
from lab.machine import GIB
from nodes import Disk, Node

from .context import Bench

POOL, COPIES, PGS = "vms", 3, 32
SECONDS = 120

CONF = """[global]
fsid = {fsid}
mon_host = [v2:{mon}:3300]
public_addr = {own}
ms_bind_msgr1 = false
auth_allow_insecure_global_id_reclaim = false
mgr_initial_modules =
osd_memory_target = 1073741824
"""
MON_KEYRING = """[mon.]
	key = {mon}
	caps mon = "allow *"
[client.admin]
	key = {admin}
	caps mon = "allow *"
	caps osd = "allow *"
	caps mgr = "allow *"
"""
AS_CEPH = ("--setuser", "ceph", "--setgroup", "ceph")


class Ceph:
    """A monitor and a manager on the first node and an OSD on each, started by someone who knows what to type.

    Keys and states are asked for through librados (ceph-try): the command ceph, which is Python, takes most of a second to
    start each time.
    """

    def __init__(self, bench: Bench, nodes: list[Node]) -> None:
        self._bench, self._nodes = bench, nodes
        self._fsid = str(uuid.uuid4())
        self._disks = [Disk(os.path.join(node.folder, "by-hand.img"), 8 * GIB, "by-hand") for node in nodes]
        self._keys = {name: self._ask("key")["key"] for name in ("mon", "admin")}

    def _ask(self, *words: object) -> dict[str, str]:
        environment = {**os.environ, "CEPH_FSID": self._fsid, "CEPH_MON_HOST": f"[v2:{self._nodes[0].address}:3300]",
                       "CEPH_KEY": getattr(self, "_keys", {}).get("admin", "")}
        done = subprocess.run(["ip", "netns", "exec", self._nodes[0].ns, self._bench.program("ceph-try"),
                               *map(str, words)], env=environment, capture_output=True, text=True, timeout=SECONDS,
                              check=False)
        answer: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        if "error" in answer:
            raise AssertionError(f"ceph by hand: {words}: {answer}")
        return answer

    @staticmethod
    def _write(node: Node, path: str, text: str) -> None:
        node.run("sh", "-c", 'mkdir -p "${1%/*}"; umask 077; cat >"$1"; chown -R ceph:ceph "${1%/*}"', "write", path,
                 input=text)

    def _configure(self) -> None:
        for node in self._nodes:
            node.run("bash", "-c", "install -d -o ceph -g ceph /run/ceph /var/log/ceph /var/lib/ceph/{mon,mgr,osd}")
            self._write(node, "/etc/ceph/ceph.conf",
                        CONF.format(fsid=self._fsid, mon=self._nodes[0].address, own=node.address))

    def _monitor_and_manager(self) -> None:
        node = self._nodes[0]
        self._write(node, "/tmp/by-hand/keyring", MON_KEYRING.format(**self._keys))
        node.run("monmaptool", "--create", "--clobber", "--fsid", self._fsid, "--addv", "a", f"[v2:{node.address}:3300]",
                 "/tmp/by-hand/monmap")
        node.run("install", "-d", "-o", "ceph", "-g", "ceph", "/var/lib/ceph/mon/ceph-a")
        node.run("ceph-mon", "--mkfs", "--id", "a", "--monmap", "/tmp/by-hand/monmap", "--keyring", "/tmp/by-hand/keyring",
                 *AS_CEPH)
        node.run("ceph-mon", "--id", "a", *AS_CEPH)
        key = self._ask("auth", "mgr.a", "mon", "allow profile mgr", "osd", "allow *", "mds", "allow *")["key"]
        self._write(node, "/var/lib/ceph/mgr/ceph-a/keyring", f"[mgr.a]\n\tkey = {key}\n")
        node.run("ceph-mgr", "--id", "a", *AS_CEPH)

    def _start_osd(self, node: Node, disk: Disk) -> "subprocess.Popen[str]":
        osd = str(uuid.uuid4())
        made = self._ask("osd-new", osd)
        number = made["id"]
        folder = f"/var/lib/ceph/osd/ceph-{number}"
        self._write(node, f"{folder}/keyring", f"[osd.{number}]\n\tkey = {made['key']}\n")
        script = (f"ln -s {disk.device} {folder}/block; chown ceph {disk.device}; "
                  f"ceph-osd --mkfs --id {number} --osd-uuid {osd} {' '.join(AS_CEPH)} && "
                  f"ceph-osd --id {number} {' '.join(AS_CEPH)}")
        return subprocess.Popen(node.enter("sh", "-ec", script), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                text=True)

    def _clean(self) -> bool:
        status = self._ask("status", POOL)
        return bool(status["osds_up"] == len(self._nodes) and status["pgs"] and
                    status["pgs"] == status["pgs_active_clean"])

    def bring_up(self) -> float:
        """Seconds from nothing to a pool that is active and clean."""
        began = time.monotonic()
        self._configure()
        self._monitor_and_manager()
        starting = [self._start_osd(node, disk) for node, disk in zip(self._nodes, self._disks)]
        for process in starting:
            _, problem = process.communicate(timeout=SECONDS)
            if process.returncode != 0:
                raise AssertionError(f"ceph-osd by hand: {problem}")
        ns.wait_until(lambda: self._ask("status")["osds_up"] == len(self._nodes), SECONDS, "the OSDs by hand are up")
        node = self._nodes[0]
        self._write(node, "/etc/ceph/ceph.client.admin.keyring", f"[client.admin]\n\tkey = {self._keys['admin']}\n")
        node.run("ceph", "osd", "pool", "create", POOL, str(PGS), str(PGS), "replicated", "replicated_rule",
                 f"--size={COPIES}")
        node.run("rbd", "pool", "init", POOL)
        ns.wait_until(self._clean, SECONDS, "the pool by hand is active and clean")
        return time.monotonic() - began

    def remove(self) -> None:
        """Leaves the nodes as they were."""
        for node in self._nodes:
            node.run("sh", "-c", "for name in ceph-osd ceph-mgr ceph-mon; do for pid in $(pidof $name); do "
                     '[ "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" ] || kill -9 $pid; done; done; '
                     "rm -rf /etc/ceph /var/lib/ceph /var/log/ceph /run/ceph /tmp/by-hand")
        for disk in self._disks:
            disk.close()
            Path(disk.path).unlink()


QEMU_COMMANDLINE = "{http://libvirt.org/schemas/domain/qemu/1.0}commandline"
SECRET = """<secret ephemeral='no' private='no'>
  <uuid>{uuid}</uuid>
  <usage type='ceph'>
    <name>by-hand</name>
  </usage>
</secret>
"""


class Guest:
    """The guest that an agent made, made once more by virsh: same XML, another name, another disk.

    Its secret is its own: the agent's is in the memory of libvirt's daemon only, and the agent gives it anew when it next
    starts a guest after the daemon was started anew.
    """

    NAME, AGENTS_SECRET = "by-hand", "client.ingot"

    def __init__(self, node: Node, domain: str, volume: str, image: str, nodes: list[Node]) -> None:
        tree = ElementTree.fromstring(node.run("virsh", "dumpxml", "--inactive", "--security-info", domain).stdout)
        vm = domain.removeprefix("ingot-")
        # Without our mark no agent takes it for its own. What lets in migrations of the order's source only would let in none.
        for child in tree.findall("uuid") + tree.findall("metadata") + tree.findall(QEMU_COMMANDLINE):
            tree.remove(child)
        found = ElementTree.tostring(tree, encoding="unicode")
        usage = 'usage="{}"'
        for old, new in ((domain, self.NAME), (image, volume), (vm, self.NAME),
                         (usage.format(self.AGENTS_SECRET), usage.format(self.NAME))):
            if old not in found:
                raise AssertionError(f"the agent's guest has no {old}")
            found = found.replace(old, new)
        self.path = os.path.join(node.folder, "by-hand.xml")
        Path(self.path).write_text(found, encoding="utf-8")
        for each in nodes:
            self._give_key(each)

    def _give_key(self, node: Node) -> None:
        secret = str(uuid.uuid5(uuid.NAMESPACE_DNS, self.NAME))
        path = os.path.join(node.folder, "by-hand-secret.xml")
        Path(path).write_text(SECRET.format(uuid=secret), encoding="utf-8")
        key = node.run("cat", "/etc/ceph/ceph.client.ingot.keyring").stdout.split("key = ")[1].split()[0]
        node.run("virsh", "secret-define", path)
        node.run("virsh", "secret-set-value", secret, "--base64", key)

    def create(self, node: Node) -> float:
        began = time.monotonic()
        node.run("virsh", "create", self.path)
        return time.monotonic() - began

    def destroy(self, node: Node) -> None:
        node.run("virsh", "destroy", self.NAME)

    def define_and_start(self, node: Node) -> None:
        node.run("virsh", "define", self.path)
        node.run("virsh", "start", self.NAME)

    def remove(self, node: Node) -> None:
        self.destroy(node)
        node.run("virsh", "undefine", self.NAME)

    def migrate(self, source: Node, target: Node) -> float:
        """As the agent has libvirt do it."""
        began = time.monotonic()
        source.run("virsh", "migrate", "--live", "--p2p", "--tls", "--persistent", "--undefinesource", "--auto-converge",
                   "--abort-on-error", "--domain", self.NAME, "--desturi", f"qemu+tls://{target.address}/system",
                   "--migrateuri", f"tcp://{target.address}", "--listen-address", target.address)
        return time.monotonic() - began
