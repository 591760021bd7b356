#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody on the provisioning network who means harm: thousands of connections, heads and bodies that never end, a body of a
gigabyte, machines that do not exist. People go on using the API, a machine that was accepted goes on talking, a machine that
boots gets its script, and nothing grows."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import socket
import ssl
import sys
import time
import uuid

import ns
from appliance import ADDRESS, AGENT_PORT, BOOT_PORT, Appliance, Answer, expect_problem

sys.dont_write_bytecode = True
ns.need("ip", "dnsmasq")

GIB = 1 << 30
WAITING_MAX = 40
CONNECTIONS = 2000
AGENTS_PER_ADDRESS = 128
BOOT_PER_ADDRESS = 32
ATTACKERS = [f"10.77.0.{n}" for n in range(60, 90)]
HEAD_S = 10  # how long a first head may take; it is looked every two seconds
BODY_S = 30  # and a body that comes too slowly
PATIENCE_S = 40
GROWTH_KIB = 40 << 10
appliance = Appliance()
appliance.settings["provisioning"] |= {"new_machines_max": WAITING_MAX}
appliance.write_config(appliance.config)
for attacker in ATTACKERS:
    ns.run("ip", "-n", appliance.machines, "address", "add", f"{attacker}/24", "dev", "eth0")


def connect(port, source, seconds=PATIENCE_S):
    with appliance.network.inside(appliance.machines):
        return socket.create_connection((ADDRESS, port), seconds, source_address=(source, 0))


def agent_connection(source, seconds=PATIENCE_S):
    connection = http.client.HTTPConnection(ADDRESS, AGENT_PORT, timeout=seconds)
    context = ssl.create_default_context(cafile=appliance.ca())
    connection.sock = context.wrap_socket(connect(AGENT_PORT, source, seconds), server_hostname=ADDRESS)
    return connection


def say(source, path, body, token=None):
    connection = agent_connection(source)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("POST", f"/agent/v1/{path}", json.dumps(body), headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def hello_of(number, boot="first-boot"):
    mac = f"52:54:66:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    return {"macs": [mac], "boot_mac": mac, "boot_id": boot, "firmware": "bios"}


class Machine:
    """One that is ours: it was accepted, and reports now and then."""

    def __init__(self):
        self.hello = hello_of(0xffffff)
        self.speak("hello", self.hello)
        answer = appliance.post(f"/v1/machines/{self.id}/accept", {})
        assert answer.status in (200, 202), answer

    def speak(self, path, body):
        answer = say("10.77.0.50", path, body, getattr(self, "token", None))
        assert answer.status == 200, answer
        if path == "hello":
            self.id, self.token = answer.json["machine"], answer.json["token"]

    def report(self):
        self.speak("report", {"inventory": {"memory_bytes": 8 * GIB, "kernel": str(uuid.uuid4())}})


def rss_kib():
    with open(f"/proc/{appliance.pid()}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def machine_count():
    return appliance.get("/v1/machines?limit=1").json["total"]


def boots(source="10.77.0.50"):
    """A machine that boots is answered."""
    connection = http.client.HTTPConnection(ADDRESS, BOOT_PORT, timeout=PATIENCE_S)
    connection.sock = connect(BOOT_PORT, source)
    try:
        connection.request("GET", "/boot/52-54-00-00-00-01")
        answer = connection.getresponse()
        return answer.status == 200 and b"vmlinuz" in answer.read()
    finally:
        connection.close()


def all_is_well():
    ours.report()
    ours.speak("hello", ours.hello)
    assert boots()
    began = time.monotonic()
    assert appliance.get("/v1/machines?limit=10").status == 200
    return time.monotonic() - began




def open_many(port, source, count):
    """Those that were not closed at once."""
    sockets = []
    for _ in range(count):
        with contextlib.suppress(ConnectionResetError, TimeoutError):
            sockets.append(connect(port, source, 5))
    return sockets


def closed_by_now(sockets):
    count = 0
    for sock in sockets:
        sock.setblocking(False)
        try:
            count += sock.recv(1) == b""
        except BlockingIOError:
            pass
        except OSError:
            count += 1
    return count


def test_thousands_of_connections_from_one_address():
    for port, allowed in ((AGENT_PORT, AGENTS_PER_ADDRESS), (BOOT_PORT, BOOT_PER_ADDRESS)):
        sockets = open_many(port, ATTACKERS[0], CONNECTIONS)
        try:
            ns.wait_until(lambda: closed_by_now(sockets) >= len(sockets) - allowed, PATIENCE_S,
                          f"no more than {allowed} connections of one address at port {port}")
            all_is_well()
        finally:
            for sock in sockets:
                sock.close()


def test_silence_ends_and_makes_room():
    """More addresses than one: still nobody holds a place by saying nothing."""
    for port in (AGENT_PORT, BOOT_PORT):
        sockets = [sock for source in ATTACKERS for sock in open_many(port, source, 30)]
        try:
            all_is_well()
            ns.wait_until(lambda: closed_by_now(sockets) == len(sockets), PATIENCE_S, f"silence ends at port {port}")
        finally:
            for sock in sockets:
                sock.close()


def drip(port, source, beginning, seconds):
    """Sends a byte a second until the other side has had enough; how long that took."""
    sock = connect(port, source, 1)
    if port == AGENT_PORT:
        sock = ssl.create_default_context(cafile=appliance.ca()).wrap_socket(sock, server_hostname=ADDRESS)
    began = time.monotonic()
    with sock, contextlib.suppress(ConnectionError, ssl.SSLError):
        sock.sendall(beginning)
        while time.monotonic() - began < seconds:
            with contextlib.suppress(TimeoutError):
                sock.sendall(b" ")
                if sock.recv(1) == b"":
                    break
    return time.monotonic() - began


def test_what_comes_in_drops():
    """Heads and a body that never end, beside each other."""
    head = b"GET /boot.ipxe HTTP/1.1\r\nHost: x\r\nX-Slow: a"
    body = b"POST /agent/v1/hello HTTP/1.1\r\nHost: x\r\nContent-Length: 8000\r\n\r\n{"
    with concurrent.futures.ThreadPoolExecutor() as threads:
        slow = [threads.submit(drip, AGENT_PORT, ATTACKERS[1], head, HEAD_S + 20),
                threads.submit(drip, BOOT_PORT, ATTACKERS[1], head, HEAD_S + 20),
                threads.submit(drip, AGENT_PORT, ATTACKERS[2], body, BODY_S + 40)]
        all_is_well()
        took = [each.result() for each in slow]
    assert took[0] < HEAD_S + 10 and took[1] < HEAD_S + 10 and took[2] < BODY_S + 20, took
    all_is_well()


def test_a_gigabyte():
    before = rss_kib()
    # Its length is told: refused before anything is read.
    connection = agent_connection(ATTACKERS[3])
    connection.putrequest("POST", "/agent/v1/hello")
    connection.putheader("Content-Length", str(GIB))
    connection.endheaders()
    expect_problem(Answer(connection.getresponse()), 413, "too-large")
    connection.close()
    # It is not: cut off where the limit is.
    for path in ("hello", "enroll", "report"):
        connection = agent_connection(ATTACKERS[3])
        sock, sent = connection.sock, 0
        sock.sendall(f"POST /agent/v1/{path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            while sent < GIB:
                sock.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
                sent += 65536
        sock.close()
        assert sent < 32 << 20, f"{path}: {sent} bytes were taken"
    # Nor does anybody get in by depth.
    deep = b'{"x":' * 5000 + b"1" + b"}" * 5000
    connection = agent_connection(ATTACKERS[3])
    connection.request("POST", "/agent/v1/hello", deep[:7000])
    assert Answer(connection.getresponse()).status == 400
    connection.close()
    all_is_well()
    assert rss_kib() - before < GROWTH_KIB, f"{before} KiB before, {rss_kib()} KiB after"


def test_machines_that_do_not_exist():
    """Every hello another machine, from many addresses."""
    last = appliance.events_after(0)[-1]["id"]
    statuses, slowest = {}, 0.0
    for number in range(300):
        answer = say(ATTACKERS[number % len(ATTACKERS)], "hello", hello_of(number))
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        if number % 100 == 99:
            slowest = max(slowest, all_is_well())
    assert machine_count() <= WAITING_MAX + 1, machine_count()
    assert statuses[200] <= WAITING_MAX and statuses[507] >= 200, statuses
    refused = [event for event in appliance.events_after(last) if event["kind"] == "machine.refused"]
    assert 1 <= len(refused) <= 3, refused  # one at once, then one a minute
    assert "1 machine refused: " in refused[0]["text"] and "new_machines_max" in refused[0]["text"], refused
    assert slowest < 5, f"an answer of the API took {slowest:.1f} s"


def test_the_same_again_and_again():
    """Repeats store nothing more, and one address is slowed down."""
    say(ATTACKERS[4], "hello", hello_of(0))
    before, count = rss_kib(), machine_count()
    statuses = {}
    connection = agent_connection(ATTACKERS[5])
    for n in range(5000):
        connection.request("POST", "/agent/v1/hello", json.dumps(hello_of(0, f"boot-{n:06}")))
        status = Answer(connection.getresponse()).status
        statuses[status] = statuses.get(status, 0) + 1
        if statuses.get(429, 0) == 100:
            break
    connection.close()
    assert set(statuses) == {200, 429} and statuses[200] >= 100, statuses
    assert machine_count() == count
    assert rss_kib() - before < GROWTH_KIB, f"{before} KiB before, {rss_kib()} KiB after"
    size = sum(os.path.getsize(os.path.join(appliance.state, name)) for name in os.listdir(appliance.state)
               if name.startswith("ingot.db"))
    assert size < 32 << 20, size
    all_is_well()


def test_people_clear_up_after_it():
    """What never was is deleted with one command; then machines that do exist are taken up again."""
    refused = say(ATTACKERS[6], "hello", hello_of(0xfffffe))
    expect_problem(refused, 507, "capacity")
    assert "ingot machine delete" in refused.json["detail"], refused.json
    appliance.ingot("machine", "delete", "--all", check=0)
    assert machine_count() == 1
    answer = say(ATTACKERS[6], "hello", hello_of(0xfffffe))
    assert answer.status == 200, answer
    expect_problem(appliance.call("DELETE", f"/v1/machines/{ours.id}"), 409, "state")
    all_is_well()


def test_it_ends_at_once_with_all_of_them_there():
    sockets = [sock for source in ATTACKERS for sock in open_many(AGENT_PORT, source, 100)]
    began = time.monotonic()
    appliance.stop()
    took = time.monotonic() - began
    for sock in sockets:
        sock.close()
    assert took < 5, f"{took:.1f} s"


appliance.start()
ours = Machine()
ns.main([value for name, value in list(globals().items()) if name.startswith("test_")])
