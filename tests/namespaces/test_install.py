#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real ingot-agent in live mode installs a real signed bundle to a loop device. The provisioner is played here: HTTPS
with a certificate of its own for the agent, plain HTTP for the bundle."""

import contextlib
import hashlib
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading

import bundle
import ns

sys.dont_write_bytecode = True
ns.need("ip", "losetup", "openssl", "sfdisk", "mkfs.fat", "mtools", "mkfs.ext4", "debugfs", "e2fsck", "grub-mkimage")

GIB = 1 << 30
MIB = 1 << 20
DISK_BYTES = 8 * GIB
ROOT_BYTES = bundle.ROOT_BYTES
LARGE_ROOT_BYTES = 4 * ROOT_BYTES
ESP_BYTES = 264 * MIB
NEEDED_BYTES = 7 * GIB + 3 * MIB + ESP_BYTES
BOOT_ID = "3c7a8a44-6f1c-4b0e-a7b9-7d1f3f0f9c11"
GRUB = bundle.GRUB

network = ns.Network()
space = network.namespace("machine")
folder = network.folder
agent_program = ns.built("ingot-agent")


def path(*names):
    return os.path.join(folder, *names)


def write(name, text):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), "w", encoding="ascii") as f:
        f.write(text)


def make_certificates():
    ns.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
           path("ca.key"), "-out", path("ca.pem"), "-days", "2", "-subj", "/CN=test CA")
    ns.run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
           path("server.key"), "-out", path("server.csr"), "-subj", "/CN=ingot-provisioner")
    write("san", "subjectAltName=IP:127.0.0.1\n")
    ns.run("openssl", "x509", "-req", "-in", path("server.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
           "-CAcreateserial", "-out", path("server.pem"), "-days", "2", "-extfile", path("san"))


# ---- the provisioner ----

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # an agent that is killed or ends leaves in the middle of a call
            super().handle_error(request, client_address)


class Provisioner:
    def __init__(self):
        self.changed = threading.Condition()
        self.desired = {"generation": 1}
        self.report = {}
        self.reports = []
        self.hellos = 0
        self.bundle = path("host.tar")
        self.cut_after = []  # bytes after which the next downloads break
        self.hold_at = None  # a byte at which a download waits
        self.held, self.go_on = threading.Event(), threading.Event()
        self.downloads = []  # where each began
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path("server.pem"), path("server.key"))
        with network.inside(space):
            self.agents = Server(("127.0.0.1", 0), self.handler(AgentHandler))
            self.boot = Server(("127.0.0.1", 0), self.handler(BootHandler))
        self.agents.socket = context.wrap_socket(self.agents.socket, server_side=True, do_handshake_on_connect=False)
        for server in (self.agents, self.boot):
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def handler(self, base):
        return type(base.__name__, (base,), {"provisioner": self})

    def desire(self, order):
        with self.changed:
            self.desired = {"generation": self.desired["generation"] + 1}
            if order:
                self.desired["install"] = order
            self.changed.notify_all()

    def wait_report(self, condition, seconds, what):
        with self.changed:
            if not self.changed.wait_for(lambda: self.report and condition(self.report), seconds):
                raise AssertionError(f"not within {seconds} s: {what}; the last report is {self.report}")
            return self.report

    def close(self):
        for server in (self.agents, self.boot):
            server.shutdown()
            server.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provisioner = None

    def log_message(self, *_):
        pass

    def answer(self, status, document=None):
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class AgentHandler(Handler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        p = self.provisioner
        if self.path == "/agent/v1/hello":
            p.hellos += 1
            self.answer(200, {"machine": "m-1", "token": "test_token"})
            return
        assert self.path == "/agent/v1/report" and self.headers["Authorization"] == "Bearer test_token"
        with p.changed:
            if "install" in body:
                p.report = body["install"]
                p.reports.append(p.report)
            p.changed.notify_all()
        self.answer(200, {})

    def do_GET(self):
        p = self.provisioner
        query = dict(word.split("=") for word in self.path.partition("?")[2].split("&"))
        with p.changed:
            p.changed.wait_for(lambda: p.desired["generation"] != int(query["after"]), int(query["wait_s"]))
            document = p.desired if p.desired["generation"] != int(query["after"]) else None
        self.answer(200 if document else 204, document)


class BootHandler(Handler):
    def do_GET(self):
        p = self.provisioner
        with open(path("ca.pem") if self.path == "/ca.pem" else p.bundle, "rb") as f:
            size = os.fstat(f.fileno()).st_size
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if self.headers["Range"] else 0
            if self.path != "/ca.pem":
                p.downloads.append(start)
            left = size - start
            f.seek(start)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(left))
            self.end_headers()
            if self.path != "/ca.pem" and p.cut_after:
                left = p.cut_after.pop(0)
                self.close_connection = True
            with contextlib.suppress(ConnectionError):
                while left:
                    if p.hold_at is not None and f.tell() >= p.hold_at:
                        p.hold_at = None
                        p.held.set()
                        assert p.go_on.wait(60)
                    block = f.read(min(left, MIB))
                    left -= len(block)
                    self.wfile.write(block)


# ---- the machine ----

class Machine:
    """A loop device that looks like the disk of a machine, and the agent that sees it."""

    def __init__(self, provisioner, disk_bytes=DISK_BYTES, lying=False, program=agent_program):
        self.provisioner = provisioner
        self.program = program
        self.image = path("disk.img")
        self.folder = path("lying") if lying else None
        with open(self.image, "wb") as f:
            f.truncate(disk_bytes)
        if lying:
            self.start_lying()
        self.device = ns.run("losetup", "--find", "--show",
                             os.path.join(self.folder, "disk") if lying else self.image).stdout.strip()
        root = path("root-of-machine")
        subprocess.run(["rm", "-rf", root], check=True)
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(open(path("ca.pem"), encoding="ascii").read())).hexdigest()
        ports = provisioner.agents.server_address[1], provisioner.boot.server_address[1]
        write("root-of-machine/proc/cmdline", f"ingot.server=127.0.0.1:{ports[0]} ingot.boot=http://127.0.0.1:{ports[1]} "
              f"ingot.ca={fingerprint} BOOTIF=01-52-54-00-00-00-01\n")
        write("root-of-machine/proc/sys/kernel/random/boot_id", BOOT_ID + "\n")
        write("root-of-machine/sys/block/vda/size", f"{disk_bytes // 512}\n")
        write("root-of-machine/sys/block/vda/serial", "disk-a")
        os.makedirs(path("root-of-machine/dev"))
        os.symlink(self.device, path("root-of-machine/dev/vda"))
        ns.show_number(root, "vda", self.device)
        self.root = root
        self.disk_bytes = disk_bytes
        self.start()

    def start(self):
        self.agent = network.start(space, self.program, "live", "--sysroot", self.root, "--prefix", self.root)

    def start_lying(self):
        """All that is written to the disk goes through a program that can be told to keep something else."""
        os.makedirs(self.folder, exist_ok=True)
        self.liar = ns.Process([os.path.join(os.path.dirname(os.path.abspath(__file__)), "lying_disk.py"), self.image,
                                self.folder])
        ns.wait_until(lambda: os.path.exists(os.path.join(self.folder, "disk")), 20, "the lying disk is there")

    def lie(self, *lies):
        with open(os.path.join(self.folder, "lies"), "wb", buffering=0) as f:
            f.write(json.dumps(lies).encode())

    def agent_pid(self):
        # "ip netns exec" becomes the program
        return self.agent.pid

    def order(self, order_id, **more):
        with open(path("keys", "signing.pub"), encoding="ascii") as f:
            key = f.read()
        with open(path("ca.pem"), encoding="ascii") as f:
            ca = f.read()
        port = self.provisioner.boot.server_address[1]
        return {"id": order_id, "disk": {"wwn": None, "serial": "disk-a", "size_bytes": self.disk_bytes},
                "bundle": {"url": f"http://127.0.0.1:{port}/bundle/host.tar", "key": key, "version": "1"},
                "host": {"name": "node-1", "machine": "m-1", "mac": "52:54:00:00:00:01", "address": "10.0.0.11/24",
                         "gateway": None, "server": "10.0.0.1:8444", "ca": ca, "token": "enroll_once"},
                "console": "ttyS0,115200", "boot": None, **more}

    def install(self, order, state, seconds=120):
        self.provisioner.desire(order)
        return self.provisioner.wait_report(
            lambda r: r["id"] == order["id"] and r["state"] in ("written", "failed"), seconds, f"{order['id']} {state}")

    def bytes_at(self, offset, size):
        with open(self.device, "rb") as f:
            f.seek(offset)
            return f.read(size)

    def untouched(self):
        return os.stat(self.image).st_blocks == 0

    def close(self):
        code = self.agent.end()
        ns.run("losetup", "--detach", self.device)
        if self.folder:
            ns.wait_until(lambda: ns.run("umount", self.folder, check=False).returncode == 0, 20, "nobody has it open")
            self.liar.end(9)  # it does not end by itself while some mount namespace has it mounted still
        os.unlink(self.image)
        assert code == 0, f"the agent ended with {code}:\n{self.agent.text}"


@contextlib.contextmanager
def machine(**kwargs):
    provisioner = Provisioner()
    m = Machine(provisioner, **kwargs)
    try:
        yield m
    finally:
        m.close()
        provisioner.close()


def assert_failed(report, step, code, words):
    assert report["state"] == "failed" and report["step"] == step, report
    assert report["error"]["code"] == code and words in report["error"]["text"], report


def partitions(device):
    table = json.loads(ns.run("sfdisk", "--json", device).stdout)["partitiontable"]
    assert table["label"] == "gpt"
    return {p["name"]: p for p in table["partitions"]}


def esp_file(device, esp, name):
    environment = {**os.environ, "MTOOLS_SKIP_CHECK": "1"}
    argv = ["mtools", "-c", "mcopy", "-i", f"{device}@@{esp['start'] * 512}", f"::{name}", "-"]
    return subprocess.run(argv, env=environment, capture_output=True, timeout=60, check=True).stdout


def content(name):
    with open(path(name) if not name.startswith("/") else name, "rb") as f:
        return f.read()


# ---- tests ----

def assert_installed(m):
    parts = partitions(m.device)
    sizes = {name: p["size"] * 512 for name, p in parts.items()}
    assert list(parts) == ["ingot-bios", "ingot-esp", "ingot-root-a", "ingot-root-b", "ingot-state"], parts
    assert sizes["ingot-bios"] == MIB and sizes["ingot-esp"] == ESP_BYTES and sizes["ingot-root-a"] == 2 * GIB
    assert sizes["ingot-root-b"] == 2 * GIB and sizes["ingot-state"] >= 3 * GIB
    assert m.bytes_at(parts["ingot-root-a"]["start"] * 512, ROOT_BYTES) == content("root")

    esp = parts["ingot-esp"]
    assert esp_file(m.device, esp, "/ingot/a/vmlinuz") == content("vmlinuz")
    assert esp_file(m.device, esp, "/ingot/a/initrd") == content("initrd")
    # What firmware starts, what that starts, and what iPXE does; all of GRUB come to the one configuration.
    for name, part in (("/EFI/BOOT/BOOTX64.EFI", "shimx64.efi"), ("/EFI/BOOT/mmx64.efi", "mmx64.efi"),
                       ("/EFI/BOOT/grubx64.efi", "grubx64.efi"), ("/EFI/ingot/grubx64.efi", "chain-grubx64.efi")):
        assert esp_file(m.device, esp, name) == content(part), name
    assert esp_file(m.device, esp, "/EFI/debian/grub.cfg").decode().endswith("configfile ($root)/grub/grub.cfg\n")
    config = esp_file(m.device, esp, "/grub/grub.cfg").decode()
    root, state = parts["ingot-root-a"]["uuid"].lower(), parts["ingot-state"]["uuid"].lower()
    assert (f"linux /ingot/a/vmlinuz ingot.root=PARTUUID={root} ingot.state=PARTUUID={state} "
            "systemd.hostname=node-1 console=ttyS0,115200\n") in config, config

    # Boot code around the table, and the core image, whose first sector is patched, in its partition.
    assert m.bytes_at(0, 90) == content(GRUB + "/i386-pc/boot.img")[:90]
    core = content("core.img")
    assert m.bytes_at(MIB + 512, len(core) - 512) == core[512:]

    where = f"{m.device}?offset={parts['ingot-state']['start'] * 512}"
    ns.run("e2fsck", "-fn", where)
    identity = json.loads(ns.run("debugfs", "-R", "cat /var/lib/ingot/agent/identity.json", where).stdout)
    assert identity["server"] == "10.0.0.1:8444" and identity["name"] == "node-1" and identity["token"] == "enroll_once"
    assert "Mode:  0600" in ns.run("debugfs", "-R", "stat /var/lib/ingot/agent/identity.json", where).stdout
    assert "Gateway" not in ns.run("debugfs", "-R", "cat /etc/systemd/network/10-ingot.network", where).stdout


def test_install():
    with machine() as m:
        report = m.install(m.order("i-1"), "written")
        assert report["state"] == "written" and report["error"] is None and report["bytes"] == ROOT_BYTES, report
        steps = [r["step"] for r in m.provisioner.reports]
        assert sorted(set(steps), key=steps.index)[-1] == "loader", steps
        assert m.provisioner.downloads == [0]
        assert_installed(m)


def memory_kib(pid, file, key):
    with open(f"/proc/{pid}/{file}", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(key + ":"))


def test_memory_does_not_grow_with_the_image():
    bundle.make_root(path("root-large"), LARGE_ROOT_BYTES)
    bundle.make(folder, "large.tar", root="root-large")
    peaks = []
    for name in ("host.tar", "large.tar"):
        with machine(program=ns.as_released("ingot-agent")) as m:
            m.provisioner.bundle = path(name)
            report = m.install(m.order(f"i-{name.removesuffix('.tar')}"), "written")
            assert report["state"] == "written", report
            peaks.append(memory_kib(m.agent_pid(), "status", "VmHWM"))
            pss = memory_kib(m.agent_pid(), "smaps_rollup", "Pss")
            print(f"       {os.path.getsize(path(name)) // MIB} MiB: peak {peaks[-1]} KiB resident, {pss} KiB PSS afterwards")
            assert pss < 12 * 1024, pss
    assert peaks[1] < peaks[0] * 1.1, peaks
    os.unlink(path("large.tar"))
    os.unlink(path("root-large"))


def test_connection_breaks_in_the_middle():
    with machine() as m:
        m.provisioner.cut_after = [5000, 40 * MIB, 0, 3 * MIB]
        report = m.install(m.order("i-1"), "written")
        assert report["state"] == "written", report
        assert m.provisioner.downloads == [0, 5000, 5000 + 40 * MIB, 5000 + 40 * MIB, 5000 + 43 * MIB], m.provisioner.downloads
        assert_installed(m)


def test_agent_killed_in_the_middle():
    with machine() as m:
        m.provisioner.desire(m.order("i-1"))
        m.provisioner.wait_report(lambda r: r["step"] == "write", 60, "writing")
        m.agent.end(sig=9)
        m.provisioner.report = {}
        m.start()
        report = m.install(m.order("i-1"), "written")
        assert report["state"] == "written", report
        assert m.provisioner.hellos == 2
        assert_installed(m)


def test_altered_bundle_is_not_bootable():
    with machine() as m:
        data = bytearray(content("host.tar"))
        at = data.find(content("root")[75 * MIB:75 * MIB + 4096])
        assert at > 0
        data[at] ^= 1
        with open(path("altered.tar"), "wb") as f:
            f.write(data)
        m.provisioner.bundle = path("altered.tar")
        assert_failed(m.install(m.order("i-1"), "failed"), "write", "corrupt", "part root.squashfs has the SHA-256")
        assert m.bytes_at(0, 440) == bytes(440)
        assert m.bytes_at(MIB, 512) == bytes(512)
        esp = partitions(m.device)["ingot-esp"]
        argv = ["mtools", "-c", "mdir", "-b", "-i", f"{m.device}@@{esp['start'] * 512}", "::/EFI/BOOT", "::/grub"]
        listing = ns.run(*argv, env={**os.environ, "MTOOLS_SKIP_CHECK": "1"}, check=False).stdout
        assert "BOOTX64" not in listing and "grub.cfg" not in listing, listing
        # The same machine, a sound bundle, another order.
        m.provisioner.bundle = path("host.tar")
        assert m.install(m.order("i-2"), "written")["state"] == "written"
        assert_installed(m)


def test_bundle_of_another_key():
    with machine() as m:
        bundle.make_keys(folder, "other-keys")
        bundle.make(folder, "other.tar", "other-keys")
        m.provisioner.bundle = path("other.tar")
        assert_failed(m.install(m.order("i-1"), "failed"), "check", "corrupt", "signature")
        assert m.untouched()


def test_disk_too_small():
    with machine(disk_bytes=4 * GIB) as m:
        report = m.install(m.order("i-1"), "failed")
        assert_failed(report, "check", "capacity", f"{4 * GIB} bytes, a host needs at least {NEEDED_BYTES}")
        assert m.untouched() and not m.provisioner.downloads


def test_disk_in_use():
    with machine() as m:
        ns.run("mkfs.ext4", "-q", m.device)
        os.makedirs(path("mounted"), exist_ok=True)
        ns.run("mount", m.device, path("mounted"))
        try:
            # Nothing in the recorded /proc tells of the mount: the kernel does.
            assert_failed(m.install(m.order("i-1"), "failed"), "check", "state", "is in use")
        finally:
            ns.run("umount", path("mounted"))
        assert m.bytes_at(0x438, 2) == b"\x53\xef" and m.bytes_at(512, 8) != b"EFI PART"  # still ext4, no GPT
        ns.run("e2fsck", "-fn", m.device)


def test_another_disk_is_named():
    with machine() as m:
        order = m.order("i-1")
        order["disk"]["serial"] = "disk-b"
        assert_failed(m.install(order, "failed"), "check", "not-found", "no disk has serial disk-b")
        assert m.untouched()


# ---- disks that change places ----

def assert_not_bootable(m, but=None):
    """but: a byte that the disk keeps as another."""
    code = bytearray(m.bytes_at(0, 440))
    if but is not None and but < len(code):
        code[but] = 0
    assert code == bytes(440), code
    listing = ""
    with contextlib.suppress(AssertionError, subprocess.SubprocessError, KeyError, ValueError):
        esp = partitions(m.device)["ingot-esp"]
        listing = ns.run("mtools", "-c", "mdir", "-b", "-i", f"{m.device}@@{esp['start'] * 512}", "::/EFI/BOOT",
                         env={**os.environ, "MTOOLS_SKIP_CHECK": "1"}, check=False).stdout
    assert "BOOTX64" not in listing, listing


@contextlib.contextmanager
def held_in_the_middle(m, at):
    """While this is on, the agent waits for byte number at of the bundle."""
    m.provisioner.hold_at = at
    m.provisioner.desire(m.order("i-1"))
    assert m.provisioner.held.wait(60)
    m.provisioner.wait_report(lambda r: r["step"] == "write", 60, "writing")
    try:
        yield
    finally:
        m.provisioner.go_on.set()


def test_the_name_goes_to_another_disk():
    with machine() as m:
        image, name = path("other.img"), os.path.join(m.root, "dev/vda")
        with open(image, "wb") as f:
            f.truncate(DISK_BYTES)
        other = ns.run("losetup", "--find", "--show", image).stdout.strip()
        try:
            # What is called vda from now on is another disk, of the same size.
            with held_in_the_middle(m, 20 * MIB):
                os.unlink(name)
                os.symlink(other, name)
            report = m.provisioner.wait_report(lambda r: r["state"] in ("written", "failed"), 120, "it is over")
            assert report["state"] == "written", report
            assert_installed(m)
            ns.run("blockdev", "--flushbufs", other)
            assert os.stat(image).st_blocks == 0, "the other disk was written to"
        finally:
            ns.run("losetup", "--detach", other)
            os.unlink(image)


def test_another_disk_in_its_place():
    with machine() as m:
        with held_in_the_middle(m, 20 * MIB):  # in the initrd; the root comes after that
            write("root-of-machine/sys/block/vda/serial", "disk-b")
        report = m.provisioner.wait_report(lambda r: r["state"] in ("written", "failed"), 120, "it is over")
        assert_failed(report, "write", "state", "is not the disk any more that was opened: its serial number is disk-b, it "
                      "was disk-a; nothing more is written to it")
        assert m.bytes_at(partitions(m.device)["ingot-root-a"]["start"] * 512, MIB) == bytes(MIB)
        assert_not_bootable(m)


# ---- disks that do not keep what they are given ----

def partition_start(name):
    """As docs/protocol.md has it."""
    sizes = {"ingot-bios": MIB, "ingot-esp": ESP_BYTES, "ingot-root-a": 2 * GIB}
    start = MIB
    for other, size in sizes.items():
        if other == name:
            return start
        start += size
    raise KeyError(name)


def test_disk_that_lies():
    """One after another, each place of what an installation writes is kept as something else."""
    end = DISK_BYTES
    # Within a cluster, so that it is written in one piece.
    marker, other = (next(file[at:at + 24] for at in range(4196, len(file), 4096) if file.count(file[at:at + 24]) == 1)
                     .decode("latin-1") for file in (content("shimx64.efi"), content("grubx64.efi")))
    lies = [
        ({"at": 446 + 4}, "partition", "the protective MBR"),
        ({"at": 512 + 30}, "partition", "the partition table at the beginning: the header's checksum is wrong"),
        ({"at": 1024 + 56}, "partition", "the partition table at the beginning: the entries' checksum is wrong"),
        ({"drop": end - 512}, "partition", "the partition table at the end: "),
        ({"at": end - 33 * 512 + 20}, "partition", "the partition table at the end: the entries' checksum is wrong"),
        ({"at": partition_start("ingot-root-a") + 61 * MIB}, "verify", f"part root.squashfs, somewhere in the 1048576 bytes from {61 * MIB} on"),
        ({"text": "enroll_once"}, "identity", "/var/lib/ingot/agent/identity.json on the state partition"),
        ({"text": 'menuentry "Ingot"'}, "loader", "/grub/grub.cfg on the EFI system partition"),
        ({"text": marker}, "loader", "/EFI/BOOT/INGOT.NEW on the EFI system partition"),
        ({"text": other}, "loader", "/EFI/BOOT/grubx64.efi on the EFI system partition"),
        ({"at": MIB + 1000}, "loader", "GRUB's core image for BIOS, byte 1000 of "),
        ({"at": 77}, "loader", "the boot sector, byte 77 of 512 (at 77 of the disk) is "),
    ]
    with machine(lying=True) as m:
        for i, (lie, step, words) in enumerate(lies):
            m.lie(lie)
            report = m.install(m.order(f"i-{i}"), "failed")
            assert_failed(report, step, "corrupt", words)
            assert "(serial disk-a) gives back other bytes than were written: " in report["error"]["text"], report
            m.lie()
            assert_not_bootable(m, lie.get("at"))
        # The same disk, mended.
        assert m.install(m.order("i-mended"), "written")["state"] == "written"
        assert_installed(m)


bundle.make_parts(folder)
bundle.make(folder, "host.tar")
make_certificates()
ns.main([test_install, test_memory_does_not_grow_with_the_image, test_connection_breaks_in_the_middle,
         test_agent_killed_in_the_middle, test_altered_bundle_is_not_bootable, test_bundle_of_another_key, test_disk_too_small, test_disk_in_use,
         test_another_disk_is_named, test_the_name_goes_to_another_disk, test_another_disk_in_its_place,
         test_disk_that_lies], network)
