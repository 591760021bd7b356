# SPDX-License-Identifier: GPL-3.0-or-later
"""Two guests on two nodes, in one network: what each does is in its seed."""

import json
import os
import uuid

import linux_guest
from ns import wait_until

IMAGE = "image-linux"
SCRIPT = """#!/bin/sh # user data of {name}
ip address add {address}/24 dev eth0
ip link set eth0 up
echo "guest mac $(cat /sys/class/net/eth0/address) mtu $(cat /sys/class/net/eth0/mtu)"
number=0
while :; do
	number=$((number + 1))
	if ping -c 1 -W 1 {peer} >/dev/null; then
		echo "guest {name} reaches {peer} $number"
		usleep 500000
	fi
done
"""


class Guest:
    def __init__(self, name, address, peer, number):
        self.id = str(uuid.uuid4())
        self.name, self.address, self.peer = name, address, peer
        self.mac = f"02:00:00:00:00:{number:02x}"
        self.node = None

    def order(self, pool, node, state="running", generation=1, **more):
        script = SCRIPT.format(name=self.name, address=self.address, peer=self.peer)
        seed = {"meta_data": json.dumps({"instance-id": self.id, "local-hostname": self.name}), "user_data": script,
                "network_config": None}
        return {"id": self.id, "name": self.name, "generation": generation, "state": state, "cpus": 1,
                "memory_bytes": 160 << 20, "disks": [{"pool": pool, "image": f"volume-{self.id}"}], "migrate": None,
                "seed": seed, "nics": [{"mac": self.mac, "vlan": 0, "mtu": 1400}], "uplink": node.address, **more}

    def serial(self, node):
        return node.read(f"/var/log/ingot/vm/{self.id}.serial.log").decode(errors="replace")

    def reached(self, node):
        """How often it has reached the other one, as far as the node's log goes."""
        return self.serial(node).count(f"guest {self.name} reaches {self.peer}")

    def entry(self, report):
        return next((vm for vm in report or [] if vm["id"] == self.id), None)

    def await_state(self, node, state, seconds, what):
        node.await_report("vms", lambda r: self.entry(r) and self.entry(r)["state"] == state, seconds, f"{self.name}: {what}")

    def await_reaching(self, node, seconds):
        before = self.reached(node)
        try:
            wait_until(lambda: self.reached(node) >= before + 3, seconds, f"{self.name} on {node.name} reaches {self.peer}")
        except AssertionError as failure:
            log = node.read(f"/var/log/libvirt/qemu/ingot-{self.id}.log").decode(errors="replace")
            raise AssertionError(f"{failure}\nit says:\n{self.serial(node)[-3000:]}\nQEMU says:\n{log[-3000:]}\n"
                                 f"{node.run('ip', 'link').stdout}") from None


def make_volumes(cluster, pool, guests):
    folder = os.path.join(cluster.net.folder, "linux")
    os.makedirs(folder)
    disk = os.path.join(folder, "disk.img")
    linux_guest.make_disk(folder, disk)
    answer = cluster.try_ceph("image-import", pool, IMAGE, disk)
    assert answer["done_bytes"] == linux_guest.SIZE, answer
    for guest in guests:
        assert cluster.try_ceph("volume-clone", pool, IMAGE, f"volume-{guest.id}", linux_guest.SIZE) == {}


def drop_volumes(cluster, pool, guests):
    for guest in guests:
        wait_until(lambda g=guest: cluster.try_ceph("volume-delete", pool, f"volume-{g.id}") == {}, 60, "the volume goes")
    assert cluster.try_ceph("image-delete", pool, IMAGE) == {}


def seeds(node):
    return [name for name in node.run("ls", "/var/lib/ingot/agent/seeds", check=False).stdout.split()]
