# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network: a namespace with a bridge and taps. Nothing leaves it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Iterator

from .proc import enter_netns
from .records import Records
from .wait import LabError

BRIDGE = "br0"
PROVISIONER = IPv4Interface("10.77.0.1/24")
PREFIX6 = "fd49:6e67:6f74:77::1/64"  # dnsmasq advertises itself as router only with such an address
DHCP_FIRST = "10.77.0.150"
DHCP_LAST = "10.77.0.199"
BMC_FIRST = 101
MTU = 1500


def bmc_address(index: int) -> str:
    """Address of the BMC of machine number index (from 1)."""
    return f"10.77.0.{BMC_FIRST + index - 1}"


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"ip {' '.join(words)}: {done.stderr.strip()}")


@dataclass(frozen=True)
class Namespace:
    """The network namespace ingot-NAME and what is on its bridge."""

    name: str

    @property
    def path(self) -> str:
        return f"/run/netns/{self.name}"

    def create(self, records: Records) -> None:
        if os.path.exists(self.path):
            raise LabError(f"network namespace {self.name} exists and this lab has not made it; "
                           "choose another name for the lab (--name) or remove it (ip netns del)")
        records.add("namespace", name=self.name)
        ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        self.ip("link", "add", BRIDGE, "mtu", str(MTU), "type", "bridge", "stp_state", "0",
                "forward_delay", "0", "mcast_snooping", "0")
        self.ip("addr", "add", str(PROVISIONER), "dev", BRIDGE)
        self.ip("addr", "add", PREFIX6, "dev", BRIDGE, "nodad")
        self.ip("link", "set", BRIDGE, "up")

    def add_address(self, address: str) -> None:
        """Gives a BMC its own address on the bridge."""
        self.ip("addr", "add", f"{address}/{PROVISIONER.network.prefixlen}", "dev", BRIDGE)

    def add_tap(self, tap: str) -> None:
        self.ip("tuntap", "add", "dev", tap, "mode", "tap")
        self.ip("link", "set", tap, "mtu", str(MTU), "master", BRIDGE, "up")

    def cut(self, tap: str) -> None:
        """Pulls the cable of one machine."""
        self.ip("link", "set", tap, "down")

    def mend(self, tap: str) -> None:
        self.ip("link", "set", tap, "up")

    def ip(self, *words: str) -> None:
        ip("-n", self.name, *words)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """The calling thread is in the namespace; a socket made here stays in it for good."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            enter_netns(self.path)
            yield
        finally:
            enter_netns(f"/proc/self/fd/{own}")
            os.close(own)

    def run(self, *argv: str, timeout: float = 30, check: bool = True,
            env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a command inside and returns its output."""
        try:
            done = subprocess.run(["nsenter", f"--net={self.path}", *argv], capture_output=True,
                                  text=True, timeout=timeout, check=False, env=env,
                                  stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired as problem:
            raise LabError(f"{' '.join(argv[:3])}: no end within {timeout:.0f} s") from problem
        if check and done.returncode != 0:
            raise LabError(f"{' '.join(argv)}: exit {done.returncode}: "
                           f"{(done.stderr or done.stdout).strip()[-600:]}")
        return done

    def inode(self) -> int | None:
        try:
            return os.stat(self.path).st_ino
        except FileNotFoundError:
            return None

    def members(self) -> list[int]:
        """Ids of the processes inside."""
        wanted = self.inode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if os.stat(entry / "ns/net").st_ino == wanted:
                    found.append(int(entry.name))
        return found
