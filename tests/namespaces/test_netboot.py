#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network boot with the real dnsmasq and real clients: provisioner/netboot driven by build/netboot-try."""

import hashlib
import os
import random
import re
import signal
import socket
import struct
import sys
import threading

import ns

sys.dont_write_bytecode = True
ns.need("ip", "dnsmasq", "busybox")

SERVER = "10.77.0.1"
PORT = 8080
FINGERPRINT = "0123456789abcdef" * 4
CA = "-----BEGIN CERTIFICATE-----\nnot a real one\n-----END CERTIFICATE-----\n"
LOADERS = "/usr/lib/ipxe"

network = ns.Network()
server = network.namespace("srv")
client = network.namespace("cli")
network.link(server, "port1", client, "eth0")
network.bridge(server, "prov0", f"{SERVER}/24", "port1")

live = os.path.join(network.folder, "live")
loaders = os.path.join(network.folder, "loaders")
run_dir = os.path.join(network.folder, "run")
bundle = os.path.join(network.folder, "host-1.tar")
os.mkdir(live)
os.mkdir(loaders)
for name in ("undionly.kpxe", "snponly.efi"):
    with open(os.path.join(LOADERS, name), "rb") as source, open(os.path.join(loaders, name), "wb") as copy:
        copy.write(source.read())
for path, size in ((os.path.join(live, "vmlinuz"), 300_000), (os.path.join(live, "initrd"), 5_000_001), (bundle, 20_000_003)):
    with open(path, "wb") as f:
        f.write(random.Random(size).randbytes(size))


def start(first="10.77.0.100", last="10.77.0.199", **more):
    settings = {"run_dir": run_dir, "interface": "prov0", "address": f"{SERVER}/24", "dhcp_first": first, "dhcp_last": last,
                "boot_port": PORT, "agent_port": 8444, "live_dir": live, "loader_dir": loaders, "bundle_path": bundle,
                "ca_pem": CA, "ca_fingerprint": FINGERPRINT, **more}
    process = network.start(server, ns.built("netboot-try"), *(f"{k}={v}" for k, v in settings.items()))
    process.expect("started")
    process.expect("DHCP, proxy on subnet" if "proxy" in more else "DHCP, sockets bound exclusively")
    return process


def dnsmasq_pid():
    with open(os.path.join(run_dir, "dnsmasq.pid"), encoding="ascii") as f:
        return int(f.read())


# ---- DHCP by hand (RFC 2131, RFC 2132, RFC 4578) ----

def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def dhcp_packet(kind, mac, options=b"", xid=None, own="0.0.0.0"):
    xid = xid or random.getrandbits(32)
    head = struct.pack("!BBBBIHH", 1, 1, 6, 0, xid, 0, 0x8000) + socket.inet_aton(own) + bytes(12) + mac_bytes(mac) + bytes(10) + bytes(192)
    return xid, head + b"\x63\x82\x53\x63" + bytes([53, 1, kind]) + options + bytes([255])


def parse_answer(data):
    found, at = {}, 240
    while data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        found[data[at]] = data[at + 2:at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return {"address": socket.inet_ntoa(data[16:20]), "next": socket.inet_ntoa(data[20:24]),
            "file": data[108:236].rstrip(b"\0").decode(), "options": found}


def dhcp_answers(kind, mac, options, count, to=("255.255.255.255", 67), own="0.0.0.0", seconds=8):
    """Sends one message and returns the answers, by the server's address: header fields and a dictionary of options."""
    with network.inside(client):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answers = {}
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")
        sock.bind((own, 68))
        sock.settimeout(seconds)
        xid, packet = dhcp_packet(kind, mac, options, own=own)
        sock.sendto(packet, to)
        while len(answers) < count:
            data, peer = sock.recvfrom(2048)
            if struct.unpack("!I", data[4:8])[0] == xid:
                answers[peer[0]] = parse_answer(data)
    return answers


def dhcp_exchange(kind, mac, options=b"", seconds=8):
    """The same where there is one server."""
    return next(iter(dhcp_answers(kind, mac, options, 1, seconds=seconds).values()))


def option(code, value):
    return bytes([code, len(value)]) + value


PXE_REQUEST = option(55, bytes([1, 3, 6, 66, 67]))


def arch(code):
    return option(93, struct.pack("!H", code)) + option(60, b"PXEClient:Arch:%05d" % code) + PXE_REQUEST


def request(mac, address, options=b""):
    """Asks for one address as a client does that starts again (INIT-REBOOT): no wait for dnsmasq's ping check."""
    ack = dhcp_exchange(3, mac, option(50, socket.inet_aton(address)) + options)
    assert (ack["options"][53], ack["address"]) == (b"\x05", address), ack
    return ack


def lease(mac, options=b""):
    """Asks for an address as a new client does, and returns it."""
    offer = dhcp_exchange(1, mac, options)
    wanted = option(50, socket.inet_aton(offer["address"])) + option(54, offer["options"][54]) + options
    ack = dhcp_exchange(3, mac, wanted)
    assert ack["options"][53] == b"\x05", ack
    return ack["address"]


# ---- HTTP and TFTP by hand ----

def with_address(address):
    ns.run("ip", "-n", client, "address", "replace", f"{address}/24", "dev", "eth0")


def http(request, seconds=20):
    """Sends the bytes and reads to the end. Status, headers, body."""
    with network.inside(client):
        sock = socket.create_connection((SERVER, PORT), seconds)
    with sock:
        sock.sendall(request)
        data = b""
        while chunk := sock.recv(1 << 20):
            data += chunk
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        raise ConnectionError("the connection was cut off")
    lines = head.decode("latin1").split("\r\n")
    headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body


def get(path, method="GET", extra=""):
    return http(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{extra}\r\n".encode())


def tftp(name):
    """RFC 1350: what is not answered is said again, a block that comes again is acknowledged and not taken again."""
    with network.inside(client):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.settimeout(3)
        said, peer = b"\0\1" + name.encode() + b"\0octet\0", (SERVER, 69)
        blocks, silent, content = 0, 0, b""
        sock.sendto(said, peer)
        while silent < 10:
            try:
                data, peer = sock.recvfrom(2048)
            except TimeoutError:
                silent += 1
                sock.sendto(said, peer)
                continue
            if data[:2] == b"\0\5":
                raise FileNotFoundError(data[4:-1].decode())
            said = b"\0\4" + data[2:4]
            sock.sendto(said, peer)
            if int.from_bytes(data[2:4], "big") != (blocks + 1) & 0xffff:
                continue
            blocks += 1
            content += data[4:]
            if len(data) < 516:
                return content
        raise TimeoutError(f"{name} stopped after {blocks} blocks")


# ---- tests ----

def test_answers_name_the_boot_loader():
    start()
    offer = dhcp_exchange(1, "52:54:00:00:00:00", arch(0))
    assert (offer["file"], offer["next"]) == ("undionly.kpxe", SERVER), offer
    for code, loader in ((0, "undionly.kpxe"), (7, "snponly.efi"), (9, "snponly.efi"), (11, "")):
        ack = request(f"52:54:00:00:00:{code:02x}", f"10.77.0.{110 + code}", arch(code))
        assert (ack["file"], ack["next"] if loader else SERVER) == (loader, SERVER), (code, ack)
    ipxe = option(77, b"iPXE") + option(175, bytes([19, 1, 1]))
    for code in (0, 7):
        ack = request(f"52:54:00:00:01:{code:02x}", f"10.77.0.{130 + code}", arch(code) + ipxe)
        assert ack["file"] == f"http://{SERVER}:{PORT}/boot.ipxe", ack
    plain = request("52:54:00:00:02:00", "10.77.0.140")
    assert plain["file"] == "", plain
    assert 3 not in plain["options"] and 6 not in plain["options"], "no router and no name server were given"


OTHER = "10.77.0.2"


def test_beside_another_server():
    """It gives the addresses, ours only say where to boot from (proxyDHCP): a client gets both."""
    other = network.namespace("other")
    network.link(server, "port2", other, "eth0")
    ns.run("ip", "-n", server, "link", "set", "port2", "master", "prov0")
    ns.run("ip", "-n", other, "address", "add", f"{OTHER}/24", "dev", "eth0")
    start(proxy="yes")
    theirs = network.start(other, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--log-facility=-",
                           "--interface=eth0", "--bind-interfaces", "--dhcp-range=10.77.0.50,10.77.0.60,1h", "--leasefile-ro",
                           "--pid-file=", "--user=root", "--no-ping")
    theirs.expect("DHCP, IP range")
    script = f"http://{SERVER}:{PORT}/boot.ipxe"
    ipxe = option(77, b"iPXE") + option(175, bytes([19, 1, 1]))
    for code, loader in ((0, "undionly.kpxe"), (7, "snponly.efi"), (9, "snponly.efi")):
        for number, (more, file) in enumerate(((b"", loader), (ipxe, script))):
            mac = f"52:54:00:00:{number:02x}:{code:02x}"
            offers = dhcp_answers(1, mac, arch(code) + more, 2)
            assert set(offers) == {SERVER, OTHER}, offers
            assert offers[OTHER]["address"].startswith("10.77.0.5") and offers[OTHER]["file"] == "", offers
            ours = offers[SERVER]
            assert ours["address"] == "0.0.0.0" and ours["options"][60] == b"PXEClient" and 51 not in ours["options"], ours
            # UEFI asks the proxy itself once more, at its own port (PXE specification 2.1, section 2.2.3).
            if not ours["file"]:
                with_address(offers[OTHER]["address"])
                ours = dhcp_answers(3, mac, arch(code) + more, 1, (SERVER, 4011), offers[OTHER]["address"])[SERVER]
                ns.run("ip", "-n", client, "address", "flush", "dev", "eth0")
            assert ours["file"] == file, (code, number, ours)
    # Whoever does not boot from the network is none of our business.
    assert set(dhcp_answers(1, "52:54:00:00:02:00", b"", 1)) == {OTHER}
    out = network.run(client, "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-s", "/bin/true")
    assert re.search(r"lease of 10\.77\.0\.(5\d|60) obtained", out.stdout + out.stderr), out.stdout + out.stderr
    with_address("10.77.0.9")
    with open(os.path.join(loaders, "snponly.efi"), "rb") as f:
        assert tftp("snponly.efi") == f.read()
    ns.run("ip", "-n", server, "link", "del", "port2")


def test_gateway_is_handed_out():
    start(gateway="10.77.0.254")
    ack = request("52:54:00:00:03:00", "10.77.0.141", PXE_REQUEST)
    assert ack["options"][3] == socket.inet_aton("10.77.0.254"), ack


def test_a_real_client_gets_an_address_and_the_lease_is_told():
    process = start()
    mac = network.run(client, "cat", "/sys/class/net/eth0/address").stdout.strip()
    out = network.run(client, "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-s", "/bin/true")
    address = re.search(r"lease of (\S+) obtained", out.stdout + out.stderr).group(1)
    assert process.expect("lease " + mac) == f"lease {mac} {address}"
    assert address.startswith("10.77.0.1"), address


def test_same_address_for_every_client_identifier():
    start()
    mac = "52:54:00:00:04:01"
    request(mac, "10.77.0.142", arch(0))
    assert lease(mac, option(61, b"\xff\0\0\0\1something else")) == "10.77.0.142"


def test_tftp_gives_the_loader_and_nothing_else():
    start()
    with_address("10.77.0.9")
    for name in ("undionly.kpxe", "snponly.efi"):
        with open(os.path.join(loaders, name), "rb") as f:
            assert tftp(name) == f.read(), name
    for name in ("../run/dnsmasq.conf", "/etc/passwd", "missing"):
        try:
            tftp(name)
        except FileNotFoundError:
            continue
        raise AssertionError(f"{name} was given out")


def test_boot_scripts_follow_the_intent():
    process = start()
    with_address("10.77.0.9")
    status, _, first = get("/boot.ipxe")
    assert status == 200 and first.startswith(b"#!ipxe\n") and b"/boot/${netX/mac:hexhyp}" in first, first
    mac = "52:54:00:aa:bb:cc"
    path = "/boot/52-54-00-aa-bb-cc"
    _, _, script = get(path)
    assert b"/live/vmlinuz" in script and b"BOOTIF=01-52-54-00-aa-bb-cc" in script, "an unknown MAC gets the live image"
    assert f"ingot.server={SERVER}:8444 ingot.boot=http://{SERVER}:{PORT} ingot.ca={FINGERPRINT}".encode() in script
    process.send(f"disk {mac}")
    process.expect(f"set {mac}")
    assert b"sanboot" in get(path)[2]
    assert b"/live/vmlinuz" in get("/boot/52-54-00-aa-bb-cd")[2], "another machine is not concerned"
    process.send(f"live {mac} ttyS1,57600")
    process.expect(f"set {mac}")
    assert b" console=ttyS1,57600 ||" in get(path.upper().replace("BOOT", "boot"))[2]


def test_files_over_http():
    start()
    with_address("10.77.0.9")
    for path, file in (("/live/vmlinuz", os.path.join(live, "vmlinuz")), ("/live/initrd", os.path.join(live, "initrd")),
                       ("/bundle/host-1.tar", bundle)):
        with open(file, "rb") as f:
            expected = f.read()
        status, headers, body = get(path)
        assert status == 200 and hashlib.sha256(body).digest() == hashlib.sha256(expected).digest(), path
        assert int(headers["content-length"]) == len(expected)
        status, headers, body = get(path, "HEAD")
        assert (status, body, int(headers["content-length"])) == (200, b"", len(expected)), path
    assert get("/ca.pem")[2].decode() == CA


def test_only_get_and_head():
    start()
    with_address("10.77.0.9")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"):
        for path in ("/boot.ipxe", "/live/initrd", "/boot/52-54-00-aa-bb-cc", "/nothing"):
            body = "Content-Length: 5\r\n\r\nhello" if method in ("POST", "PUT") else ""
            status, headers, _ = get(path, method, body)
            assert (status, headers.get("allow")) == (405, "GET, HEAD"), (method, path, status)


def test_only_exact_names():
    start()
    with_address("10.77.0.9")
    for path in ("/", "/live", "/live/", "/live/../ca.pem", "/live/..%2fca.pem", "/live/%2e%2e/%2e%2e/etc/passwd",
                 "//etc/passwd", "/bundle/", "/bundle/other.tar", "/bundle/..", "/boot/", "/boot/zz-54-00-aa-bb-cc",
                 "/boot/52-54-00-aa-bb-cc-dd", "/boot/52-54-00-aa-bb-cc/", "/boot/01-00-5e-00-00-01", "/run/leases"):
        status, _, body = get(path)
        assert status == 404 and len(body) < 100, (path, status, body)
    status, _, _ = http(b"GET /boot.ipxe\r\n\r\n")
    assert status >= 400


def test_no_older_answer_after_the_intent_was_set():
    """Requests that begin after set_intent returned get the new script, however many are under way."""
    process = start()
    with_address("10.77.0.9")
    mac, path = "52:54:00:00:05:01", "/boot/52-54-00-00-05-01"
    generation, stop, wrong, right = [0], threading.Event(), [], [0]

    def ask():
        while not stop.is_set():
            before = generation[0]
            try:
                status, headers, body = get(path)
            except OSError:
                continue  # cut off: a machine would ask again
            if len(body) != int(headers["content-length"]):
                continue
            found = int(re.search(rb"console=ttyS(\d+)", body).group(1)) if b"console=ttyS" in body else 0
            right[0] += 1
            if found < before:
                wrong.append((before, found))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(1, 201):
        process.send(f"live {mac} ttyS{n}")
        process.expect(f"set {mac}")
        generation[0] = n
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    assert right[0] >= 20, right


def test_dnsmasq_comes_back_and_knows_its_leases():
    process = start()
    address = "10.77.0.143"
    request("52:54:00:00:06:01", address)
    process.expect("lease 52:54:00:00:06:01")
    old = dnsmasq_pid()
    os.kill(old, signal.SIGKILL)
    process.expect("dnsmasq ended")
    process.expect("DHCP, sockets bound exclusively")
    assert dnsmasq_pid() != old
    assert process.expect("lease 52:54:00:00:06:01").endswith(address)
    assert lease("52:54:00:00:06:01") == address
    process.send("health")
    assert process.expect("health") == "health running"


def test_a_killed_provisioner_leaves_nothing_in_the_way():
    process = start()
    address = "10.77.0.144"
    request("52:54:00:00:07:01", address)
    old = dnsmasq_pid()
    process.process.send_signal(signal.SIGKILL)
    process.process.wait()
    process = start()
    assert dnsmasq_pid() != old
    assert old not in network.pids(server)
    assert lease("52:54:00:00:07:01") == address
    process.send("reserve 52:54:00:00:07:01")
    assert process.expect("reserved") == f"reserved 52:54:00:00:07:01 {address}", "the former lease is remembered"


def test_dnsmasq_drops_its_privileges():
    start()
    with open(f"/proc/{dnsmasq_pid()}/status", encoding="ascii") as f:
        uid = re.search(r"^Uid:\s+(\d+)", f.read(), re.M).group(1)
    assert uid != "0"


def test_in_a_home_that_others_cannot_enter_it_runs_as_root():
    os.chmod(network.folder, 0o700)
    try:
        process = start()
        assert "dnsmasq runs as root" in process.text
        with open(f"/proc/{dnsmasq_pid()}/status", encoding="ascii") as f:
            assert re.search(r"^Uid:\s+(\d+)", f.read(), re.M).group(1) == "0"
        with_address("10.77.0.9")
        with open(os.path.join(loaders, "undionly.kpxe"), "rb") as f:
            assert tftp("undionly.kpxe") == f.read()
        process.send("reservation 52:54:00:00:0b:01 10.77.0.152")
        process.expect("set 52:54:00:00:0b:01")
        assert dhcp_exchange(1, "52:54:00:00:0b:01")["address"] == "10.77.0.152"
    finally:
        os.chmod(network.folder, 0o755)


def test_reservations_keep_the_address():
    process = start()
    process.send("reservation 52:54:00:00:08:01 10.77.0.150 node-1")
    process.expect("set 52:54:00:00:08:01")
    offer = ns.wait_until(lambda: (o := dhcp_exchange(1, "52:54:00:00:08:01"))["address"] == "10.77.0.150" and o, 5,
                          "the reservation is used")
    assert dhcp_exchange(3, "52:54:00:00:08:01", option(50, socket.inet_aton("10.77.0.150")) +
                         option(54, offer["options"][54]) + option(55, bytes([12])))["options"][12] == b"node-1"
    process.send("reservation 52:54:00:00:08:02 10.77.0.150")
    process.expect("no reservation for 52:54:00:00:08:02: the address is reserved for another machine")
    # Another address for the same machine replaces the first.
    process.send("reservation 52:54:00:00:08:01 10.77.0.151")
    process.expect("set 52:54:00:00:08:01")
    ns.wait_until(lambda: dhcp_exchange(1, "52:54:00:00:08:01")["address"] == "10.77.0.151", 5, "the new one is used")
    process.end()
    start()
    assert os.listdir(os.path.join(run_dir, "reservations")) == [], "they come anew at each start"


def test_reserve_finds_the_lease_or_a_free_address():
    process = start(first="10.77.0.100", last="10.77.0.103", run_dir=os.path.join(network.folder, "run-small"))
    have = "10.77.0.102"
    request("52:54:00:00:09:01", have)
    process.expect("lease 52:54:00:00:09:01")
    process.send("reserve 52:54:00:00:09:01")
    assert process.expect("reserved") == f"reserved 52:54:00:00:09:01 {have}"
    given = {have}
    for n in range(2, 5):
        process.send(f"reserve 52:54:00:00:09:{n:02x}")
        given.add(process.expect("reserved").split()[2])
    assert given == {f"10.77.0.{n}" for n in range(100, 104)}, given
    process.send("reserve 52:54:00:00:09:05")
    assert process.expect("error capacity")
    process.send("reserve 52:54:00:00:09:02")
    assert process.expect("reserved").split()[2] in given, "the same again"
    # A machine without a reservation gets none of them.
    nak = dhcp_exchange(3, "52:54:00:00:09:99", option(50, socket.inet_aton("10.77.0.101")))
    assert nak["options"][53] == b"\x06", nak


def test_hostile_reservations_are_refused():
    process = start()
    before = set(os.listdir(os.path.join(run_dir, "reservations")))
    for words in ("52:54:00:00:0a:01,set:x 10.77.0.160", "../../etc/passwd 10.77.0.160", "52:54:00:00:0a:01 10.77.0.160,x",
                  "ff:ff:ff:ff:ff:ff 10.77.0.160"):
        process.send(f"reservation {words}")
        process.expect("no reservation for")
    assert set(os.listdir(os.path.join(run_dir, "reservations"))) == before
    process.send("reservation 52:54:00:00:0a:02 10.77.0.161 evil,ignore")
    process.expect("no host name")
    process.expect("set 52:54:00:00:0a:02")
    with open(os.path.join(run_dir, "reservations", "52-54-00-00-0a-02"), encoding="ascii") as f:
        assert f.read() == "52:54:00:00:0a:02,10.77.0.161\n"
    process.send("reserve nonsense")
    process.expect("error invalid")


def test_a_port_in_use_is_told():
    with network.inside(server):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((SERVER, PORT))
        sock.listen()
        try:
            start()
        except AssertionError as e:
            assert "cannot listen on 10.77.0.1/24, port 8080: Address already in use" in str(e), e
        else:
            raise AssertionError("it started")


ns.main([value for name, value in list(globals().items()) if name.startswith("test_")], network)
