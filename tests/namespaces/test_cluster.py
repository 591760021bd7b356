#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three nodes on one host with real Ceph daemons, libvirt and QEMU, made by the agent's parts and the provisioner's Ceph
driver. The tests are steps: each stands on the ones before it."""

import atexit
import json
import os
import signal
import uuid

import ns
from nodes import Node
from ns import built, need, wait_until

GIB = 1 << 30
POOL = "vms"
need("ceph-mon", "ceph-mgr", "ceph-osd", "monmaptool", "libvirtd", "qemu-system-x86_64", "sfdisk", "partx", "wipefs")


class Cluster:
    def __init__(self):
        self.net = ns.Network()
        self.nodes = []
        atexit.register(self.close)
        self.hub = self.net.namespace("hub")
        self.nodes = [Node(self.net, self.hub, f"node{i}", f"10.91.0.1{i}") for i in (1, 2, 3)]
        self.net.bridge(self.hub, "br0", "10.91.0.1/24", *(f"v-{node.name}" for node in self.nodes))
        self.fsid = str(uuid.uuid4())
        self.mon_host = f"[v2:{self.nodes[0].address}:3300]"
        self.mon_key, self.admin_key = (self.try_ceph("key")["key"] for _ in range(2))
        for node in self.nodes:
            node.add_disk(4 * GIB, f"{node.name}-data")

    def try_ceph(self, *command, seconds=120):
        """One call of the provisioner's Ceph driver, from the hub."""
        environment = dict(os.environ, CEPH_FSID=getattr(self, "fsid", ""), CEPH_MON_HOST=getattr(self, "mon_host", ""),
                           CEPH_KEY=getattr(self, "admin_key", ""))
        result = ns.subprocess.run(["ip", "netns", "exec", self.hub, built("ceph-try"), *map(str, command)],
                                   env=environment, capture_output=True, text=True, timeout=seconds, check=False)
        assert result.stdout, result.stderr
        return json.loads(result.stdout.splitlines()[-1])

    def ceph_section(self):
        return {"fsid": self.fsid, "mon_host": self.mon_host, "mon": None, "mgr": None, "osds": []}

    def close(self):
        """The network kills what still runs in the nodes; only then are their disks free."""
        for node in self.nodes:
            node.kill_parts()
        self.net.close()
        for node in self.nodes:
            node.close()
        self.nodes = []


cluster = Cluster()


def monitor_and_manager_come_up():
    first = cluster.nodes[0]
    section = cluster.ceph_section()
    section["mon"] = {"name": first.name, "address": first.address, "key": cluster.mon_key, "admin_key": cluster.admin_key}
    first.want(ceph=section)
    first.start_parts()
    first.await_report("ceph", lambda r: r["mon"] == "running", 60, "the monitor runs")
    assert first.report("ceph")["mgr"] == "absent"

    key = cluster.try_ceph("auth", f"mgr.{first.name}", "mon", "allow profile mgr", "osd", "allow *", "mds", "allow *")["key"]
    section["mgr"] = {"name": first.name, "key": key}
    first.want(ceph=section)
    first.await_report("ceph", lambda r: r["mgr"] == "running", 60, "the manager runs")
    wait_until(lambda: cluster.try_ceph("status")["mgr_available"], 60, "the manager is available")


def a_disk_that_holds_something_is_refused():
    node = cluster.nodes[1]
    disk = node.add_disk(GIB, "precious")
    ns.run("mkfs.ext4", "-q", "-L", "payroll", disk.device)
    with open(disk.path, "rb") as f:
        before = f.read(1 << 20)
    section = cluster.ceph_section()
    osd_uuid = str(uuid.uuid4())
    osd = cluster.try_ceph("osd-new", osd_uuid)
    section["osds"] = [{"id": osd["id"], "uuid": osd_uuid, "key": osd["key"], "disk": {"serial": "precious"}}]
    node.want(ceph=section)
    node.start_parts()
    report = node.await_report("ceph", lambda r: r["error"], 60, "the disk is refused")
    assert report["osds"][0]["state"] == "failed", report
    assert "ext4 labelled payroll" in report["error"]["text"], report
    with open(disk.path, "rb") as f:
        assert f.read(1 << 20) == before

    # Blank again, it becomes the OSD.
    ns.run("wipefs", "--all", "--quiet", disk.device)
    node.await_report("ceph", lambda r: r["osds"][0]["state"] == "running", 90, "the blank disk becomes an OSD")


def osds_come_up():
    for node in cluster.nodes:
        section = node.desired.get("ceph") or cluster.ceph_section()
        osd_uuid = str(uuid.uuid4())
        osd = cluster.try_ceph("osd-new", osd_uuid)
        assert cluster.try_ceph("osd-new", osd_uuid) == osd
        section["osds"].append({"id": osd["id"], "uuid": osd_uuid, "key": osd["key"], "disk": {"serial": f"{node.name}-data"},
                                "memory_bytes": GIB})
        node.want(ceph=section)
        if not node.runner:
            node.start_parts()
    for node in cluster.nodes:
        node.await_report("ceph", lambda r: r["osds"] and all(o["state"] == "running" for o in r["osds"]), 120, "its OSDs run")


def pool_is_active_and_clean():
    answer = cluster.try_ceph("pool-create", POOL, 3, 2, 32)
    assert answer == {}, answer
    assert cluster.try_ceph("pool-create", POOL, 3, 2, 32) == {}

    def clean():
        status = cluster.try_ceph("status", POOL)
        return status["pgs"] > 0 and status["pgs"] == status["pgs_active_clean"] and status
    status = wait_until(clean, 90, "every placement group is active and clean")
    assert status["hosts_up"] == 3 and status["osds_up"] == 4, status
    assert status["health"] == "HEALTH_OK", status
    assert status["pool_max_avail_bytes"] > 0


TESTS = [
    monitor_and_manager_come_up,
    a_disk_that_holds_something_is_refused,
    osds_come_up,
    pool_is_active_and_clean,
]

if __name__ == "__main__":
    try:
        ns.main(TESTS)
    finally:
        cluster.close()
