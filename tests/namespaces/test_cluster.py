#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three nodes on one host with real Ceph daemons, libvirt and QEMU, made by the agent's parts and the provisioner's Ceph
driver. The tests are steps: each stands on the ones before it."""

import atexit
import contextlib
import functools
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import uuid

import ns
import rfb
from appliance import API_PORT, Appliance
from nodes import Authority, Node
from ns import built, need, wait_until

GIB = 1 << 30
SILENCE_S = 30  # the driver gives up after 15 (CEPH_MON_TIMEOUT_S)
POOL = "vms"
VM = str(uuid.uuid4())
PLUGIN = (built("ingot-agent-vm.so"), "ingot_vm_part")
need("ceph-mon", "ceph-mgr", "ceph-osd", "monmaptool", "libvirtd", "qemu-system-x86_64", "sfdisk", "partx", "wipefs",
     "openssl", "as", "ld", "virsh", "rbd", "ceph", "dnsmasq")


def sha256_of(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


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
        self.authority = Authority(self.net.folder)
        for node in self.nodes:
            self.authority.equip(node)
        self.admit(*self.nodes)

    def try_ceph(self, *command, seconds=120):
        """One call of the provisioner's Ceph driver, from the hub."""
        environment = dict(os.environ, CEPH_FSID=getattr(self, "fsid", ""), CEPH_MON_HOST=getattr(self, "mon_host", ""),
                           CEPH_KEY=getattr(self, "admin_key", ""))
        result = subprocess.run(["ip", "netns", "exec", self.hub, built("ceph-try"), *map(str, command)],
                                   env=environment, capture_output=True, text=True, timeout=seconds, check=False)
        assert result.stdout, result.stderr
        return json.loads(result.stdout.splitlines()[-1])

    def admit(self, *members):
        """Tells every node who the members are."""
        for node in self.nodes:
            section = {"name": node.name, "address": node.address, "names": [member.name for member in members]}
            if node.desired.get("members") != section:
                node.want(members=section)

    def import_image(self, name, path):
        return self.try_ceph("image-import", POOL, name, path, os.stat(path).st_size, sha256_of(path))

    def ceph_program(self, program, *argv):
        """One of Ceph's own programs, from the hub, as the administrator."""
        keyring = os.path.join(self.net.folder, "admin.keyring")
        with open(keyring, "w", encoding="ascii") as f:
            f.write(f"[client.admin]\n\tkey = {self.admin_key}\n")
        return self.net.run(self.hub, program, "--conf", "/dev/null", "-m", self.mon_host, "--id", "admin", "--keyring",
                            keyring, *argv).stdout

    def exported(self, pool, name):
        """The SHA-256 of what an image has, by Ceph's own program."""
        out = os.path.join(self.net.folder, "exported")
        self.ceph_program("rbd", "export", "--no-progress", f"{pool}/{name}@base", out)
        found = sha256_of(out)
        os.unlink(out)
        return found

    def ceph_section(self):
        return {"fsid": self.fsid, "mon_host": self.mon_host, "mon": None, "mgr": None, "osds": []}

    def await_deleted(self):
        """A volume can go as soon as nobody has it open."""
        wait_until(lambda: self.try_ceph("volume-delete", POOL, f"volume-{VM}") == {}, 60, "the volume goes")
        assert self.try_ceph("image-delete", POOL, "image-counter") == {}

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
    first.start_parts(*PLUGIN)
    first.await_report("ceph", lambda r: r["mon"] == "running", 60, "the monitor runs")
    assert first.report("ceph")["mgr"] == "absent"

    assert cluster.try_ceph("configure") == {}
    assert cluster.try_ceph("configure") == {}
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
    node.start_parts(*PLUGIN)
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
            node.start_parts(*PLUGIN)
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
    copies_are_on_different_hosts()


def copies_are_on_different_hosts():
    pool = json.loads(cluster.ceph_program("ceph", "osd", "pool", "get", POOL, "crush_rule", "--format", "json"))
    rule = json.loads(cluster.ceph_program("ceph", "osd", "crush", "rule", "dump", pool["crush_rule"], "--format", "json"))
    chosen = [step["type"] for step in rule["steps"] if step["op"].startswith("chooseleaf")]
    assert chosen == ["host"], rule


def a_silent_monitor_costs_its_callers_a_while():
    """It takes connections and says nothing: whoever asks is told so when the time is up, and is answered again later."""
    first = cluster.nodes[0]
    pid = int(first.read(f"/run/ceph/mon.{first.name}.pid"))
    os.kill(pid, signal.SIGSTOP)
    try:
        answer = cluster.try_ceph("status", seconds=SILENCE_S)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert answer["error"] == "unreachable" and "no answer within the time allowed" in answer["text"], answer
    wait_until(lambda: cluster.try_ceph("status").get("health") == "HEALTH_OK", 60, "it answers again, and all is well")


def dead_daemons_are_started_again():
    first, last = cluster.nodes[0], cluster.nodes[2]
    osd = last.desired["ceph"]["osds"][0]
    for node, name in ((first, f"mon.{first.name}"), (first, f"mgr.{first.name}"), (last, f"osd.{osd['id']}")):
        pid = int(node.read(f"/run/ceph/{name}.pid"))
        node.kill_parts()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda p=pid: not os.path.exists(f"/proc/{p}"), 20, f"{name} is dead")
        node.forget_report()
    # What the OSD's folder holds is on its disk as well.
    last.run("rm", "-rf", f"/var/lib/ceph/osd/ceph-{osd['id']}")
    for node in (first, last):
        node.start_parts(*PLUGIN)
    first.await_report("ceph", lambda r: r["mon"] == r["mgr"] == "running", 60, "monitor and manager run again")
    last.await_report("ceph", lambda r: r["osds"][0]["state"] == "running", 60, "the OSD runs again")
    assert last.read(f"/var/lib/ceph/osd/ceph-{osd['id']}/fsid").decode().strip() == osd["uuid"]
    pool_is_active_and_clean()


# ---- virtual machines ----

def counters(text):
    """The numbers of the whole lines that the guest has printed."""
    return [int(n) for n in re.findall(rb"ingot counter (\d+)\r\n", text)]


def serial_log(node):
    return node.read(f"/var/log/ingot/vm/{VM}.serial.log")


def order(state="running", generation=1, **more):
    return {"id": VM, "name": "counter <1> & 'more'", "generation": generation, "state": state, "cpus": 1,
            "memory_bytes": 64 << 20, "disks": [{"pool": POOL, "image": f"volume-{VM}"}], "migrate": None, **more}


def entry(report):
    return next((vm for vm in report or [] if vm["id"] == VM), None)


def await_vm(node, state, seconds, what, more=lambda vm: True):
    report = node.await_report("vms", lambda r: entry(r) and entry(r)["state"] == state and more(entry(r)), seconds, what)
    return entry(report)


def await_counting(node, seconds=60):
    """It prints; and goes on printing."""
    before = counters(serial_log(node))
    return wait_until(lambda: (lambda c: c if len(c) > len(before) + 2 else None)(counters(serial_log(node))), seconds,
                      f"the guest counts on {node.name}")


def image_and_volume():
    image = os.path.join(cluster.net.folder, "counter.img")
    ns.run(os.path.join(ns.TOP, "images/guest/build.sh"), image)
    answer = cluster.import_image("image-counter", image)
    assert answer["done_bytes"] == 1 << 20, answer
    assert cluster.import_image("image-counter", image) == {}
    for _ in range(2):
        assert cluster.try_ceph("volume-clone", POOL, "image-counter", f"volume-{VM}", 64 << 20) == {}
    answer = cluster.try_ceph("volume-clone", POOL, "image-counter", f"volume-{VM}", 32 << 20)
    assert answer["error"] == "exists", answer
    answer = cluster.try_ceph("image-delete", POOL, "image-counter")
    assert answer["error"] == "state", answer


def noise(name, size):
    path = os.path.join(cluster.net.folder, name)
    with open(path, "wb") as f:
        f.write(os.urandom(size))
    return path


def an_image_is_known_by_its_content():
    first, second = noise("first.img", 8 << 20), noise("second.img", 8 << 20)
    assert cluster.import_image("image-noise", first)["done_bytes"] == 8 << 20
    assert cluster.exported(POOL, "image-noise") == sha256_of(first)
    # Of the same size and with another content: it is not taken for the same.
    assert cluster.import_image("image-noise", second)["done_bytes"] == 8 << 20
    assert cluster.exported(POOL, "image-noise") == sha256_of(second)
    assert cluster.import_image("image-noise", second) == {}
    # A file that is not what was said of it, and one whose place is taken by what volumes depend on.
    answer = cluster.try_ceph("image-import", POOL, "image-noise", first, 4 << 20, sha256_of(first))
    assert answer["error"] == "corrupt" and "has 8388608 bytes, not 4194304" in answer["text"], answer
    answer = cluster.import_image("image-counter", second)
    assert answer["error"] == "state" and "of another content, and volumes depend on it" in answer["text"], answer
    assert cluster.try_ceph("image-delete", POOL, "image-noise") == {}


# ---- the real provisioner ----

def join_provisioner():
    """One that runs, and has these nodes' pool for its own."""
    provisioner = Appliance()
    cluster.net.link(cluster.hub, "v-prov", provisioner.home, "ceph0")
    ns.run("ip", "-n", cluster.hub, "link", "set", "v-prov", "master", "br0")
    ns.run("ip", "-n", provisioner.home, "address", "add", "10.91.0.2/24", "dev", "ceph0")
    assert cluster.try_ceph("pool-create", "default", 3, 2, 32) == {}
    provisioner.start()
    with provisioner.stopped() as db:
        pool = json.loads(db.execute("SELECT body FROM document WHERE kind = 'pool'").fetchone()[0])
        pool.update(made=True, state="active", available_bytes=GIB)
        db.execute("UPDATE document SET body = ? WHERE kind = 'pool'", (json.dumps(pool),))
        provisioner.put(db, "ceph_cluster", fsid=cluster.fsid, mon_host=cluster.mon_host, mon_node=str(uuid.uuid4()),
                        mon_key=cluster.mon_key, admin_key=cluster.admin_key)
    return provisioner


def arrived(provisioner, image):
    with contextlib.suppress(FileNotFoundError):
        return os.stat(os.path.join(provisioner.state, "uploads", image)).st_size
    return 0


def an_upload_goes_on_after_a_kill():
    provisioner = join_provisioner()
    size = 160 << 20
    content, other = noise("large.img", size), noise("other.img", size)
    sender = provisioner.network.start(
        provisioner.home, built("ingot"), "image", "import", "large", "--file", content, "--wait",
        env={**os.environ, "INGOT_URL": f"https://127.0.0.1:{API_PORT}", "INGOT_CACERT": provisioner.ca(),
             "INGOT_TOKEN": provisioner.token()})
    wait_until(lambda: provisioner.get("/v1/images").json["items"], 30, "it is announced")
    image = provisioner.get("/v1/images/large").json
    assert image["sha256"] == sha256_of(content) and image["size_bytes"] == size, image
    wait_until(lambda: arrived(provisioner, image["id"]) >= 8 << 20, 30, "some of it has arrived")
    provisioner.kill()
    sender.end(9)
    before = arrived(provisioner, image["id"])
    assert 0 < before < size, before
    provisioner.start()
    assert provisioner.get("/v1/images/large/content").json == {"offset_bytes": before, "size_bytes": size}
    refused = provisioner.ingot("image", "import", "large", "--file", other, check=2)
    assert sha256_of(other) in refused.stderr and sha256_of(content) in refused.stderr, refused.stderr
    done = provisioner.ingot("image", "import", "large", "--file", content, "--wait", check=0)
    assert "going on with it" in done.stderr, done.stderr
    image = provisioner.get("/v1/images/large").json
    assert image["state"] == "available" and image["sha256"] == sha256_of(content), image
    assert cluster.exported("default", f"image-{image['id']}") == sha256_of(content)
    assert arrived(provisioner, image["id"]) == 0
    provisioner.ingot("image", "delete", "large", "--wait", check=0)
    provisioner.stop()
    provisioner.network.close()


def guest_starts():
    key = cluster.try_ceph("auth", "client.ingot", "mon", "profile rbd", "osd", "profile rbd", "mgr", "profile rbd")["key"]
    for node in cluster.nodes:
        node.want(ceph=dict(node.desired["ceph"], client={"name": "client.ingot", "key": key}), vms=[])
    first = cluster.nodes[0]
    first.want(vms=[order()])
    vm = await_vm(first, "running", 120, "the guest runs")
    assert vm["generation"] == 1 and vm["migration"] is None and vm["error"] is None, vm
    await_vm(first, "running", 30, "and on what it runs", lambda vm: vm.get("accelerator") in ("kvm", "tcg"))
    assert await_counting(first)[0] == 1
    answer = cluster.try_ceph("volume-delete", POOL, f"volume-{VM}")
    assert answer["error"] == "state", answer


def pid_of_guest(node):
    return int(node.read(f"/run/libvirt/qemu/ingot-{VM}.pid"))


def guest_is_not_root():
    first = cluster.nodes[0]
    pid = pid_of_guest(first)
    user = int(first.run("id", "-u", "libvirt-qemu").stdout)
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f)
    assert set(status["Uid"].split()) == {str(user)} and user != 0, status["Uid"]
    assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0, status
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status

    def denied(path, access):
        return first.run("setpriv", "--reuid=libvirt-qemu", "--regid=libvirt-qemu", "--init-groups", "test", access, path,
                         check=False).returncode != 0
    for path in ("/etc/pki/libvirt/private/serverkey.pem", "/etc/pki/libvirt/private/clientkey.pem",
                 "/var/lib/ingot/agent/agent.key", "/var/lib/ingot/agent/guests.key", "/etc/ceph/ceph.client.ingot.keyring",
                 f"/run/ingot/vm/{VM}.serial", f"/var/log/ingot/vm/{VM}.serial.log", "/run/ingot/vnc"):
        assert denied(path, "-r"), f"QEMU's user may read {path}"
    assert not denied("/etc/pki/qemu/server-key.pem", "-r")


def ask_libvirtd(client, server, certificate, key):
    """What libvirtd of one node answers another that shows a certificate."""
    folder = os.path.join(cluster.net.folder, "asking")
    os.makedirs(folder, exist_ok=True)
    for path, name in ((cluster.authority.ca, "cacert.pem"), (certificate, "clientcert.pem"), (key, "clientkey.pem")):
        ns.run("cp", path, os.path.join(folder, name))
    return client.run("timeout", "20", "virsh", "-c", f"qemu+tls://{server.address}/system?pkipath={folder}", "list", "--name",
                      check=False)


def issued(name):
    return (os.path.join(cluster.authority.folder, f"{name}{suffix}") for suffix in (".crt", ".key"))


def libvirtd_lets_in_members_only():
    first, other = cluster.nodes[0], cluster.nodes[1]
    answer = ask_libvirtd(other, first, *issued(other.name))
    assert answer.returncode == 0 and f"ingot-{VM}" in answer.stdout, answer.stderr
    # Certificates of the same authority's: one that nobody has spoken of, and the one that QEMU has.
    for certificate in (cluster.authority.give("stranger", other.address), issued(f"guests-{other.name}")):
        answer = ask_libvirtd(other, first, *certificate)
        assert answer.returncode != 0 and VM not in answer.stdout, answer.stdout
    listening = first.run("ss", "-Hltn", "sport = :16514").stdout.split()
    assert listening[3::5] == [f"{first.address}:16514"], listening


def node_that_left_is_let_in_no_more():
    first, other, left = cluster.nodes
    numbers = counters(serial_log(first))
    cluster.admit(first, other)
    def let_in(node):
        return ask_libvirtd(node, first, *issued(node.name)).returncode == 0
    wait_until(lambda: not let_in(left) and let_in(other), 60, "who has left is refused, and only that one")
    cluster.admit(first, other, left)
    wait_until(lambda: let_in(left), 60, "who is back is let in")
    # libvirtd was started anew twice, and the guest has not noticed.
    await_vm(first, "running", 30, "it runs")
    now = await_counting(first)
    assert now[:len(numbers)] == numbers and now == list(range(1, len(now) + 1)), "the guest was restarted"


def guest_hears_its_serial_port():
    first = cluster.nodes[0]
    # The node's file system is seen through the process that holds it.
    path = f"/proc/{first.holder.pid}/root/run/ingot/vm/{VM}.serial"
    with socket.socket(socket.AF_UNIX) as port:
        port.connect(path)
        port.sendall(b"x")
        wait_until(lambda: b"ingot got x" in serial_log(first), 30, "the guest answers")


def guest_shows_its_screen_to_two():
    first = cluster.nodes[0]
    path = f"/proc/{first.holder.pid}/root/run/ingot/vnc/{VM}.vnc"

    def await_screen(viewer, good, what):
        def looked():
            screen = viewer.look()
            return screen if screen and screen.counter and good(screen) else None
        return wait_until(looked, 60, what)

    with rfb.Viewer(path) as one, rfb.Viewer(path) as other:
        before = await_screen(one, lambda s: s.typed == "", "the guest's screen")
        one.press("typed")
        for viewer in (one, other):
            await_screen(viewer, lambda s: s.typed == "typed" and s.counter > before.counter, "what was typed, to both")
        one.close()
        other.press("2")
        after = await_screen(other, lambda s: s.typed == "typed2", "the other goes on alone")
    # What the screen shows and what the serial port says is one counter.
    assert after.counter <= counters(serial_log(first))[-1] + 1


def agent_is_killed_and_the_guest_goes_on():
    first = cluster.nodes[0]
    first.kill_parts(signal.SIGKILL)
    first.forget_report()
    await_counting(first)
    first.start_parts(*PLUGIN)
    await_vm(first, "running", 60, "the guest is reported again")
    numbers = await_counting(first)
    assert numbers == list(range(1, len(numbers) + 1)), "the guest was restarted"


def nobody_asked_and_it_is_not_touched():
    first = cluster.nodes[0]
    first.want(vms=[])
    await_vm(first, "running", 30, "the guest is reported although nobody asked")
    # An order from before does nothing either.
    first.want(vms=[order(generation=3)])
    await_vm(first, "running", 30, "the new generation", lambda vm: vm["generation"] == 3)
    first.want(vms=[order("absent", generation=2)])
    first.kill_parts()
    first.forget_report()
    first.start_parts(*PLUGIN)
    await_vm(first, "running", 30, "the older order is passed over", lambda vm: vm["generation"] == 3)
    await_counting(first)


def migration_to_nowhere_fails_and_it_stays():
    first = cluster.nodes[0]
    first.want(vms=[order(generation=3, migrate={"id": "m0", "address": "10.91.0.99"})])
    vm = await_vm(first, "running", 60, "the migration fails",
                  lambda vm: vm["migration"] and vm["migration"]["state"] == "failed")
    assert vm["migration"]["id"] == "m0" and "10.91.0.99" in vm["migration"]["error"]["text"], vm
    await_counting(first)


def migration_is_called_off():
    """By another agent than the one that began it, and once more before it begins."""
    source, target = cluster.nodes[0], cluster.nodes[1]
    target.want(vms=[order("incoming", 3)])
    await_vm(target, "incoming", 30, "it is prepared to receive")
    source.run("virsh", "migrate-setspeed", f"ingot-{VM}", "1")
    slow = {"id": "m-slow", "address": target.address}
    source.want(vms=[order(generation=3, migrate=slow)])
    await_vm(source, "running", 30, "it is on its way", lambda vm: vm["migration"] and vm["migration"]["id"] == "m-slow")
    await_vm(target, "arriving", 30, "it arrives")
    source.kill_parts(signal.SIGKILL)
    source.forget_report()
    source.want(vms=[order(generation=3, migrate=dict(slow, abort=True))])
    source.start_parts(*PLUGIN)
    vm = await_vm(source, "running", 60, "it is called off", lambda vm: vm["migration"]["state"] != "running")
    assert vm["migration"]["id"] == "m-slow" and vm["migration"]["state"] == "failed", vm
    await_vm(target, "incoming", 60, "nothing arrives there any more")
    never = {"id": "m-never", "address": target.address}
    for migrate in (dict(never, abort=True), never):
        source.want(vms=[order(generation=3, migrate=migrate)])
        source.forget_report()
        vm = await_vm(source, "running", 30, "it never begins", lambda vm: vm["migration"]["id"] == "m-never")
        assert vm["migration"]["state"] == "failed", vm
    target.want(vms=[])
    source.run("virsh", "migrate-setspeed", f"ingot-{VM}", "8796093022207")
    await_counting(source)


def migration_from_a_stranger_fails_and_it_stays():
    """QEMU itself looks whom it takes the memory from: not only libvirt, whose daemons trust each other here."""
    first, other = cluster.nodes[0], cluster.nodes[1]
    for name, step in (("guests-stranger", "m0a"), (f"guests-{first.name}", None)):
        for path in cluster.authority.give(name, first.address):
            first.run("cp", path, f"/var/lib/ingot/agent/guests{os.path.splitext(path)[1]}")
        with open(os.path.join(cluster.authority.folder, f"{name}.key"), encoding="ascii") as f:
            key = f.read().encode()
        wait_until(lambda k=key: first.read("/etc/pki/qemu/client-key.pem") == k, 30, "QEMU's certificate is another one")
        if step:
            other.want(vms=[order("incoming", 3)])
            await_vm(other, "incoming", 30, "it is prepared to receive")
            first.want(vms=[order(generation=3, migrate={"id": step, "address": other.address})])
            await_vm(first, "running", 60, "the migration fails",
                     lambda vm: vm["migration"] and (vm["migration"]["id"], vm["migration"]["state"]) == (step, "failed"))
            log = other.read(f"/var/log/libvirt/qemu/ingot-{VM}.log").decode()
            assert f"authz check for CN={name} is denied" in log, log[-2000:]
            other.want(vms=[])
            await_counting(first)


def check_no_gap(*logs):
    together = b"".join(logs)
    numbers = counters(together)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), \
        f"gap or repeat: {[(a, b) for a, b in zip(numbers, numbers[1:]) if b != a + 1]}"
    # Between the numbers nothing is lost or doubled either.
    rest = re.sub(rb"ingot counter \d+\r\n|ingot got .\r\n", b"", together)
    assert len(rest) < 40, rest
    return numbers


def migrate(source, target, migration, generation):
    target.want(vms=[order("incoming", generation)])
    await_vm(target, "incoming", 30, "it is prepared to receive")
    source.want(vms=[order(generation=generation, migrate={"id": migration, "address": target.address})])
    await_vm(target, "running", 90, "the guest runs there")
    vm = await_vm(source, "absent", 60, "it has left", lambda vm: vm["migration"]["state"] != "running")
    assert vm["migration"] == {"id": migration, "state": "done", "progress": 100, "error": None}, vm


def guest_moves_without_gap():
    source, target = cluster.nodes[0], cluster.nodes[1]
    migrate(source, target, "m1", 3)
    target.want(vms=[order(generation=3)])
    await_counting(target)
    numbers = check_no_gap(serial_log(source), serial_log(target))
    assert numbers[0] == 1
    vm = await_vm(target, "running", 30, "the target knows how it came",
                  lambda vm: vm["migration"] and vm["migration"]["id"] == "m1")
    assert vm["migration"]["state"] == "done", vm

    # The same order again, by an agent that remembers nothing: it is not here and is not started here.
    source.kill_parts()
    source.forget_report()
    source.start_parts(*PLUGIN)
    await_vm(source, "absent", 60, "the source does not start it again")
    source.want(vms=[])
    assert f"ingot-{VM}" not in source.run("virsh", "list", "--all", "--name").stdout
    await_counting(target)


def guest_moves_back_while_agents_die():
    source, target = cluster.nodes[1], cluster.nodes[0]
    target.want(vms=[order("incoming", 3)])
    await_vm(target, "incoming", 30, "it is prepared to receive")
    source.want(vms=[order(generation=3, migrate={"id": "m2", "address": target.address})])
    await_vm(source, "running", 30, "it is on its way", lambda vm: vm["migration"] and vm["migration"]["id"] == "m2")
    before = serial_log(source)
    source.kill_parts()
    target.kill_parts()
    source.forget_report()
    target.forget_report()
    source.start_parts(*PLUGIN)
    target.start_parts(*PLUGIN)

    # One of both has it, and they say so.
    def settled():
        here, there = entry(source.report("vms")), entry(target.report("vms"))
        if not here or not there:
            return None
        if there["state"] == "running" and here["state"] == "absent":
            return target
        if here["state"] == "running" and here["migration"]["state"] == "failed" and there["state"] == "incoming":
            return source
        return None
    owner = wait_until(settled, 90, "one node has it")
    assert before
    await_counting(owner)
    cluster.owner = owner
    other = source if owner is target else target
    other.want(vms=[])
    owner.want(vms=[order(generation=3)])


def guest_that_crashes_is_reported():
    owner = cluster.owner
    pid = int(owner.read(f"/run/libvirt/qemu/ingot-{VM}.pid"))
    os.kill(pid, signal.SIGKILL)
    vm = await_vm(owner, "failed", 30, "the guest is reported as failed")
    assert "unexpectedly" in vm["error"]["text"], vm
    # Not started again under the same order, but under the next.
    owner.kill_parts()
    owner.forget_report()
    owner.start_parts(*PLUGIN)
    await_vm(owner, "failed", 60, "it stays so")
    owner.want(vms=[order(generation=4)])
    await_vm(owner, "running", 60, "it is started anew", lambda vm: vm["generation"] == 4)
    assert await_counting(owner)[0] == 1


def guest_is_stopped():
    owner = cluster.owner
    owner.want(vms=[order("stopped", generation=5)])
    # This guest does not know of power buttons.
    await_vm(owner, "running", 30, "it is asked, not ended")
    await_vm(owner, "stopped", 100, "it is ended after a while", lambda vm: vm["generation"] == 5)
    # An order from before does not start it again.
    owner.kill_parts()
    owner.forget_report()
    owner.desired["vms"] = [order(generation=4)]
    owner.start_parts(*PLUGIN)
    await_vm(owner, "stopped", 30, "it stays stopped")


def guest_ends():
    owner = cluster.owner
    owner.want(vms=[order(generation=6)])
    await_vm(owner, "running", 60, "it runs once more", lambda vm: vm["generation"] == 6)
    owner.want(vms=[order("absent", generation=7)])
    await_vm(owner, "absent", 30, "it is gone")
    cluster.await_deleted()


def parts_end_when_told():
    for node in cluster.nodes:
        runner = node.runner
        node.kill_parts(signal.SIGTERM)
        assert runner.returncode == 0, node.log_tail(60)


TESTS = [
    monitor_and_manager_come_up,
    a_disk_that_holds_something_is_refused,
    osds_come_up,
    pool_is_active_and_clean,
    a_silent_monitor_costs_its_callers_a_while,
    dead_daemons_are_started_again,
    image_and_volume,
    an_image_is_known_by_its_content,
    an_upload_goes_on_after_a_kill,
    guest_starts,
    guest_is_not_root,
    libvirtd_lets_in_members_only,
    node_that_left_is_let_in_no_more,
    guest_hears_its_serial_port,
    guest_shows_its_screen_to_two,
    agent_is_killed_and_the_guest_goes_on,
    nobody_asked_and_it_is_not_touched,
    migration_to_nowhere_fails_and_it_stays,
    migration_is_called_off,
    migration_from_a_stranger_fails_and_it_stays,
    guest_moves_without_gap,
    guest_moves_back_while_agents_die,
    guest_that_crashes_is_reported,
    guest_is_stopped,
    guest_ends,
    parts_end_when_told,
]



def steps(tests):
    """After one has failed the others have nothing to stand on."""
    failed = []

    def step(test):
        @functools.wraps(test)
        def body():
            assert not failed, f"stands on {failed[0]}, which failed"
            failed.append(test.__name__)
            test()
            failed.clear()
        return body
    return [step(test) for test in tests]


if __name__ == "__main__":
    try:
        ns.main(steps(TESTS))
    finally:
        cluster.close()
