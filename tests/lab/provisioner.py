# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's provisioner inside the lab's namespace, with its API on a port of the host.

The lab listens on 127.0.0.1 in the host's namespace and hands the socket down by systemd's
protocol, so nothing stands between a client on the host and the provisioner inside. As long
as the lab's program lives it holds the socket too: a killed provisioner is started again on
the same port, and a client that connects in between waits instead of being refused.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from pathlib import Path
from typing import Any

from . import net
from .cli import Ingot
from .console import Watch
from .proc import Process, spawn
from .wait import Deadline, LabError, wait_until
from .world import Lab

API_PORT = 8443
AGENT_PORT = 8444
BOOT_PORT = 8080
LOADERS = "/usr/lib/ipxe"


def _listen() -> socket.socket:
    """The usual port if it is free, any other if not."""
    for port in (API_PORT, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
            return listener
        except OSError:
            listener.close()
    raise LabError("no port of 127.0.0.1 can be listened on")


class Provisioner:
    """The provisioner of one lab: its configuration, its process, and how to talk to it."""

    def __init__(self, lab: Lab, build: Path, bmc_ranges: list[str]) -> None:
        self._lab = lab
        self._build = build
        self.state = lab.directory("provisioner")
        self.state.chmod(0o700)
        self.log = lab.logs / "provisioner.log"
        self.process: Process | None = None
        self._listener = _listen()
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        password = lab.write("bmc.password", lab.password + "\n", mode=0o600)
        self.bundle = build / "images/host.bundle"
        self._settings: dict[str, dict[str, Any] | str] = {
            "state_dir": str(self.state / "state"),
            "run_dir": str(self.state / "run"),
            "api": {"listen": [f"{net.PROVISIONER.ip}:{API_PORT}"], "names": ["localhost", "127.0.0.1"]},
            "provisioning": {"interface": net.BRIDGE, "address": str(net.PROVISIONER), "dhcp_first": net.DHCP_FIRST,
                             "dhcp_last": net.DHCP_LAST, "gateway": str(net.PROVISIONER.ip),
                             "agent_port": AGENT_PORT, "boot_port": BOOT_PORT},
            "bmc": {"ranges": bmc_ranges, "user": "admin", "password_file": str(password)},
            "images": {"live_dir": str(build / "images/live"), "bundle": str(self.bundle),
                       "bundle_key": str(build / "keys/signing.pub"), "loader_dir": LOADERS},
            "storage": {"pool_size": 3},
            "ui": {"dir": str(build / "ui")},
        }
        for name in ("state", "run"):
            (self.state / name).mkdir(mode=0o700)
        # The first start takes it and removes the file.
        self.admin_password = secrets.token_urlsafe(12)
        fd = os.open(self.state / "state/admin.password", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="ascii") as file:
            file.write(self.admin_password + "\n")
        self.config = lab.file("provisioner.json")
        self.configure()

    def configure(self, *, bundle: Path | None = None, live: Path | None = None) -> None:
        """Writes the configuration; it holds from the next start on."""
        images = self._settings["images"]
        assert isinstance(images, dict)
        if bundle:
            images["bundle"] = str(bundle)
        if live:
            images["live_dir"] = str(live)
        self.config.write_text(json.dumps(self._settings, indent=1) + "\n", encoding="utf-8")

    def set_bmc_password(self, password: str) -> None:
        """Writes what the provisioner believes the BMCs' password to be, from its next start on."""
        (self._lab.root / "bmc.password").write_text(password + "\n", encoding="utf-8")

    def start(self) -> Ingot:
        """Starts it, and returns how to call it once it answers."""
        process = self.process = spawn(
            self._lab.records, "ingot-provisioner",
            [str(self._build / "ingot-provisioner"), "--config", str(self.config)],
            log=self.log, cwd=self.state, netns=self._lab.namespace.path, fds={3: self._listener.fileno()},
            listen_names="api")
        state = self.state / "state"
        token_file, ca_file = state / "admin.token", state / "ca.pem"
        watch = Watch(state)
        try:
            wait_until(lambda: (token_file.exists() and token_file.stat().st_size and ca_file.exists())
                       or not process.alive(), Deadline(30), f"token and CA of the provisioner (see {self.log})",
                       wake=watch.fd)
        finally:
            watch.close()
        self.guard()
        ingot = Ingot(self._build / "ingot", self.url, token_file.read_text(encoding="ascii").strip(), ca_file,
                      self._lab.logs / "cli.log")
        ingot.text("version", timeout=30)  # waits in the listen backlog until it is served
        return ingot

    def guard(self) -> None:
        """Raises if it has ended by itself."""
        process = self.process
        if process and not process.alive():
            process.wait(Deadline(1))
            status = process.status or 0
            how = f"by signal {-status}" if status < 0 else f"with status {status}"
            raise LabError(f"the provisioner has ended {how}: {self.last_words()}; see {self.log}")

    def last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it has said nothing"

    def kill(self) -> None:
        """kill -9, as a crash would."""
        assert self.process
        self.process.kill()

    def stop(self) -> None:
        assert self.process
        self.process.stop(grace=20)

    def write_env(self, ingot: Ingot) -> Path:
        return self._lab.write("env", f"export INGOT_URL={ingot.url}\nexport INGOT_TOKEN={ingot.token}\n"
                                      f"export INGOT_CACERT={ingot.cacert}\n", mode=0o600)

    def pss_kib(self) -> int:
        """Proportional memory of the process now."""
        assert self.process
        for line in Path(f"/proc/{self.process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
        raise LabError("no Pss in smaps_rollup")

    def close(self) -> None:
        """Lets go of the socket: from now on it is the provisioner's alone."""
        self._listener.close()
