# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that cannot boot from the network: it is installed from the medium by answers with a token, and joins."""

from __future__ import annotations

from pathlib import Path

from lab.cli import Ingot
from lab.wait import Deadline, wait_until
from lab.world import Lab
from medium_box import BOOT, Box, in_drive, installs, on_usb, stick

NAME = "rack-1-a"
READY = 300


class Joining:
    def __init__(self, lab: Lab, iso: Path, provisioner: Box) -> None:
        self.iso = iso
        self.box = Box(lab, "j", 4, "BIOS")
        self.address = f"{provisioner.rack}.40"
        provisioner.take_in(self.box.machine.tap)
        self.ingot: Ingot

    def install(self, ingot: Ingot) -> str:
        """While its provisioner is up: from the medium to a host that starts from its disk, and is left to it."""
        self.ingot, box = ingot, self.box
        token = self.ingot.json("join-token", "create", NAME)["token"]
        text = box.answers("node", box.serial, self.address, f"host_name: {NAME}\njoin:\n  token: {token}\n")
        answers = stick(box.machine.path / "answers.img", "INGOT", {"answers.yaml": text})
        console = box.start_medium(*in_drive(self.iso), *on_usb(1, answers), disks=False)
        said = console.expect(rf"(answers\.yaml:4:\d+: disk\.serial: no disk has serial {box.serial}; .*?)\r?\n", 60)
        console.expect('"r" and Enter tries the answers again', 60)
        box.plug_disk()
        console.send("r\r")
        installs(console, NAME)
        box.await_end(BOOT)
        box.switch_on()
        return said

    def ready(self, other: str) -> str:
        """It has joined; whether its provisioner was up when it first asked does not matter. other: a node, once more."""

        def nodes() -> str:
            health = {n["name"]: n["health"] for n in self.ingot.items("node")}
            return f"{NAME} and {other} are ready" if health.get(NAME) == health.get(other) == "ready" else ""

        return wait_until(nodes, Deadline(READY), f"{NAME} and {other} to be ready nodes", every=2)
