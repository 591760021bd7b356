#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provisioner's lives and its listeners for machines: kill -9 and what is kept, a second provisioner, what the boot
listener must never tell, and the talk with agents, spoken here by a few lines of Python. The REST API: test_api.py."""

import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import uuid

import ns
from appliance import ADDRESS, AGENT_PORT, API_PORT, BMC_PASSWORD, BOOT_PORT, Appliance, expect_problem

sys.dont_write_bytecode = True
ns.need("ip", "dnsmasq", "openssl")

GIB = 1 << 30
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
appliance = Appliance()
numbers = iter(range(16, 250))


def openssl(*argv):
    return ns.run("openssl", *argv, cwd=appliance.folder).stdout


def new_request():
    """A key and a request for it: paths in the folder."""
    name = f"agent-{uuid.uuid4()}"
    openssl("req", *CURVE, "-nodes", "-subj", "/CN=whatever", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    with open(os.path.join(appliance.folder, f"{name}.csr"), encoding="ascii") as f:
        return os.path.join(appliance.folder, f"{name}.key"), f.read()


class Agent:
    """The agent of one machine, as far as it speaks."""

    def __init__(self):
        self.number = next(numbers)
        self.mac = f"52:54:00:00:01:{self.number:02x}"
        self.uuid = str(uuid.uuid4())
        self.boot_id = str(uuid.uuid4())
        self.token = None
        self.machine = None
        self.certificate = None

    def call(self, method, path, body=None, **kwargs):
        kwargs.setdefault("token", self.token)
        return appliance.call(method, f"/agent/v1/{path}", body, port=AGENT_PORT, certificate=self.certificate, **kwargs)

    def hello(self):
        answer = self.call("POST", "hello", {"uuid": self.uuid, "macs": [self.mac], "boot_mac": self.mac,
                                             "boot_id": self.boot_id, "firmware": "bios", "bmc": None}, token=None)
        assert answer.status == 200, answer
        self.machine, self.token = answer.json["machine"], answer.json["token"]

    def report(self, **sections):
        answer = self.call("POST", "report", {"boot_id": self.boot_id, **sections})
        assert answer.status == 200 and answer.json == {}, answer

    def inventory(self):
        self.report(inventory={
            "system": {"uuid": self.uuid, "serial": f"S{self.number}"}, "cpu": {"threads": 4}, "memory_bytes": 16 * GIB,
            "disks": [{"path": "/dev/sda", "serial": f"D{self.number}a", "size_bytes": 16 * GIB},
                      {"path": "/dev/sdb", "serial": f"D{self.number}b", "size_bytes": 64 * GIB}]})

    def desired(self, after=-1, wait_s=0):
        return self.call("GET", f"desired?after={after}&wait_s={wait_s}" if after >= 0 else "desired")

    def install(self):
        return self.desired().json.get("install")

    def show(self):
        return appliance.get(f"/v1/machines/{self.machine}").json

    def wait_for(self, state):
        return ns.wait_until(lambda: self.show()["state"] == state and self.show(), 20, f"the machine is {state}")

    def found(self):
        self.hello()
        self.inventory()
        return self

    def ready(self):
        self.found()
        assert appliance.post(f"/v1/machines/{self.machine}/accept").status == 200
        self.wait_for("ready")
        return self

    def deploying(self):
        self.ready()
        answer = appliance.post(f"/v1/machines/{self.machine}/deploy", {"disk": f"D{self.number}a"})
        assert answer.status == 202 and answer.headers["Location"] == f"/v1/tasks/{answer.json['id']}", answer
        self.task = answer.json["id"]
        return self

    def written(self):
        self.deploying()
        install = self.install()
        self.enroll_token = install["host"]["token"]
        self.report(install={"id": install["id"], "state": "written", "step": "identity", "progress": 100})
        ns.wait_until(lambda: (self.install() or {}).get("boot") == "kexec", 20, "it is told to boot")
        return self

    def enroll(self, request, token=None):
        return self.call("POST", "enroll", {"token": token or self.enroll_token, "csr": request}, token=None)

    def node(self):
        self.written()
        key, request = new_request()
        answer = self.enroll(request)
        assert answer.status == 200, answer
        certificate = f"{key}.crt"
        with open(certificate, "w", encoding="ascii") as f:
            f.write(answer.json["certificate"])
        self.certificate, self.node_id, self.token = (certificate, key), answer.json["node"], None
        return self


# ---- what the boot listener tells ----

def boot(path, method="GET", body=b"", headers=""):
    with appliance.network.inside(appliance.machines):
        sock = socket.create_connection((ADDRESS, BOOT_PORT), 20)
    with sock:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}{length}\r\n".encode() + body)
        data = b""
        while chunk := sock.recv(1 << 20):
            data += chunk
    head, _, rest = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), rest


def secrets(agent):
    """Everything nobody on the wire may learn from it."""
    with open(os.path.join(appliance.state, "ca.key"), "rb") as f:
        lines = [line for line in f.read().splitlines() if len(line) > 30]
    tokens = [appliance.token(), BMC_PASSWORD, agent.token, agent.enroll_token, agent.enroll_token.split(".")[1]]
    return [b"PRIVATE KEY", *(token.encode() for token in tokens), *lines]


def test_the_boot_listener_knows_no_secret():
    agent = Agent().deploying()
    agent.enroll_token = agent.install()["host"]["token"]
    hidden = secrets(agent)
    name = os.path.basename(appliance.settings["images"]["bundle"])
    mac = agent.mac.replace(":", "-")
    told = ["/boot.ipxe", f"/boot/{mac}", f"/boot/{agent.mac}", "/boot/52-54-00-ff-ff-ff", "/live/vmlinuz",
            "/live/initrd", "/ca.pem", f"/bundle/{name}"]
    untold = ["/", "/ca.key", "/bundle/", "/bundle/../state/ca.key", "/live/../../state/ca.key",
              "/live/%2e%2e/state/admin.token", "/live/..%2f..%2fstate/ingot.db", "//etc/passwd", "/boot/", "/boot/all",
              "/live/", "/state/admin.token",
              f"/bundle/{name}/../../state/ca.key", "/agent/v1/desired", "/v1/machines", "/metrics"]
    for path in told + untold:
        for method in ("GET", "HEAD"):
            status, data = boot(path, method)
            right = (200,) if path in told and method == "GET" else (200, 405) if path in told else (400, 404, 405)
            assert status in right, (path, method, status)
            for secret in hidden:
                assert secret not in data, (path, secret)


def test_the_boot_listener_is_read_only():
    folders = [appliance.settings["images"]["live_dir"], os.path.join(appliance.state, "uploads")]
    before = [sorted(os.listdir(folder)) for folder in folders]
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "MKCOL", "TRACE"):
        for path in ("/live/vmlinuz", "/live/new", "/boot.ipxe", "/ca.pem", "/boot/52-54-00-00-00-01"):
            status, _ = boot(path, method, b"x" * 100)
            assert status in (400, 404, 405, 413, 501), (method, path, status)
    assert [sorted(os.listdir(folder)) for folder in folders] == before
    with open(os.path.join(folders[0], "vmlinuz"), "rb") as f:
        assert boot("/live/vmlinuz") == (200, f.read())


# ---- agents ----

def test_an_agent_that_says_hello_wrongly_learns_why():
    agent = Agent()
    for body, field in (({}, "macs"), ({"macs": ["x"], "boot_id": "12345678"}, None), ({"macs": [agent.mac]}, "boot_id"),
                        ([], None), (b"{", None)):
        answer = agent.call("POST", "hello", body, token=None)
        assert answer.status == 400 and (field is None or answer.json["field"] == field), answer
    data, closed = appliance.raw(b"POST /agent/v1/hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", AGENT_PORT)
    assert data.startswith(b"HTTP/1.1 413 ") and closed, data
    assert agent.mac not in json.dumps(appliance.get("/v1/machines").json)


def test_a_machine_that_was_not_accepted_gets_nothing():
    agent = Agent().found()
    machine = agent.show()
    assert machine["state"] == "new" and machine["inventory"]["disks"][0]["serial"] == f"D{agent.number}a"
    assert set(agent.desired().json) == {"generation"}
    answer = appliance.post(f"/v1/machines/{agent.machine}/deploy", {})
    expect_problem(answer, 409, "state", words="it cannot be deployed now")
    assert appliance.post(f"/v1/machines/{agent.machine}/accept").status == 200
    agent.wait_for("ready")
    assert set(agent.desired().json) == {"generation"}
    listed = appliance.ingot("machine", "list", "-o", "json", check=0).stdout
    assert agent.token not in listed and "token" not in json.loads(listed)["items"][0]


def test_tokens_open_what_they_are_for_and_nothing_else():
    one, two = Agent().found(), Agent().found()
    crossed = two.machine + one.token[36:]
    forged = [None, "live_" + "A" * 43, crossed, one.token[:-1], one.token + "x", appliance.token(), two.machine, "."]
    for token in forged:
        for answer in (one.call("GET", "desired", token=token), one.call("POST", "report", {}, token=token)):
            expect_problem(answer, 401, "unauthenticated")
    for path in ("/v1/machines", "/v1/events", "/metrics"):
        expect_problem(appliance.get(path, token=one.token), 401, "unauthenticated")
    first = one.token
    one.hello()  # once more in the same boot: the answer was lost
    expect_problem(one.call("GET", "desired", token=first), 401, "unauthenticated")
    assert one.desired().status == 200
    for path in ("/agent/v1/console/x", "/agent/v1/console/console_" + "A" * 43):
        expect_problem(appliance.call("GET", path, port=AGENT_PORT, token=one.token), 404, "not-found")


def test_a_long_poll_brings_news_at_once():
    agent = Agent().ready()
    generation = agent.desired().json["generation"]
    began = time.monotonic()
    assert agent.desired(generation, 1).status == 204
    assert 0.9 < time.monotonic() - began < 15
    answers = []
    poll = threading.Thread(target=lambda: answers.append(agent.desired(generation, 25)))
    poll.start()
    deploy = appliance.post(f"/v1/machines/{agent.machine}/deploy", {"disk": f"D{agent.number}a"})
    poll.join()
    assert deploy.status == 202 and answers[0].status == 200 and answers[0].json["install"], answers
    for query in ("after=x", "after=1&wait_s=61", "wait_s=-1", "after=99999999999999999999"):
        assert agent.call("GET", f"desired?{query}").status == 400, query


def test_a_deploy_and_an_enrollment():
    agent = Agent().written()
    install = agent.install()
    assert install["disk"]["serial"] == f"D{agent.number}a"
    assert install["bundle"]["url"].startswith(f"http://{ADDRESS}:{BOOT_PORT}/")
    assert re.fullmatch(r"10\.77\.0\.\d+/24", install["host"]["address"])
    key, request = new_request()
    _, other = new_request()
    for token, csr, status in (("wrong", request, 401), (agent.token, request, 401), (agent.enroll_token + "x", request, 401),
                               (agent.enroll_token, "no request", 400), (agent.enroll_token, "", 400)):
        answer = agent.call("POST", "enroll", {"token": token, "csr": csr}, token=None)
        assert answer.status == status, (token, answer)
    assert agent.show()["state"] == "deploying"
    first, again = agent.enroll(request), agent.enroll(request)
    assert first.status == again.status == 200 and first.json == again.json
    assert "PRIVATE" not in json.dumps(first.json)
    expect_problem(agent.enroll(other), 401, "unauthenticated", words="used with another key")
    agent.wait_for("deployed")
    assert appliance.get(f"/v1/tasks/{agent.task}").json["state"] == "succeeded"
    expect_problem(agent.call("GET", "desired"), 401, "unauthenticated")  # the live image is gone, its token too
    certificate = f"{key}.crt"
    with open(certificate, "w", encoding="ascii") as f:
        f.write(first.json["certificate"])
    shown = openssl("x509", "-in", certificate, "-noout", "-subject", "-ext", "extendedKeyUsage,basicConstraints")
    assert first.json["node"] in shown and "CA:TRUE" not in shown, shown
    assert openssl("verify", "-CAfile", appliance.ca(), certificate)


def test_a_node_speaks_by_its_certificate():
    agent = Agent().node()
    assert agent.desired().json["vms"] == []
    agent.report(generation=0, inventory={"memory_bytes": 16 * GIB}, vms=[])
    node = appliance.get(f"/v1/nodes/{agent.node_id}").json
    assert node["health"] == "ready" and node["machine"] == agent.machine
    # The API of people asks for a token whatever certificate comes along.
    expect_problem(appliance.call("GET", "/v1/machines", token=None, certificate=agent.certificate), 401, "unauthenticated")
    appliance.restart()
    assert agent.desired().status == 200


def names_address(address, port):
    """Whether the certificate that is shown there now is for this address as well."""
    context = ssl.create_default_context(cafile=appliance.ca())
    home, listener = (appliance.home, "127.0.0.1") if port == API_PORT else (appliance.machines, ADDRESS)
    with appliance.network.inside(home):
        plain = socket.create_connection((listener, port), timeout=10)
    try:
        with context.wrap_socket(plain, server_hostname=address):
            return True
    except ssl.SSLCertVerificationError:
        return False


def test_addresses_that_come_later_are_named():
    """As of a DHCP server that answers when the provisioner runs already: what the console shows, a browser can verify."""
    late, ports = "198.51.100.7", (API_PORT, AGENT_PORT)
    with open(appliance.ca(), "rb") as f:
        authority = f.read()
    assert names_address(ADDRESS, API_PORT) and not any(names_address(late, port) for port in ports)
    ns.run("ip", "-n", appliance.home, "address", "add", f"{late}/24", "dev", "prov0")
    try:
        for port in ports:
            ns.wait_until(lambda at=port: names_address(late, at), 10, f"the certificate at port {port} names {late}")
        appliance.restart()
        assert all(names_address(address, port) for address in (ADDRESS, late) for port in ports)
    finally:
        ns.run("ip", "-n", appliance.home, "address", "del", f"{late}/24", "dev", "prov0")
    with open(appliance.ca(), "rb") as f:
        assert f.read() == authority  # whose fingerprint the console shows


def served(port=API_PORT):
    """What a browser is shown: the fingerprint of the certificate, and how many come with it."""
    where = appliance.home if port == API_PORT else appliance.machines
    listener = "127.0.0.1" if port == API_PORT else ADDRESS
    said = appliance.network.run(where, "openssl", "s_client", "-connect", f"{listener}:{port}", "-showcerts", stdin=subprocess.DEVNULL).stdout
    parts = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", said, re.DOTALL)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(parts[0])).digest().hex(":").upper(), parts


def on_console():
    """The two fingerprints of the banner: of the certificate, of its authority."""
    text = appliance.network.run(appliance.home, ns.built("ingot-provisioner"), "--config", appliance.config, "--banner").stdout
    halves = re.findall(r"^ +((?:[0-9A-F]{2}:){15}[0-9A-F]{2})$", text, re.MULTILINE)
    assert len(halves) == 4, text
    return ":".join(halves[:2]), ":".join(halves[2:])


def test_the_console_shows_what_a_browser_shows():
    """And goes on showing it over a restart, so that an exception lasts. With another address both are others, and the same."""
    late = "198.51.100.8"
    with open(appliance.ca(), encoding="ascii") as f:
        authority = f.read()
    shown, parts = served()
    assert on_console() == (shown, hashlib.sha256(ssl.PEM_cert_to_DER_cert(authority)).digest().hex(":").upper())
    assert len(parts) == 2 and parts[1] == authority.strip(), parts
    appliance.restart()
    assert served()[0] == served(AGENT_PORT)[0] == on_console()[0] == shown
    ns.run("ip", "-n", appliance.home, "address", "add", f"{late}/24", "dev", "prov0")
    try:
        ns.wait_until(lambda: names_address(late, API_PORT), 10, f"the certificate names {late}")
        another = served()[0]
        assert another != shown and on_console()[0] == another
    finally:
        ns.run("ip", "-n", appliance.home, "address", "del", f"{late}/24", "dev", "prov0")
    # What does not belong together is not shown.
    appliance.stop()
    key = os.path.join(appliance.state, "server.key")
    assert os.stat(key).st_mode & 0o777 == 0o600
    with open(key, "w", encoding="ascii") as f:
        f.write("of another provisioner\n")
    appliance.start()
    assert on_console()[0] == served()[0] != another


def foreign(name, *extra):
    """A certificate of somebody else's authority, for the name of a node of ours."""
    openssl("req", "-x509", *CURVE, "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", "foreign.key", "-out",
            "foreign.crt", *extra)
    return os.path.join(appliance.folder, "foreign.crt"), os.path.join(appliance.folder, "foreign.key")


def refused(certificate, token=None):
    """By the handshake or by a 401: either way nothing is learned."""
    try:
        answer = appliance.call("GET", "/agent/v1/desired", port=AGENT_PORT, certificate=certificate, token=token)
    except (ssl.SSLError, ConnectionError):
        return True
    return answer.status == 401


def test_certificates_of_others_are_refused():
    agent = Agent().node()
    live = Agent().found()
    stranger = foreign(agent.node_id, "-addext", "extendedKeyUsage=clientAuth")
    assert refused(stranger)
    assert refused(stranger, live.token)  # nor does a token make up for it
    # Signed by a node's certificate, which is no authority.
    openssl("req", *CURVE, "-nodes", "-subj", f"/CN={agent.node_id}", "-keyout", "child.key", "-out", "child.csr")
    openssl("x509", "-req", "-in", "child.csr", "-CA", agent.certificate[0], "-CAkey", agent.certificate[1], "-set_serial",
            "5", "-days", "2", "-out", "child.alone")
    with open(os.path.join(appliance.folder, "child.crt"), "w", encoding="ascii") as chain:
        for part in (os.path.join(appliance.folder, "child.alone"), agent.certificate[0]):
            with open(part, encoding="ascii") as f:
                chain.write(f.read())
    assert refused((os.path.join(appliance.folder, "child.crt"), os.path.join(appliance.folder, "child.key")))
    assert agent.desired().status == 200


def test_a_node_that_is_no_member_any_more_is_refused():
    agent = Agent().node()
    with appliance.stopped() as db:
        db.execute("DELETE FROM document WHERE kind = 'node' AND id = ?", (agent.node_id,))
    expect_problem(agent.desired(), 401, "unauthenticated", words="is not a member (any more)")
    expect_problem(agent.call("POST", "report", {}), 401, "unauthenticated")


# ---- lives ----

def everything():
    shown = {kind: appliance.get(f"/v1/{kind}").json["items"] for kind in ("machines", "nodes", "pools", "volumes", "vms")}
    for node in shown["nodes"]:
        for changing in ("health", "seen", "revision"):
            node.pop(changing)
    return shown


def dnsmasq_pid():
    try:
        with open(os.path.join(appliance.settings["run_dir"], "dnsmasq.pid"), encoding="ascii") as f:
            return int(f.read())
    except (FileNotFoundError, ValueError):
        return None


def boot_script(agent):
    return boot(f"/boot/{agent.mac.replace(':', '-')}")[1]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_kill_9_keeps_everything():
    agent, node = Agent().deploying(), Agent().node()
    token = appliance.token()
    with open(appliance.ca(), "rb") as f:
        authority = f.read()
    before, install = everything(), agent.install()
    old_dnsmasq = dnsmasq_pid()
    appliance.kill()
    appliance.start()
    assert everything() == before
    assert agent.install() == install  # the token of its boot holds, and so does what it was told
    assert appliance.token() == token
    with open(appliance.ca(), "rb") as f:
        assert f.read() == authority
    ns.wait_until(lambda: dnsmasq_pid() not in (None, old_dnsmasq), 20, "a dnsmasq of its own")
    assert not alive(old_dnsmasq)
    assert b"vmlinuz" in boot_script(agent) and b"vmlinuz" not in boot_script(node)
    agent.enroll_token = install["host"]["token"]
    agent.report(install={"id": install["id"], "state": "written", "step": "identity", "progress": 100})
    ns.wait_until(lambda: (agent.install() or {}).get("boot") == "kexec", 20, "the deploy goes on")
    appliance.restart()
    assert agent.enroll(new_request()[1]).status == 200
    agent.wait_for("deployed")
    task = appliance.get(f"/v1/tasks/{agent.task}").json
    assert task["state"] == "succeeded" and task["error"] is None, task


def test_sigterm_ends_it_in_order():
    appliance.stop()
    assert not os.path.exists(os.path.join(appliance.state, "ingot.db-wal"))  # all is in the file itself
    appliance.start()


def run_once(config):
    """One that is expected to give up by itself."""
    return appliance.network.run(appliance.home, ns.built("ingot-provisioner"), "--config", config, check=False)


def test_a_second_provisioner_is_refused_and_disturbs_nothing():
    before, pid = everything(), dnsmasq_pid()
    began = time.monotonic()
    second = run_once(appliance.config)
    assert second.returncode == 1 and time.monotonic() - began < 10
    assert f"another provisioner is running on {appliance.state} (process {appliance.pid()})" in second.stderr, second.stderr
    assert dnsmasq_pid() == pid and alive(pid)
    assert everything() == before
    # Another state_dir, and the same address: the kernel says no, and the name of the address is told.
    other = os.path.join(appliance.folder, "other.json")
    appliance.write_config(other, state_dir=os.path.join(appliance.folder, "other"),
                           run_dir=os.path.join(appliance.folder, "other-run"))
    second = run_once(other)
    assert second.returncode == 1 and str(BOOT_PORT) in second.stderr, second.stderr
    assert everything() == before


def test_a_wrong_configuration_is_named():
    path = os.path.join(appliance.folder, "wrong.json")
    program = ns.built("ingot-provisioner")
    network = {**appliance.settings["provisioning"], "address": "10.77.0.1"}
    for changes, words in (({"colour": "red"}, "colour: "), ({"api": {"listen": ["nowhere:1"]}}, "api.listen: 'nowhere'"),
                           ({"provisioning": network}, "provisioning.address: must be IP/PREFIX"),
                           ({"images": {}}, "images.live_dir: is missing")):
        appliance.write_config(path, **changes)
        for arguments in (("--check",), ()):
            result = ns.run(program, "--config", path, *arguments, check=False)
            assert result.returncode == 1 and words in result.stderr and path in result.stderr, result.stderr
    # What only those who serve it can judge is judged by --check as well.
    for changes, words in (({"address": "10.77.0.1/8", "dhcp_first": "10.78.0.0", "dhcp_last": "10.79.0.0"},
                            "provisioning.dhcp_last: the range 10.78.0.0 to 10.79.0.0 is empty or has more than 65536 addresses"),
                           ({"dhcp_first": "10.76.0.9"}, "provisioning.dhcp_")):
        appliance.write_config(path, provisioning={**appliance.settings["provisioning"], **changes})
        result = ns.run(program, "--config", path, "--check", check=False)
        assert result.returncode == 1 and words in result.stderr and path in result.stderr, result.stderr
    assert "valid" in ns.run(program, "--config", appliance.config, "--check").stdout
    assert ns.run(program, "--config", "/none.json", check=False).returncode == 1
    assert ns.run(program, "--bogus", check=False).returncode == 2
    assert ns.run(program, "extra", check=False).returncode == 2
    assert ns.run(program, "--version").stdout.startswith("ingot-provisioner ")


def test_a_damaged_database_is_told_and_left_alone():
    appliance.stop()
    path = os.path.join(appliance.state, "ingot.db")
    shutil.copy(path, path + ".good")
    with open(path, "r+b") as f:
        f.write(b"\0" * 4096)
    with open(path, "rb") as f:
        damaged = f.read()
    result = run_once(appliance.config)
    assert result.returncode == 1 and "store: " in result.stderr and "not a database" in result.stderr, result.stderr
    with open(path, "rb") as f:
        assert f.read() == damaged
    os.replace(path + ".good", path)
    appliance.start()


def test_an_altered_bundle_deploys_nothing():
    agent = Agent().ready()
    appliance.stop()
    bundle = appliance.settings["images"]["bundle"]
    with open(bundle, "rb") as f:
        good = f.read()
    at = good.index(b'"version"')
    for bad, words in ((good[:at] + b'"Version"' + good[at + 9:], "the signature is not by this key"),
                       (good[:600], "host.bundle"), (b"", "host.bundle")):
        with open(bundle, "wb") as f:
            f.write(bad)
        appliance.start()
        disk = f"D{agent.number}a"
        answer = appliance.post(f"/v1/machines/{agent.machine}/deploy", {"disk": disk})
        expect_problem(answer, 422, "corrupt", words=words)
        result = appliance.ingot("machine", "deploy", agent.machine, "--disk", disk, check=15)
        assert words in result.stderr, result.stderr
        appliance.stop()
    with open(bundle, "wb") as f:
        f.write(good)
    appliance.start()
    assert agent.show()["state"] == "ready"


def test_its_files_are_its_own():
    for folder, _, names in os.walk(appliance.state):
        assert os.stat(folder).st_mode & 0o077 == 0, folder
        for name in names:
            mode = os.stat(os.path.join(folder, name)).st_mode
            assert name.endswith((".pem", ".db", ".db-wal")) or mode & 0o077 == 0, (name, oct(mode))
    ns.check_sanitizer(appliance.process.text)
    for secret in (appliance.token(), BMC_PASSWORD):
        assert secret not in appliance.process.text
    with open(f"/proc/{appliance.pid()}/environ", "rb") as f, open(f"/proc/{appliance.pid()}/cmdline", "rb") as g:
        shown = f.read() + g.read()
    assert BMC_PASSWORD.encode() not in shown and appliance.token().encode() not in shown


appliance.start()
ns.main([value for name, value in list(globals().items()) if name.startswith("test_")])
