#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that cannot boot from the network joins with a token: the real provisioner, the real installer on a loop device, and
the real agent on what the installer left; and a provisioner whose host is its own first node."""

import base64
import hashlib
import json
import os
import shutil
import socket
import stat
import sys
import time

import ns
import rig
from appliance import ADDRESS, AGENT_PORT, BOOT_PORT, Appliance, expect_problem
from screen import DOWN, ENTER, SPACE, TAB, UP
from terminal import Terminal

sys.dont_write_bytecode = True
ns.need("ip", "dnsmasq", "losetup", "sfdisk", "mkfs.fat", "mtools", "mkfs.ext4", "debugfs", "e2fsck", "grub-mkimage", "blkid", "busybox")

UUIDS = "4c4c4544-0042-3510-8054-b7c04f4d37"
appliance = Appliance()
network = ns.Network()
machine = rig.Rig(network, rack=appliance.home)
ns.run("ip", "-n", appliance.home, "link", "set", "to-lan0x", "master", "prov0")
count = iter(range(10, 99))
SCRIPT = os.path.join(os.path.dirname(__file__), "../../images/live/udhcpc.script")


def token(name, **more):
    answer = appliance.post("/v1/join-tokens", {"name": name, **more})
    assert answer.status == 201, answer
    return answer.json["token"]


def other_text(text, address=None, ca=None):
    """A token that somebody else might have made."""
    data = bytearray(base64.urlsafe_b64decode(text.removeprefix("join_")))
    if address:
        data[1:5] = socket.inet_aton(address)
    if ca:
        data[9:41] = ca
    data[57:] = hashlib.sha256(data[:57]).digest()[:3]
    return "join_" + base64.urlsafe_b64encode(data).decode()


def answers(text, name="node-4", mode="static", **more):
    network_of = {"mac": machine.mac, "mode": mode}
    if mode == "static":
        network_of["address"] = "10.77.0.31/24"
    tree = {"role": "node", "host_name": name, "disk": {"serial": "disk-a", "erase": "disk-a"}, "network": network_of,
            "join": {"token": text}}
    for key, value in more.items():
        tree.setdefault(key, {}).update(value)
    return machine.write("answers.yaml", json.dumps(tree))


class Fresh:
    """A machine nobody has seen."""

    def __enter__(self):
        self.context = machine.machine()
        self.context.__enter__()
        base = os.path.relpath(machine.root, machine.folder)
        number = next(count)
        self.uuid = UUIDS + str(number)
        machine.mac = f"52:54:00:00:01:{number}"
        machine.write(f"{base}/sys/class/net/lan0x/address", machine.mac + "\n")
        ns.run("ip", "-n", machine.space, "link", "set", "lan0x", "address", machine.mac)
        machine.write(f"{base}/sys/class/dmi/id/product_uuid", self.uuid + "\n")
        machine.write(f"{base}/proc/sys/kernel/random/boot_id", "3c7a8a44-6f1c-4b0e-a7b9-7d1f3f0f9c11\n")
        machine.write(f"{base}/proc/meminfo", "MemTotal:       16384000 kB\n")
        machine.write(f"{base}/sys/block/vdb/size", f"{100 * rig.GIB // 512}\n")
        machine.write(f"{base}/sys/block/vdb/serial", "data-b\n")
        os.makedirs(f"{machine.root}/etc")
        shutil.copy(SCRIPT, f"{machine.root}/etc/udhcpc.script")
        return self

    def __exit__(self, *what):
        self.context.__exit__(*what)
        ns.run("ip", "-n", machine.space, "address", "flush", "dev", "lan0x")


def install(file):
    return network.run(machine.space, *machine.argv("--answers", file), check=False, seconds=300)


def refused(file, *words):
    result = install(file)
    assert result.returncode != 0, result.stdout
    for word in words:
        assert word in result.stderr, result.stderr
    assert machine.untouched()
    # What was set up to ask is taken back.
    assert "inet " not in ns.run("ip", "-n", machine.space, "address", "show", "dev", "lan0x").stdout


def first_boot(address="10.77.0.31/24"):
    """The agent, on what the installer left on the state partition."""
    folder = machine.path(f"agent-{os.path.basename(machine.root)}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    identity = os.path.join(folder, "identity.json")
    if not os.path.exists(identity):
        ns.run("debugfs", "-R", f"dump /var/lib/ingot/agent/identity.json {identity}", machine.state())
        os.chmod(identity, 0o600)
    if address:
        ns.run("ip", "-n", machine.space, "address", "replace", address, "dev", "lan0x")
    space = machine.space if address else appliance.home
    return network.start(space, ns.built("ingot-agent"), "node", "--state", folder, "--sysroot", machine.root, "--prefix", machine.root,
                         "--plugins", folder), folder


def node_is_ready(name):
    def ready():
        node = appliance.get(f"/v1/nodes/{name}")
        return node.status == 200 and node.json["health"] == "ready" and node.json
    return ns.wait_until(ready, 30, f"node {name} is ready")


# ---- the tokens ----

def test_tokens():
    for role in ("viewer", "operator"):
        with appliance.stopped() as db:
            weak = appliance.put_token(db, f"weak-{role}", role)
        for method, path in (("GET", "/v1/join-tokens"), ("POST", "/v1/join-tokens")):
            expect_problem(appliance.call(method, path, {"name": "x"} if method == "POST" else None, token=weak), 403, "forbidden",
                           words="role admin")
    printed = json.loads(appliance.ingot("join-token", "create", "rack2", "--uses", "2", "-o", "json", check=0).stdout)
    text = printed["token"]
    assert text.startswith("join_") and len(text) == 85, text
    shown = appliance.ingot("join-token", "list", check=0).stdout
    assert "rack2" in shown and text not in shown, shown
    shown = appliance.get("/v1/join-tokens/rack2").json
    assert shown["token"] is None and shown["uses"] == 2 and shown["joins"] == [] and shown["role"] == "node", shown
    for body, field in (({"name": "n", "uses": 0}, "uses"), ({"name": "n", "uses": 1001}, "uses"), ({"name": "N N"}, "name"), ({}, "name"),
                        ({"name": "n", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"), ({"name": "n", "role": "provisioner"}, "role"),
                        ({"name": "n", "token": "x"}, "token")):
        expect_problem(appliance.post("/v1/join-tokens", body), 400, "invalid", field)
    expect_problem(appliance.post("/v1/join-tokens", {"name": "rack2"}), 409, "exists", "name")
    with open(os.path.join(appliance.state, "ingot.db"), "rb") as f, open(os.path.join(appliance.state, "ingot.db-wal"), "rb") as g:
        assert text.encode() not in f.read() + g.read()
    appliance.ingot("join-token", "delete", "rack2", check=0)
    entries = appliance.get("/v1/audit?q=join_token").json["items"]
    assert {"join_token.create", "join_token.delete"} <= {e["operation"] for e in entries}, entries
    assert text not in json.dumps(entries)


# ---- a node ----

def test_node_joins():
    text = token("node-4")
    with Fresh() as fresh:
        result = install(answers(text))
        assert result.returncode == 0 and "is installed: node-4" in result.stdout, result.stderr
        assert machine.bootable() and machine.ask_state("cat /etc/hostname") == "node-4\n"
        assert "0600" in machine.ask_state("stat /var/lib/ingot/agent/identity.json")
        assert "File not found" in ns.run("debugfs", "-R", "stat /etc/ingot/provisioner.json", machine.state()).stderr
        identity = json.loads(machine.ask_state("cat /var/lib/ingot/agent/identity.json"))
        assert identity["server"] == f"{ADDRESS}:{AGENT_PORT}" and identity["token"] == text, identity
        with open(appliance.ca(), encoding="ascii") as f:
            assert identity["ca"] == f.read()
        # Looking was not joining.
        assert appliance.get("/v1/join-tokens/node-4").json["joins"] == []
        agent, folder = first_boot()
        node = node_is_ready("node-4")
        found = appliance.get("/v1/machines/node-4").json
        assert found["state"] == "deployed" and found["node"] == node["id"] and found["uuid"] == fresh.uuid, found
        assert found["address"] == node["address"] == "10.77.0.31" and found["bmc_address"] is None, found
        assert node["memory_bytes"] > 15 << 30 and node["pool_disks"] is False and node["osds"] == [], node
        assert found["install_disk"]["serial"] == "disk-a", found
        used = appliance.get("/v1/join-tokens/node-4").json["joins"]
        assert [(u["uuid"], u["machine"]) for u in used] == [(fresh.uuid, found["id"])], used
        with open(os.path.join(folder, "identity.json"), encoding="ascii") as f:
            assert "token" not in json.load(f)
        # Both start again: the node is the same.
        agent.end()
        appliance.restart()
        first_boot()
        assert node_is_ready("node-4")["id"] == node["id"]
        # Its other disk is its own until it is given away.
        assert appliance.get("/v1/pools").json["items"][0]["state"] == "waiting"
        appliance.ingot("node", "update", "node-4", "--pool-disks", "true", check=0)
        disks = ns.wait_until(lambda: appliance.get("/v1/nodes/node-4").json["osds"], 20, "its disk is the pool's")
        assert [d["serial"] for d in disks] == ["data-b"], disks
    # The token is used up, whoever comes.
    with Fresh():
        refused(answers(text, "node-5"), "join.token", "used already", "make another one")


def test_by_dhcp_and_by_another_address():
    with Fresh():
        result = install(answers(token("dhcp"), "node-6", "dhcp"))
        assert result.returncode == 0, result.stderr
        assert "DHCP=yes" in machine.ask_state("cat /etc/systemd/network/10-ingot-lan0.network")
    with Fresh():
        # Made when the provisioner had another address.
        old = other_text(token("moved"), address="10.77.0.99")
        with appliance.stopped() as db:
            db.execute("UPDATE document SET body = json_set(body, '$.hash', ?) WHERE kind = 'join_token' AND body ->> 'name' = 'moved'",
                       (hashlib.sha256(old.encode()).hexdigest(),))
        result = install(answers(old, "node-7", join={"address": ADDRESS}, node={"disks": "pool"}))
        assert result.returncode == 0, result.stderr
        identity = json.loads(machine.ask_state("cat /var/lib/ingot/agent/identity.json"))
        assert identity["server"] == f"{ADDRESS}:{AGENT_PORT}" and identity["pool_disks"] is True, identity


def test_state_is_kept():
    with Fresh():
        assert install(answers(token("kept"), "node-8")).returncode == 0
        before = machine.ask_state("cat /var/lib/ingot/agent/identity.json")
        kept = machine.write("answers.yaml", json.dumps({
            "role": "node", "host_name": "other", "disk": {"serial": "disk-a", "erase": "disk-a", "state": "keep"},
            "network": {"mac": machine.mac}}))
        result = install(kept)
        assert result.returncode == 0, result.stderr
        assert machine.ask_state("cat /var/lib/ingot/agent/identity.json") == before
        assert machine.ask_state("cat /etc/hostname") == "node-8\n"
        # A node has nothing that a provisioner could go on with.
        result = install(machine.write("answers.yaml", json.dumps({
            "role": "provisioner", "host_name": "other", "disk": {"serial": "disk-a", "erase": "disk-a", "state": "keep"},
            "network": {"mac": machine.mac, "mode": "static", "address": "10.10.0.1/24"},
            "provisioning": {"address": "10.10.0.1/24", "dhcp_first": "10.10.0.5", "dhcp_last": "10.10.0.9"},
            "admin": {"password": "correct horse battery staple"}})))
        assert result.returncode != 0 and "role: the host on" in result.stderr and "is node; say node" in result.stderr, result.stderr


# ---- what is refused before anything is written ----

def test_tokens_that_do_not_do():
    good = token("good")
    expired, revoked = token("expired", expires_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))), token("revoked")
    appliance.ingot("join-token", "delete", "revoked", check=0)
    with Fresh():
        refused(answers(good[:-1] + "A" if good[-1] != "A" else good[:-1] + "B"), "join.token: is not right", "80 characters")
        refused(answers(revoked), "join.token", "the provisioner refuses this machine", "deleted; make another one")
        refused(answers(other_text(good, ca=bytes(32))), "join.token", "not the provisioner of the token", "nothing was told")
        refused(answers(other_text(good, address="10.77.0.99")), "join.token", "does not answer at http://10.77.0.99:8080", "join.address")
        refused(answers(good, join={"address": "10.77.0.99"}), "join.address", "does not answer at http://10.77.0.99:8080")
        assert appliance.get("/v1/machines?q=node-9").json["total"] == 0
        time_of = appliance.get("/v1/join-tokens/expired").json["expires_at"]
        ns.wait_until(lambda: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) > time_of[:19], 10, "the token has expired")
        refused(answers(expired), "join.token", "expired; make another one")


def test_names_and_wires():
    text = token("names")
    with appliance.stopped() as db:
        appliance.put(db, "machine", name="taken", step="READY", state="ready")
    with Fresh():
        refused(answers(text, "taken"), "host_name", "the name of another machine; choose another")
        machine.write(os.path.relpath(machine.root, machine.folder) + "/sys/class/net/lan0x/carrier", "0\n")
        refused(answers(text, "free"), "network.mac", "has no link")
    with Fresh():
        appliance.stop()
        refused(answers(text, "free", "dhcp"), "network.mode", "no DHCP server gives lan0x an address", "say static")
        refused(answers(text, "free"), "join.token", "does not answer")
        appliance.start()


def test_somebody_between():
    """The right authority's certificate in the clear, and somebody else behind the agents' port."""
    text = token("between")
    folder = machine.path("fake")
    os.makedirs(folder, exist_ok=True)
    with open(appliance.ca(), "rb") as f:
        ca = f.read()
    appliance.stop()
    ns.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-addext",
           f"subjectAltName=IP:{ADDRESS}", "-keyout", f"{folder}/key", "-out", f"{folder}/crt")
    with open(f"{folder}/ca.pem", "wb") as f:
        f.write(ca)
    web = network.start(appliance.home, "/usr/bin/python3", "-u", "-m", "http.server", "--bind", ADDRESS, "--directory", folder, str(BOOT_PORT))
    tls = network.start(appliance.home, "openssl", "s_server", "-accept", f"{ADDRESS}:{AGENT_PORT}", "-cert", f"{folder}/crt", "-key",
                        f"{folder}/key", "-msg")
    web.expect("Serving HTTP")
    tls.expect("ACCEPT")
    try:
        with Fresh():
            result = install(answers(text))
            assert result.returncode != 0 and "not issued by the authority" in result.stderr, result.stderr
            assert machine.untouched()
            assert text not in tls.text and "ApplicationData" not in tls.text, tls.text
    finally:
        network.end_processes()
        appliance.start()


# ---- attended ----

def test_attended():
    used, text = token("screen-used"), token("screen")
    appliance.ingot("join-token", "delete", "screen-used", check=0)
    with Fresh():
        t = Terminal("vt220", machine)
        try:
            t.see("Language", "English")
            t.press(ENTER)
            t.see("Role", "Provisioner:", "Node: joins", "Both:")
            t.press(DOWN, ENTER)
            t.see("Disk", "vda", "disk-a")
            t.press(UP, UP, ENTER)
            t.see("To allow the disk")
            t.fill("disk-a")
            t.press(ENTER)
            t.see("Data disks", "Leave them", "Give them")
            t.press(DOWN, ENTER)
            t.see("Network", "lan0x")
            t.press(SPACE, TAB, ENTER)
            t.see("Where does its address come from?")
            t.press(DOWN, ENTER)
            t.see("Static address")
            t.fill("10.77.0.31/24", "", "")
            t.press(ENTER)
            t.see("Join", "printed on the provisioner; its")
            t.fill("join_mistyped")
            t.press(TAB, ENTER)
            t.see("join_ and 80 characters")
            t.press(ENTER)
            t.see("Join", "join_mistyped")
            t.fill(used, "")
            t.press(ENTER)
            t.see("Host name")
            t.fill("screen")
            t.press(ENTER)
            t.see("Time zone")
            t.press(TAB, TAB, ENTER)
            t.see("Summary", "GIVES TO THE POOL, and all on it is lost: /dev/vdb", "Its other disks Give them to the pool")
            t.press(TAB, ENTER)
            t.see("the provisioner refuses this machine", "deleted")
            assert machine.untouched()
            t.press(ENTER)
            t.see("printed on the provisioner; its")
            t.fill(text, "")
            t.press(ENTER)
            t.see("Host name", "screen")
            t.press(TAB, ENTER)
            t.see("Time zone")
            t.press(TAB, TAB, ENTER)
            t.see("Summary")
            t.press(TAB, ENTER)
            t.see("Installed", "Take the medium out", seconds=120)
            t.press(ENTER)
            assert t.end() == 0
        finally:
            t.close()
        identity = json.loads(machine.ask_state("cat /var/lib/ingot/agent/identity.json"))
        assert identity["token"] == text and identity["pool_disks"] is True, identity


# ---- both ----

def test_both():
    """The host of a provisioner: what the installer leaves for its agent, and what the provisioner hands over."""
    path = os.path.join(appliance.state, "own-node.json")
    with Fresh() as fresh:
        result = install(machine.write("answers.yaml", json.dumps({
            "role": "both", "host_name": "first", "disk": {"serial": "disk-a", "erase": "disk-a"},
            "network": {"mac": machine.mac, "mode": "static", "address": "192.0.2.10/24"},
            "provisioning": {"mac": rig.MACS["prov0x"], "address": "10.10.0.1/24", "dhcp_first": "10.10.0.5", "dhcp_last": "10.10.0.9"},
            "admin": {"password": "correct horse battery staple"}})))
        assert result.returncode == 0, result.stderr
        config = machine.ask_state("cat /etc/ingot/provisioner.json")
        assert json.loads(config)["own_node"] is True, config
        machine.write("provisioner.json", config)
        ns.run(ns.built("ingot-provisioner"), "--check", "--config", machine.path("provisioner.json"))
        identity = json.loads(machine.ask_state("cat /var/lib/ingot/agent/identity.json"))
        assert identity == {"machine": "", "name": "first", "mac": rig.MACS["prov0x"], "disk": {"wwn": None, "serial": "disk-a"},
                            "pool_disks": False, "handover": "/var/lib/ingot/provisioner/own-node.json"}, identity
        # The agent is up first, and waits.
        folder = machine.path(f"agent-{os.path.basename(machine.root)}")
        os.makedirs(folder, mode=0o700)
        with open(os.path.join(folder, "identity.json"), "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            json.dump({**identity, "handover": path}, f)
        agent, _ = first_boot(address=None)
        agent.expect("has not handed a token over yet")
        appliance.stop()
        appliance.write_config(appliance.config, own_node=True)
        appliance.start()
        node = node_is_ready("first")
        assert node["address"] == ADDRESS and node["pool_disks"] is False, node
        found = appliance.get("/v1/machines/first").json
        assert found["state"] == "deployed" and found["uuid"] == fresh.uuid, found
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert len(appliance.get("/v1/join-tokens/own-node").json["joins"]) == 1
        # From then on there is nothing to hand over.
        appliance.restart()
        assert not os.path.exists(path)
        assert node_is_ready("first")["id"] == node["id"]
        appliance.stop()
        appliance.write_config(appliance.config)
        appliance.start()


appliance.start()
ns.main([value for name, value in list(globals().items()) if name.startswith("test_")])
