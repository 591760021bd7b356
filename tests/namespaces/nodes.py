# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes of a cluster on one host: each a network, mount and UTS namespace with its own /etc, /var, /run, host name,
machine id and disks, in which the agent's parts run Ceph's daemons, libvirt and QEMU without systemd."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import uuid

from ns import built, run, show_number, wait_until

SETUP = r"""
set -e
hostname "$NODE_NAME"
work=$NODE_FOLDER
for d in etc var; do
	mkdir -p "$work/$d" "$work/$d.work"
	mount -t overlay overlay -o "lowerdir=/$d,upperdir=$work/$d,workdir=$work/$d.work" "/$d"
done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /var/log/ingot /var/lib/ingot
echo "$NODE_MACHINE" >/etc/machine-id
printf '127.0.0.1 localhost\n%s %s\n' "$NODE_ADDRESS" "$NODE_NAME" >/etc/hosts
# QEMU runs as this user, and uses KVM if there is any.
grep -q ^libvirt-qemu: /etc/passwd || {
	echo "libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin" >>/etc/passwd
	echo "libvirt-qemu:x:64055:" >>/etc/group
}
sed -i -E 's/^(kvm:.*:)([^:]*)$/\1libvirt-qemu,\2/' /etc/group
rm -rf /etc/ceph /etc/libvirt /etc/pki /var/lib/ceph /var/lib/libvirt /var/log/ceph /var/log/libvirt
echo ready
read -r _
"""


class Disk:
    """A sparse file behind a loop device, which the node sees as a disk with a serial."""

    def __init__(self, path, size_bytes, serial):
        self.path, self.size_bytes, self.serial = path, size_bytes, serial
        with open(path, "wb") as f:
            f.truncate(size_bytes)
        self.device = run("losetup", "--find", "--show", "--partscan", path).stdout.strip()

    def show_in(self, sysroot, name):
        """Puts it into a tree as the agent's --sysroot takes it."""
        block = os.path.join(sysroot, "sys/block", name)
        os.makedirs(os.path.join(block, "queue"))
        os.makedirs(os.path.join(sysroot, "dev"), exist_ok=True)
        number = os.stat(self.device).st_rdev
        for file, text in (("size", self.size_bytes // 512), ("serial", self.serial),
                           ("dev", f"{os.major(number)}:{os.minor(number)}"), ("queue/rotational", 1),
                           ("queue/logical_block_size", 512)):
            with open(os.path.join(block, file), "w", encoding="ascii") as f:
                f.write(f"{text}\n")
        show_number(sysroot, name, self.device)
        os.mknod(os.path.join(sysroot, "dev", name), 0o600 | stat.S_IFBLK, number)

    def close(self):
        run("partx", "--delete", self.device, check=False)
        run("losetup", "--detach", self.device, check=False)


class Node:
    def __init__(self, net, hub, name, address):
        self.net, self.name, self.address = net, name, address
        self.folder = os.path.join(net.folder, name)
        self.sysroot = os.path.join(self.folder, "sysroot")
        self.part_dir = os.path.join(self.folder, "parts")
        os.makedirs(self.sysroot)
        os.makedirs(self.part_dir)
        self.disks, self.runner, self.desired = [], None, {"generation": 0}
        self.ns = net.namespace(name)
        net.link(hub, f"v-{name}", self.ns, "eth0")
        run("ip", "-n", self.ns, "address", "add", f"{address}/24", "dev", "eth0")
        self.holder = net.start(self.ns, "unshare", "--mount", "--uts", "--propagation", "private", "sh", "-c", SETUP,
                                env=dict(os.environ, NODE_NAME=name, NODE_FOLDER=self.folder, NODE_ADDRESS=address,
                                         NODE_MACHINE=uuid.uuid4().hex))
        self.holder.expect("ready")

    def enter(self, *argv):
        return ["nsenter", "--target", str(self.holder.pid), "--mount", "--uts", "--net", *argv]

    def run(self, *argv, **kwargs):
        return run(*self.enter(*argv), **kwargs)

    def read(self, path):
        """A file of the node as the node sees it, as bytes; empty if it is not there."""
        return subprocess.run(self.enter("cat", path), capture_output=True, check=False, timeout=60).stdout

    def add_disk(self, size_bytes, serial):
        disk = Disk(os.path.join(self.folder, serial + ".img"), size_bytes, serial)
        disk.show_in(self.sysroot, "vd" + "abcdefgh"[len(self.disks)])
        self.disks.append(disk)
        return disk

    # ---- the agent's parts ----

    def start_parts(self, *plugin):
        self.write_desired()
        log = open(os.path.join(self.folder, "parts.log"), "ab")
        self.runner = subprocess.Popen(
            self.enter(built("part-run"), self.part_dir, *plugin, "--sysroot", self.sysroot),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()

    def kill_parts(self, sig=signal.SIGKILL):
        if self.runner and self.runner.poll() is None:
            self.runner.send_signal(sig)
            self.runner.wait(30)
        self.runner = None

    def write_desired(self):
        self.desired["generation"] += 1
        path = os.path.join(self.part_dir, "desired.json")
        with open(path + ".new", "w", encoding="utf-8") as f:
            json.dump(self.desired, f, indent=1)
        os.rename(path + ".new", path)

    def want(self, **sections):
        for name, value in sections.items():
            if value is None:
                self.desired.pop(name, None)
            else:
                self.desired[name] = value
        self.write_desired()
        if self.runner:
            self.runner.send_signal(signal.SIGHUP)

    def report(self, section):
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            with open(os.path.join(self.part_dir, "report.json"), encoding="utf-8") as f:
                return json.load(f).get(section)
        return None

    def forget_report(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.part_dir, "report.json"))

    def await_report(self, section, condition, seconds, what):
        try:
            return wait_until(lambda: (lambda r: r if r is not None and condition(r) else None)(self.report(section)),
                              seconds, f"{self.name}: {what}")
        except AssertionError as failure:
            raise AssertionError(f"{failure}\nreported: {json.dumps(self.report(section))}\nlog:\n"
                                 f"{self.log_tail(15)}") from None

    def log_tail(self, lines):
        with open(os.path.join(self.folder, "parts.log"), encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    def close(self):
        """After the processes have ended."""
        self.kill_parts()
        for disk in self.disks:
            disk.close()
        self.disks = []


class Authority:
    """Gives certificates, as the provisioner does: a name, and an address or none."""

    CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

    def __init__(self, folder):
        self.folder = os.path.join(folder, "authority")
        os.makedirs(self.folder)
        self.openssl("req", "-x509", *self.CURVE, "-subj", "/CN=test", "-days", "2", "-keyout", "ca.key", "-out", "ca.crt",
                     "-addext", "basicConstraints=critical,CA:true", "-addext", "keyUsage=critical,keyCertSign")
        self.ca = os.path.join(self.folder, "ca.crt")

    def openssl(self, *argv):
        run("openssl", *argv, cwd=self.folder)

    def give(self, name, address=None):
        """Paths of a certificate and its key."""
        with open(os.path.join(self.folder, "extensions"), "w", encoding="ascii") as f:
            f.write("extendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature,keyEncipherment\n"
                    "basicConstraints=critical,CA:false\n" + (f"subjectAltName=IP:{address}\n" if address else ""))
        self.openssl("req", *self.CURVE, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                     "2", "-extfile", "extensions", "-out", f"{name}.crt")
        return os.path.join(self.folder, f"{name}.crt"), os.path.join(self.folder, f"{name}.key")

    def equip(self, node):
        """What a node's agent keeps, once it has enrolled."""
        node.run("mkdir", "-p", "/var/lib/ingot/agent")
        node.run("cp", self.ca, "/var/lib/ingot/agent/")
        for kind, name in (("agent", node.name), ("guests", f"guests-{node.name}")):
            for path in self.give(name, node.address):
                node.run("cp", path, f"/var/lib/ingot/agent/{kind}{os.path.splitext(path)[1]}")
