#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ingot-agent install` by an answer file: the real program, a real signed bundle, a loop device, real ARP and DHCP."""

import ctypes
import json
import os
import re
import shutil
import signal
import sys

import bundle
import ns
import rig

sys.dont_write_bytecode = True
ns.need("ip", "losetup", "sfdisk", "mkfs.fat", "mtools", "mkfs.ext4", "debugfs", "dumpe2fs", "e2fsck", "grub-mkimage", "blkid", "wipefs",
        "dnsmasq", "unshare")

network = ns.Network()
machine = rig.Rig(network)
crypt = ctypes.CDLL("libcrypt.so.1").crypt
crypt.restype = ctypes.c_char_p

ANSWERS = {
    "role": "provisioner",
    "disk.serial": "disk-a",
    "disk.erase": "disk-a",
    "network.mac": "52:54:00:00:00:01",
    "network.mode": "static",
    "network.address": "192.0.2.10/24",
    "network.gateway": "192.0.2.1",
    "provisioning.mac": "52:54:00:00:00:02",
    "provisioning.address": "10.10.0.1/24",
    "provisioning.dhcp_first": "10.10.0.100",
    "provisioning.dhcp_last": "10.10.0.250",
    "host_name": "rack-1",
    "admin.password": "correct horse battery staple",
    "time.zone": "Asia/Seoul",
}


def answers(**changes):
    """An answer file; a key's dots are written "__", None leaves it out."""
    values = {**ANSWERS, **{k.replace("__", "."): v for k, v in changes.items()}}
    tree = {}
    for key, value in values.items():
        *above, last = key.split(".")
        place = tree
        for name in above:
            place = place.setdefault(name, {})
        if value is not None:
            place[last] = value
    return machine.write("answers.yaml", json.dumps({k: v for k, v in tree.items() if v}))  # JSON is YAML


def install(file, check=True):
    result = network.run(machine.space, *machine.argv("--answers", file), check=False, seconds=300)
    assert not check or result.returncode == 0, result.stdout + result.stderr
    return result


def refused(file, *words):
    result = install(file, check=False)
    assert result.returncode != 0, result.stdout
    for word in words:
        assert word in result.stderr, result.stderr
    assert machine.untouched()


def assert_installed(name="rack-1"):
    assert machine.bootable()
    ns.run("e2fsck", "-fn", machine.state())
    assert machine.ask_state("cat /etc/hostname") == name + "\n"


def assert_hashed(password):
    """Console and dashboard have the password's hash, and the disk has the password nowhere."""
    for name in ("/var/lib/ingot/provisioner/admin.password-hash", "/etc/ingot/console.hash"):
        found = machine.ask_state(f"cat {name}").strip()
        assert found.startswith("$y$") and crypt(password.encode(), found.encode()) == found.encode(), found
    assert not machine.has_bytes(password.encode())


def test_provisioner():
    with machine.machine():
        out = install(answers()).stdout
        assert "is installed: rack-1" in out and "medium     100 %" in out and "loader " in out, out
        assert_installed()
        config = machine.ask_state("cat /etc/ingot/provisioner.json")
        machine.write("provisioner.json", config)
        ns.run(ns.built("ingot-provisioner"), "--check", "--config", machine.path("provisioner.json"))
        assert json.loads(config)["provisioning"]["interface"] == "prov0"
        assert_hashed(ANSWERS["admin.password"])
        for name, mode, owner in (("/var/lib/ingot/provisioner", "0700", 64060),
                                  ("/var/lib/ingot/provisioner/admin.password-hash", "0600", 64060),
                                  ("/etc/ingot/console.hash", "0600", 0)):
            stat = machine.ask_state(f"stat {name}")
            assert f"Mode:  {mode}" in stat and f"User: {owner:5d}" in stat, stat
        ns.run("debugfs", "-R", f"dump /var/lib/ingot/images/host.bundle {machine.path('copy')}", machine.state())
        with open(machine.path("copy"), "rb") as a, open(machine.path("host.bundle"), "rb") as b:
            assert a.read() == b.read()
        # Booted from the medium again, it does not install itself again.
        before = machine.ask_state("stat /etc/hostname")
        assert "already" in install(machine.path("answers.yaml")).stdout
        assert machine.ask_state("stat /etc/hostname") == before


def test_state_is_kept():
    with machine.machine():
        install(answers())
        out = install(answers(disk__state="keep", host_name="other")).stdout
        assert "is installed: rack-1" in out, out  # the name that is kept
        assert_installed()
        assert_hashed(ANSWERS["admin.password"])
        # Role and disk are all that is needed; an interface that is gone does not matter.
        few = {"role": "provisioner", "disk": {"serial": "disk-a", "erase": "disk-a", "state": "keep"},
               "network": {"mac": "52:54:00:00:00:09"}}
        out = install(machine.write("few.yaml", json.dumps(few))).stdout
        assert "is installed: rack-1" in out, out
        assert_installed()
        assert re.search(r"systemd\.hostname=rack-1\b", machine.grub_config()), machine.grub_config()


def test_state_is_kept_after_a_power_cut():
    """The journal of the state partition is replayed first, as the host itself would do when it starts."""
    kept = "/var/lib/ingot/provisioner/note"
    with machine.machine():
        install(answers())
        ns.run("debugfs", "-w", "-R", f"write {machine.write('note', 'before'.ljust(4096))} {kept}", machine.state())
        machine.cut_off(kept, "after")
        # Without a loop device that cannot be done: nothing is written, and it is said what to do.
        file, before = answers(disk__state="keep"), machine.digest()
        result = network.run(machine.space, "unshare", "--mount", "sh", "-ec", 'mount --bind /dev/null /dev/loop-control; exec "$@"', "sh",
                             *machine.argv("--answers", file), check=False, seconds=300)
        assert result.returncode != 0, result.stdout
        for words in ("the host was cut off", "start and shut down once", "no loop device can be had (/dev/loop-control:", "modprobe loop"):
            assert words in result.stderr, result.stderr
        assert machine.digest() == before
        assert machine.needs_recovery() and machine.bootable()
        out = install(file).stdout
        assert "is installed: rack-1" in out, out
        assert not machine.windows(), machine.windows()
        assert not machine.needs_recovery()
        assert_installed()
        assert machine.ask_state(f"cat {kept}") == "after".ljust(4096, "\n")
        assert_hashed(ANSWERS["admin.password"])


def test_wrong_answers():
    with machine.machine():
        refused(answers(disk__erase="disk-b"), "answers.yaml:1:", "disk.erase", 'say "disk-a"')
        refused(answers(host_name=None), "host_name: is missing")
        refused(answers(disk__serial="disk-b", disk__erase="disk-b"), "disk.serial", "no disk has", "serial disk-a")
        refused(answers(role="node"), "admin.password: is of a provisioner", "join.token: is missing")
        refused(answers(disk__state="keep"), "disk.state", "no Ingot host")
        refused(answers(network__mac="52:54:00:00:00:09"), "network.mac", "no interface has", "52:54:00:00:00:01")


def test_check():
    """Anywhere and as anybody: neither medium nor machine is asked for."""
    def check(text):
        result = ns.run(machine.agent, "install", "--check", machine.write("check.yaml", text), check=False)
        return result.returncode, result.stdout, result.stderr

    with open(answers(), encoding="utf-8") as right:
        code, said, wrong = check(right.read())
    assert code == 0 and "check.yaml: right; role provisioner, disk disk-a" in said and not wrong, (code, said, wrong)
    code, said, wrong = check("role: node\ndisk:\n  serial: a\n  erase: b\n")
    assert code == 2 and not said and "check.yaml:4:10: disk.erase: " in wrong and "check.yaml: join.token: is missing" in wrong, (code, said, wrong)
    code, said, wrong = check("role: node\ncolour: red\n")
    assert code == 2 and not said and "check.yaml:2:1: colour" in wrong, (code, said, wrong)


def test_answers_by_url():
    """From a server on the wire. What cannot be fetched is named as it is, and nothing is written."""
    web = machine.path("web")
    os.makedirs(f"{web}/moved", exist_ok=True)
    with machine.machine():
        shutil.copy(answers(), f"{web}/answers.yaml")
        ns.run("ip", "-n", machine.rack, "address", "add", "192.0.2.1/24", "dev", "to-lan0x")
        ns.run("ip", "-n", machine.space, "address", "add", "192.0.2.50/24", "dev", "lan0x")
        server = network.start(machine.rack, "/usr/bin/python3", "-u", "-m", "http.server", "--bind", "192.0.2.1", "--directory", web, "8000")
        at = "192.0.2.1:8000"
        try:
            server.expect("Serving HTTP")
            refused(f"https://{at}/answers.yaml", f"https://{at}/answers.yaml: answers are fetched by http:// only", "say http://")
            refused(f"http://{at}/none.yaml", f"the answers: http://{at}/none.yaml: the server answers 404")
            refused(f"http://{at}/moved", f"the answers: http://{at}/moved: the server answers 301, which leads to http://{at}/moved/")
            assert "is installed: rack-1" in install(f"http://{at}/answers.yaml").stdout
            assert_installed()
            assert "already" in install(f"http://{at}/answers.yaml").stdout
        finally:
            ns.run("ip", "-n", machine.rack, "address", "flush", "dev", "to-lan0x", "scope", "global")
            ns.run("ip", "-n", machine.space, "address", "flush", "dev", "lan0x", "scope", "global")


def test_no_link():
    with machine.machine():
        machine.write(os.path.relpath(machine.root, machine.folder) + "/sys/class/net/prov0x/carrier", "0\n")
        refused(answers(), "provisioning.mac", "has no link")


def test_link_comes_late():
    """As after autonegotiation: it is waited for, and so is the port of its switch, before anybody is asked."""
    with machine.machine():
        carrier = os.path.relpath(machine.root, machine.folder) + "/sys/class/net/lan0x/carrier"
        machine.write(carrier, "0\n")
        ns.run("ip", "-n", machine.rack, "address", "add", "192.0.2.10/24", "dev", "to-lan0x")
        process = network.start(machine.space, *machine.argv("--answers", answers()))
        try:
            process.expect("waiting up to 30 s for a link on lan0x (52:54:00:00:00:01)")
            machine.write(carrier, "1\n")
            process.expect("lan0x has a link now; listening")
            # Somebody speaks there at last: from now on it is asked, and the one that has our address is found.
            network.run(machine.rack, "ping", "-c", "2", "-W", "1", "192.0.2.99", check=False)
            process.expect("network.address: 192.0.2.10 is taken")
            assert machine.untouched()
        finally:
            ns.run("ip", "-n", machine.rack, "address", "flush", "dev", "to-lan0x", "scope", "global")


def test_no_disk():
    with machine.machine():
        shutil.rmtree(f"{machine.root}/sys/block/vda")
        refused(answers(), "disk.serial", "this machine has no disk")


def test_disks_that_do_not_do():
    with machine.machine(disk_bytes=4 * rig.GIB):
        refused(answers(), "disk.serial", "too small", "a host needs at least")
    with machine.machine():
        with open(machine.device, "r+b") as f:
            f.write(b"bluestore block device\n")
        result = install(answers(), check=False)
        assert result.returncode != 0 and "member of Ceph" in result.stderr, result.stderr
        assert machine.bytes_at(0, 9) == b"bluestore"
        # The same with what an earlier use has left: two signatures are not none.
        ns.run("mkfs.ext4", "-q", "-F", machine.device)
        with open(machine.device, "r+b") as f:
            f.write(b"bluestore block device\n")
        result = install(answers(), check=False)
        assert result.returncode != 0 and "signatures of more than one kind" in result.stderr, result.stderr
        assert machine.bytes_at(0, 9) == b"bluestore"
        ns.run("wipefs", "-q", "-a", machine.device)
        assert install(answers()).returncode == 0


def test_disk_with_sectors_of_4_kib():
    """UEFI starts from it, a BIOS does not: that is said before anything is written."""
    with machine.machine(sector_bytes=4096):
        refused(answers(), "disk.serial: ", "has sectors of 4096 bytes", "start this machine by UEFI")
    with machine.machine(sector_bytes=4096, uefi=True):
        install(answers())
        assert_installed()
        assert "systemd.hostname=rack-1" in machine.grub_config()
        boot = machine.bytes_at(machine.offset_of("ingot-esp"), 512)
        assert boot[82:90] == b"FAT32   " and int.from_bytes(boot[11:13], "little") == 4096, boot
        sectors, fat = int.from_bytes(boot[32:36], "little"), int.from_bytes(boot[36:40], "little")
        clusters = (sectors - int.from_bytes(boot[14:16], "little") - boot[16] * fat) // boot[13]
        assert clusters >= 65525, clusters  # or firmware takes it for FAT16
        out = install(answers(disk__state="keep")).stdout
        assert "is installed: rack-1" in out, out


def test_damaged_medium():
    at = 30 * bundle.MIB
    with open(machine.path("medium/ingot/host.bundle"), "r+b") as f:
        f.seek(at)
        old = f.read(1)
        f.seek(at)
        f.write(bytes([old[0] ^ 1]))
    try:
        with machine.machine():
            refused(answers(), "the medium is damaged", "host.bundle")
    finally:
        machine.make_medium()


def test_address_is_taken():
    with machine.machine():
        ns.run("ip", "-n", machine.rack, "address", "add", "10.10.0.1/24", "dev", "to-prov0x")
        try:
            refused(answers(), "provisioning.address", "10.10.0.1 is taken")
        finally:
            ns.run("ip", "-n", machine.rack, "address", "flush", "dev", "to-prov0x")


def test_ipv6_address_is_taken():
    with machine.machine():
        file = answers(network__address="2001:db8::10/64", network__gateway="2001:db8::1")
        ns.run("ip", "-n", machine.rack, "address", "add", "2001:db8::10/64", "dev", "to-lan0x", "nodad")
        mac = json.loads(ns.run("ip", "-n", machine.rack, "-j", "link", "show", "to-lan0x").stdout)[0]["address"]
        try:
            refused(file, "network.address", f"2001:db8::10 is taken: the machine {mac} has it")
        finally:
            ns.run("ip", "-n", machine.rack, "address", "flush", "dev", "to-lan0x", "scope", "global")
        # Nobody has it any more: only something else is wrong now.
        file = answers(network__address="2001:db8::10/64", network__gateway="2001:db8::1", provisioning__dhcp="proxy")
        result = install(file, check=False)
        assert "nobody serves DHCP" in result.stderr and "network.address" not in result.stderr, result.stderr


def test_interface_is_down():
    """It says that it has a link, and cannot send: then nobody was asked, and nothing is written."""
    with machine.machine():
        ns.run("ip", "-n", machine.space, "link", "set", "prov0x", "down")
        try:
            refused(answers(), "provisioning.address: it could not be asked on prov0x whether somebody has this address",
                    "provisioning.dhcp_first: it could not be asked on prov0x whether somebody serves DHCP there")
        finally:
            ns.run("ip", "-n", machine.space, "link", "set", "prov0x", "up")


def test_dhcp_is_served():
    with machine.machine():
        ns.run("ip", "-n", machine.rack, "address", "add", "10.10.0.2/24", "dev", "to-prov0x")
        server = network.start(machine.rack, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--log-facility=-",
                               "--interface=to-prov0x", "--bind-interfaces", "--dhcp-range=10.10.0.50,10.10.0.60,1h", "--leasefile-ro",
                               "--pid-file=", "--user=root")
        try:
            server.expect("DHCP, IP range")
            refused(answers(), "provisioning.dhcp_first", "10.10.0.2 serves DHCP", "say provisioning.dhcp: proxy")
            assert install(answers(provisioning__dhcp="proxy")).returncode == 0
            assert json.loads(machine.ask_state("cat /etc/ingot/provisioner.json"))["provisioning"]["dhcp"] == "proxy"
        finally:
            ns.run("ip", "-n", machine.rack, "address", "flush", "dev", "to-prov0x")


def test_nobody_serves_dhcp():
    with machine.machine():
        refused(answers(provisioning__dhcp="proxy"), "provisioning.dhcp", "nobody serves DHCP on this network", "say server")


def test_killed_in_the_middle():
    with machine.machine():
        install(answers())
        file = answers(language="ko", host_name="after")
        for words in ("write", "identity"):
            process = network.start(machine.space, *machine.argv("--answers", file))
            process.expect(words, 60)
            process.end(signal.SIGKILL)
            assert not machine.bootable(), words
        install(file)
        assert_installed("after")


ns.main([test_provisioner, test_state_is_kept, test_state_is_kept_after_a_power_cut, test_wrong_answers, test_check, test_answers_by_url, test_no_link, test_link_comes_late, test_no_disk, test_disks_that_do_not_do, test_disk_with_sectors_of_4_kib, test_damaged_medium,
         test_address_is_taken, test_ipv6_address_is_taken, test_interface_is_down, test_dhcp_is_served, test_nobody_serves_dhcp, test_killed_in_the_middle], network)
