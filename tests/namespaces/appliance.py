# SPDX-License-Identifier: GPL-3.0-or-later
"""A real provisioner with a real dnsmasq in a network namespace of its own, and how people and agents call it."""

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import sqlite3
import ssl
import time
import uuid

import ns

ADDRESS = "10.77.0.1"
API_PORT = 8443
AGENT_PORT = 8444
BOOT_PORT = 8080
BMC_PASSWORD = "bmc-password-of-the-test"
LOADERS = "/usr/lib/ipxe"


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.data = response.read()
        self.type = (response.headers["Content-Type"] or "").split(";")[0]
        self.json = json.loads(self.data) if self.type.endswith("json") else None

    def __repr__(self):
        return f"{self.status} {self.data[:400]!r}"


def expect_problem(answer, status, code, field=None, words=""):
    """RFC 9457, and everything that a client goes by."""
    assert answer.status == status, answer
    assert answer.type == "application/problem+json", answer.headers
    problem = answer.json
    assert problem["type"] == f"urn:ingot:error:{code}" and problem["code"] == code, problem
    assert problem["status"] == status and problem["title"] and problem["detail"], problem
    assert problem.get("field") == field, problem
    assert words in problem["detail"], problem
    return problem


class Appliance:
    def __init__(self):
        self.network = ns.Network()
        self.home = self.network.namespace("srv")
        self.machines = self.network.namespace("rack")
        self.network.link(self.home, "port1", self.machines, "eth0")
        self.network.bridge(self.home, "prov0", f"{ADDRESS}/24", "port1")
        ns.run("ip", "-n", self.machines, "address", "add", "10.77.0.50/24", "dev", "eth0")
        self.folder = self.network.folder
        self.state = os.path.join(self.folder, "state")
        self.config = os.path.join(self.folder, "provisioner.json")
        self.process = None
        self._make_images()
        self.settings = {
            "state_dir": self.state,
            "run_dir": os.path.join(self.folder, "run"),
            "api": {"listen": [f"127.0.0.1:{API_PORT}"]},
            "provisioning": {"interface": "prov0", "address": f"{ADDRESS}/24", "dhcp_first": "10.77.0.100",
                             "dhcp_last": "10.77.0.199", "agent_port": AGENT_PORT, "boot_port": BOOT_PORT},
            "bmc": {"ranges": [], "user": "admin", "password_file": os.path.join(self.folder, "bmc.password")},
            "images": {"live_dir": os.path.join(self.folder, "live"), "bundle": os.path.join(self.folder, "host.bundle"),
                       "bundle_key": os.path.join(self.folder, "signing.pub"),
                       "loader_dir": os.path.join(self.folder, "loaders")},
        }
        self.write_config(self.config)

    def _make_images(self):
        """What is served need not boot: nobody boots it here."""
        for name in ("live", "loaders"):
            os.mkdir(os.path.join(self.folder, name))
        for name in ("vmlinuz", "initrd"):
            with open(os.path.join(self.folder, "live", name), "wb") as f:
                f.write(name.encode() * 1000)
        for name in ("undionly.kpxe", "snponly.efi"):
            shutil.copy(os.path.join(LOADERS, name), os.path.join(self.folder, "loaders"))
        with open(os.path.join(self.folder, "bmc.password"), "w", encoding="ascii") as f:
            f.write(BMC_PASSWORD + "\n")
        bundle = ns.built("ingot-bundle")
        ns.run(bundle, "keygen", "--out", self.folder)
        part = os.path.join(self.folder, "live", "vmlinuz")
        ns.run(bundle, "create", "--key", os.path.join(self.folder, "signing.key"), "--version", "1", "--out",
               os.path.join(self.folder, "host.bundle"),
               *(f"{kind}={part}" for kind in ("kernel", "initrd", "bios-boot", "bios-core", "efi-shim", "efi-keys", "efi-loader",
                                               "efi-chain", "root")))

    def write_config(self, path, **changes):
        with open(path, "w", encoding="ascii") as f:
            json.dump({**self.settings, **changes}, f)

    # ---- life ----

    def start(self, config=None):
        process = self.network.start(self.home, ns.built("ingot-provisioner"), "--config", config or self.config)
        process.expect("API on https://")
        if config is None:
            self.process = process
            ns.wait_until(self._answers, 20, "the API answers")
        return process

    def _answers(self):
        with contextlib.suppress(OSError):
            return self.get("/v1/version").status == 200
        return False

    def pid(self):
        """Of the provisioner itself: `ip netns exec` has become it."""
        return self.process.pid

    def stop(self):
        code = self.process.end()
        ns.check_sanitizer(self.process.text)
        assert code == 0, self.process.text

    def kill(self):
        self.process.end(9)

    def restart(self):
        self.kill()
        self.start()

    @contextlib.contextmanager
    def database(self):
        """Of the provisioner that does not run now."""
        db = sqlite3.connect(os.path.join(self.state, "ingot.db"))
        try:
            yield db
            db.commit()
        finally:
            db.close()

    @contextlib.contextmanager
    def stopped(self):
        self.stop()
        with self.database() as db:
            yield db
        self.start()

    @staticmethod
    def put(db, kind, **fields):
        """A document as the provisioner stores it."""
        revision = db.execute("SELECT coalesce(max(revision), 0) + 1 FROM document").fetchone()[0]
        fields.setdefault("id", str(uuid.uuid4()))
        db.execute("INSERT INTO document VALUES (?, ?, ?, ?)", (kind, fields["id"], revision, json.dumps(fields)))
        return fields["id"]

    def put_token(self, db, name, role):
        text = f"ingot_{name}-{uuid.uuid4()}"
        self.put(db, "token", name=name, role=role, hash=hashlib.sha256(text.encode()).hexdigest())
        return text

    # ---- calls ----

    def token(self):
        with open(os.path.join(self.state, "admin.token"), encoding="ascii") as f:
            return f.read().strip()

    def ca(self):
        return os.path.join(self.state, "ca.pem")

    def connect(self, port=API_PORT, certificate=None, verify=True, seconds=30):
        """A TLS connection, from where who calls that port is."""
        context = ssl.create_default_context(cafile=self.ca()) if verify else ssl._create_unverified_context()
        if certificate:
            context.load_cert_chain(*certificate)
        home, address = (self.home, "127.0.0.1") if port == API_PORT else (self.machines, ADDRESS)
        with self.network.inside(home):
            plain = socket.create_connection((address, port), seconds)
        return context.wrap_socket(plain, server_hostname=address)

    def call(self, method, path, body=None, token="", headers=None, port=API_PORT, certificate=None, seconds=30):
        """token "": the administrator's; None: none. body: anything that JSON can say, or bytes."""
        headers = dict(headers or {})
        if token == "" and port == API_PORT:
            token = self.token()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection(ADDRESS, port, timeout=seconds)
        connection.sock = self.connect(port, certificate, seconds=seconds)
        try:
            connection.request(method, path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **kwargs):
        return self.call("GET", path, **kwargs)

    def post(self, path, body=None, **kwargs):
        return self.call("POST", path, body, **kwargs)

    def raw(self, text, port=API_PORT, seconds=20):
        """Sends bytes as they are and reads until the other side closes. What came, and whether it closed."""
        with self.connect(port) as sock:
            sock.settimeout(seconds)
            sock.sendall(text)
            data = b""
            try:
                while chunk := sock.recv(65536):
                    data += chunk
            except TimeoutError:
                return data, False
            except (ConnectionResetError, ssl.SSLError):
                pass
            return data, True

    def events_after(self, last):
        """All there are, page by page."""
        found = []
        while True:
            page = self.get(f"/v1/events?after={last}").json
            found += page["items"]
            if not page["next"]:
                return found
            last = page["next"]

    def ingot(self, *arguments, token="", check=None, **environment):
        """The command line; check: the exit code it must have."""
        result = self.network.run(self.home, ns.built("ingot"), *arguments, check=False,
                                  env={**os.environ, "INGOT_URL": f"https://127.0.0.1:{API_PORT}", "INGOT_CACERT": self.ca(),
                                       "INGOT_TOKEN": self.token() if token == "" else token, **environment})
        if check is not None:
            assert result.returncode == check, (arguments, result.returncode, result.stdout, result.stderr)
        return result


class Stream:
    """A client of /v1/events that takes up where it broke off."""

    def __init__(self, appliance, last=None):
        self.appliance = appliance
        self.last = last
        self.ids = []
        self.connections = 0
        self.connection = self.response = None

    def open(self):
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {self.appliance.token()}"}
        if self.last is not None:
            headers["Last-Event-ID"] = str(self.last)
        self.connections += 1
        self.connection = http.client.HTTPConnection("127.0.0.1")
        self.connection.sock = self.appliance.connect(seconds=20)
        self.connection.request("GET", "/v1/events", headers=headers)
        self.response = self.connection.getresponse()
        assert self.response.status == 200 and self.response.headers["Content-Type"] == "text/event-stream"

    def _take_event(self):
        event = {}
        while line := self.response.readline():
            if line == b"\n":
                break
            key, _, value = line.decode().rstrip("\n").partition(": ")
            event[key] = value
        else:
            raise ConnectionResetError("the stream ended")
        if "id" in event:
            assert json.loads(event["data"])["id"] == event["id"]
            self.last = event["id"]
            self.ids.append(int(event["id"]))

    def until(self, wanted, seconds=60):
        """Reads, over as many connections as it takes, until an event of at least this number came."""
        deadline = time.monotonic() + seconds
        while not self.ids or self.ids[-1] < wanted:
            assert time.monotonic() < deadline, f"no event {wanted}: {self.ids[-3:]}"
            try:
                if not self.response:
                    self.open()
                self._take_event()
            except (OSError, http.client.HTTPException):
                self.close()

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = self.response = None
