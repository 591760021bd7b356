# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests per second of the API, beside libmicrohttpd giving away the same bytes over the same TLS.

The machines in the list are made by agents' own calls: a hello and an inventory each.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import subprocess
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

from lab import net
from lab.cli import Ingot
from lab.proc import Process
from lab.provisioner import AGENT_PORT, Provisioner
from lab.wait import LabError
from lab.world import Lab

from .context import Bench
from .memory import memory_mb
from .table import middle

MACHINES = 1000
CONNECTIONS = 4
SECONDS = 3
ROUNDS = 3
PROVISIONER_MB = 60


class Agents:
    """Machines that report in, one after another; a few share an address and a connection."""

    PER_ADDRESS = 50  # more hellos at once are refused

    def __init__(self, lab: Lab, cacert: Path) -> None:
        self._context = ssl.create_default_context(cafile=str(cacert))
        self._lab = lab
        lab.namespace.ip("route", "add", "local", "10.78.0.0/16", "dev", "lo")
        self._connection = self._connect(0)

    def _connect(self, number: int) -> http.client.HTTPSConnection:
        own = f"10.78.0.{1 + number // self.PER_ADDRESS}"
        connection = http.client.HTTPSConnection(str(net.PROVISIONER.ip), AGENT_PORT, context=self._context, timeout=30,
                                                 source_address=(own, 0))
        with self._lab.namespace.inside():
            connection.connect()
        return connection

    def call(self, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        self._connection.request("POST", path, json.dumps(body), headers)
        reply = self._connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise LabError(f"POST {path}: {reply.status}: {text.decode(errors='replace')[:300]}")
        found: dict[str, Any] = json.loads(text)
        return found

    def appear(self, number: int) -> None:
        if number % self.PER_ADDRESS == 0:
            self.close()
            self._connection = self._connect(number)
        mac = f"52:54:01:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        system = {"uuid": str(uuid.UUID(int=number + (1 << 96))), "serial": f"S{number:06}", "vendor": "Bench",
                  "product": "Rack server"}
        boot_id = str(uuid.UUID(int=number + (1 << 97)))
        known = self.call("/agent/v1/hello", {"uuid": system["uuid"], "serial": system["serial"], "macs": [mac],
                                              "boot_mac": mac, "boot_id": boot_id, "firmware": "uefi", "bmc": None})
        self.call("/agent/v1/report", {"boot_id": boot_id, "generations": {},
                                       "inventory": inventory(number, system, mac)}, known["token"])

    def close(self) -> None:
        self._connection.close()


def inventory(number: int, system: dict[str, str], mac: str) -> dict[str, Any]:
    """A usual server: two processors, four disks, two NICs."""
    disks = [{"path": f"/dev/sd{letter}", "wwn": f"5000c5{number:08x}{i:02x}", "serial": f"D{number:06}{i}",
              "model": "DISK 4000", "size_bytes": 4 << 40, "rotational": False, "in_use": False}
             for i, letter in enumerate("abcd")]
    other = mac[:3] + "56" + mac[5:]
    nics = [{"name": f"eth{i}", "mac": address, "link": True, "speed_mbps": 25000, "driver": "mlx5_core"}
            for i, address in enumerate((mac, other))]
    return {"system": system, "firmware": "uefi", "memory_bytes": 512 << 30, "disks": disks, "nics": nics, "bmc": None,
            "cpu": {"model": "Processor 9000", "sockets": 2, "cores": 64, "threads": 128}, "kernel": "6.1.0-amd64"}


def wrk(url: str, token: str) -> float:
    """Requests per second; anything but good answers is an error."""
    done = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "30s", "-H",
                           f"Authorization: Bearer {token}", url], capture_output=True, text=True, check=False,
                          timeout=SECONDS + 60)
    found = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    if not found or "Non-2xx" in done.stdout or "Socket errors" in done.stdout or float(found[1]) == 0:
        raise LabError(f"wrk {url}: {(done.stdout + done.stderr).strip()}")
    return float(found[1])


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Of the kind the provisioner has: ECDSA, P-256."""
    key, cert = folder / "floor.key", folder / "floor.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", "/CN=floor", "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


@contextmanager
def floor_server(bench: Bench, cert: Path, key: Path, body: Path) -> Iterator[str]:
    argv = [bench.program("bench-http"), str(cert), str(key), str(body)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin and server.stdout
        try:
            yield f"https://127.0.0.1:{int(server.stdout.readline())}/"
        finally:
            server.stdin.close()


class Measured:
    """Answers of the API and of the floor, turn about."""

    def __init__(self, bench: Bench, ingot: Ingot, folder: Path) -> None:
        self.bench, self.ingot, self.folder = bench, ingot, folder
        self.cert, self.key = make_certificate(folder)

    def fetch(self, path: str) -> bytes:
        context = ssl.create_default_context(cafile=str(self.ingot.cacert))
        host = self.ingot.url.removeprefix("https://")
        connection = http.client.HTTPSConnection(host, context=context, timeout=30)
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.ingot.token}"})
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        if reply.status != 200:
            raise LabError(f"GET {path}: {reply.status}")
        return body

    def measure(self, path: str, where: str) -> None:
        body = self.fetch(path)
        answer = self.folder / "answer.json"
        answer.write_bytes(body)
        ours, floor = [], []
        with floor_server(self.bench, self.cert, self.key, answer) as url:
            for _ in range(ROUNDS):
                ours.append(wrk(self.ingot.url + path, self.ingot.token))
                floor.append(wrk(url, self.ingot.token))
        self.bench.add(f"GET {path}", f"{where}, {len(body)} bytes" if len(body) < 1000 else
                       f"{where}, {len(body) / 1000:.0f} kB", "req/s", middle(ours), floor=middle(floor),
                       runs=ROUNDS, floor_is="libmicrohttpd on one thread gives the same bytes over TLS",
                       remark=f"{CONNECTIONS} connections kept open")


def api(bench: Bench) -> None:
    lab = bench.lab("api")
    provisioner = Provisioner(lab, bench.build, [])
    ingot = provisioner.start()
    agents = Agents(lab, ingot.cacert)
    measured = Measured(bench, ingot, lab.directory("floor"))
    measured.measure("/v1/version", "nothing to look up")
    agents.appear(0)
    measured.measure("/v1/machines", "1 machine")
    began = time.monotonic()
    for number in range(1, MACHINES):
        agents.appear(number)
    bench.add("machines appear", "hello and inventory", "machines/s", (MACHINES - 1) / (time.monotonic() - began),
              remark="one after another, each committed twice before it is answered")
    agents.close()
    measured.measure("/v1/machines", f"100 of {MACHINES} machines")
    measured.measure(f"/v1/machines?limit={MACHINES}", f"{MACHINES} machines")
    process: Process | None = provisioner.process
    assert process
    bench.add("memory of the provisioner", f"{MACHINES} machines", "MB PSS", memory_mb(process.pid, "Pss"),
              goal=PROVISIONER_MB)
    provisioner.stop()
    provisioner.close()
