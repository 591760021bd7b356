# SPDX-License-Identifier: GPL-3.0-or-later
"""A rack that is switched on: 10,000 machines say hello at once, while a person uses the API."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import threading
import time
from pathlib import Path

from lab.cli import Ingot
from lab.provisioner import AGENT_PORT, Provisioner
from lab.wait import LabError
from lab import net

from .context import Bench
from .memory import memory_mb

MACHINES = 10000
AT_ONCE = 1000  # connections under way
ANSWER_MS = 100
EVERY_S = 0.02
SECONDS = 600


class Person:
    """Asks for a page of machines again and again over one connection, and notes how long each answer took."""

    def __init__(self, ingot: Ingot) -> None:
        self.took_ms: list[float] = []
        self._over = threading.Event()
        self._ingot = ingot
        self._why: Exception | None = None
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        context = ssl.create_default_context(cafile=str(self._ingot.cacert))
        connection = http.client.HTTPSConnection(self._ingot.url.removeprefix("https://"), context=context, timeout=60)
        try:
            while not self._over.wait(EVERY_S):
                began = time.monotonic()
                connection.request("GET", "/v1/machines?limit=10",
                                   headers={"Authorization": f"Bearer {self._ingot.token}"})
                reply = connection.getresponse()
                reply.read()
                if reply.status != 200:
                    raise LabError(f"GET /v1/machines: {reply.status}")
                self.took_ms.append((time.monotonic() - began) * 1e3)
        except (OSError, LabError, http.client.HTTPException) as problem:
            self._why = problem
        finally:
            connection.close()

    def end(self) -> list[float]:
        self._over.set()
        self._thread.join(60)
        if self._why or not self.took_ms:
            raise LabError(f"the API did not answer: {self._why}")
        return sorted(self.took_ms)


def floor_rate(bench: Bench, folder: Path) -> float:
    done = subprocess.run([bench.program("bench-store"), str(folder), str(MACHINES)], capture_output=True, text=True,
                          check=True, timeout=SECONDS)
    found = json.loads(done.stdout)
    return float(found["count"] / found["seconds"])


def hellos(bench: Bench) -> None:
    lab = bench.lab("hellos")
    provisioner = Provisioner(lab, bench.build, [])
    ingot = provisioner.start()
    lab.namespace.ip("route", "add", "local", "10.78.0.0/16", "dev", "lo")
    person = Person(ingot)
    script = Path(__file__).with_name("hello_load.py")
    text = lab.namespace.run("python3", str(script), f"{net.PROVISIONER.ip}:{AGENT_PORT}", str(ingot.cacert),
                             str(MACHINES), str(AT_ONCE), timeout=SECONDS).stdout
    took_ms = person.end()
    load = json.loads(text)
    where = f"{MACHINES} machines, {AT_ONCE} connections under way"
    bench.add("hello of machines that are not known", where, "machines/s", load["count"] / load["seconds"],
              floor=floor_rate(bench, lab.directory("floor")),
              floor_is="the same documents and events straight into the store, a commit each",
              remark=f"each with TLS and an address of its own; the generator is one process on the same host; "
                     f"{load['later']} were told to come again; an answer took {load['p50_ms']:.0f} ms in the middle, "
                     f"{load['p99_ms']:.0f} ms at the 99th percentile")
    for name, share in (("middle", 0.5), ("99th percentile", 0.99)):
        bench.add(f"API meanwhile, {name}", "GET /v1/machines?limit=10", "ms", took_ms[int(len(took_ms) * share)],
                  goal=ANSWER_MS if share == 0.99 else None, remark=f"{len(took_ms)} answers, slowest {took_ms[-1]:.0f} ms")
    process = provisioner.process
    assert process
    bench.add("memory of the provisioner", f"{MACHINES} machines without inventory", "MB PSS",
              memory_mb(process.pid, "Pss"))
    began = time.monotonic()
    provisioner.stop()
    bench.add("end of the provisioner", f"{MACHINES} machines", "s", time.monotonic() - began, goal=1)
    provisioner.close()
