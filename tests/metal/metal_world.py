# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of the metal tests: three machines to become nodes, and two that show faults."""

from __future__ import annotations

import json
import os
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from lab import faults
from lab import machine as machines
from lab.checks import Checks, Skipped
from lab.cli import Events, Ingot, Json
from lab.machine import GIB, Machine
from lab.path import WholePath
from lab.provisioner import Provisioner
from lab.steps import Steps
from lab.wait import Deadline
from lab.world import Lab

BUILD = Path(os.environ.get("INGOT_BUILD", "build")).resolve()
ROOT = BUILD / "lab-metal"
NODES = ("m1", "m2", "m3")
FIRMWARE = {"m1": "bios", "m2": "bios", "m3": "uefi"}
NO_BMC, WRONG_PASSWORD = "m4", "m5"
NO_KEXEC = "m1"  # its live kernel refuses kexec, and its firmware tries the network first when it reboots


@dataclass
class MetalWorld:
    lab: Lab
    path: WholePath
    provisioner: Provisioner
    found: dict[str, Json] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)  # what checks have established

    @staticmethod
    def build(lab: Lab) -> "MetalWorld":
        for name in NODES:
            lab.add_machine(name, int(name[1:]), FIRMWARE[name], network_first=name == NO_KEXEC)
        lab.add_machine(NO_BMC, 4, "bios", bmc=False, memory_mib=1024, disk_sizes=(2 * GIB, 10 * GIB))
        lab.add_machine(WRONG_PASSWORD, 5, "bios", memory_mib=512)
        lab.bmcs[WRONG_PASSWORD].restart(password="another-password")
        provisioner = Provisioner(lab, BUILD, ["10.77.0.101-10.77.0.103", "10.77.0.105"])
        provisioner.configure(live=faults.live_without_kexec(BUILD / "images/live", lab.directory("live"),
                                                             lab.machines[NO_KEXEC].serial))
        ingot = provisioner.start()
        provisioner.write_env(ingot)
        machines.power_on(lab.machines[NO_BMC])
        events = Events(ingot, lab.logs / "events.jsonl", provisioner.guard)
        steps = Steps(lab.file("timings.json"))
        path = WholePath(lab, steps, provisioner, ingot, BUILD / "images/guest/counter.img", events)
        return MetalWorld(lab, path, provisioner)

    @property
    def ingot(self) -> Ingot:
        return self.path.ingot

    def machine(self, name: str) -> Machine:
        return self.lab.machines[name]

    def check(self, checks: Checks, name: str, test: Callable[[], object], *, needs: str = "",
              gives: str = "") -> None:
        """Runs a check. One whose ground (needs) was not established fails at once."""

        def grounded() -> object:
            if needs and needs not in self.held:
                raise Skipped(f"not tried: there is no {needs}")
            return test()

        if checks.run(name, grounded) and gives:
            self.held.add(gives)

    def wait(self, ask: Callable[[], object], seconds: float, what: str) -> object:
        return self.path.events.wait(ask, Deadline(seconds), what)

    def restart_provisioner(self, *, bundle: Path | None = None) -> None:
        self.provisioner.stop()
        self.provisioner.configure(bundle=bundle)
        self.path.ingot = self.provisioner.start()

    def call(self, method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, Json]:
        """One raw call of the API, for what the command line would not send."""
        context = ssl.create_default_context(cafile=str(self.ingot.cacert))
        request = urllib.request.Request(self.ingot.url + path, data=body, method=method, headers={
            "Authorization": f"Bearer {self.ingot.token}", "Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, context=context, timeout=30) as reply:
                return reply.status, json.loads(reply.read() or b"{}")
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read() or b"{}")

    def quick(self, seconds: float = 2.0) -> float:
        """How long the API takes to list machines; raises if it is slow."""
        began = time.monotonic()
        self.ingot.items("machine")
        took = time.monotonic() - began
        if took > seconds:
            raise AssertionError(f"listing machines took {took:.1f} s")
        return took

    def close(self) -> None:
        self.path.events.close()
