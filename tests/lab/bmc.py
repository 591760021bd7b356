# SPDX-License-Identifier: GPL-3.0-or-later
"""The BMCs: one ipmi_sim per machine, on its own address at the standard port.

Facts a client needs: IPMI 2.0 (RMCP+) with cipher suite 3 (suite 17 is refused); FreeIPMI
needs the workaround flag opensesspriv. The GUID is the machine's DMI UUID in the byte order
of IPMI 2.0, 20.8 (least significant byte first: the 16 bytes of RFC 4122, reversed).
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import uuid
from pathlib import Path

from . import net
from .machine import Machine
from .proc import Process, spawn
from .records import Records
from .wait import Deadline, LabError, Timeout, wait_until

HERE = Path(__file__).resolve().parent
CIPHER_SUITE = 3
PORT = 623
# RMCP header (sequence 0xff: no acknowledge) and ASF presence ping, IPMI 2.0, 13.2.3.
RMCP_PING = bytes([0x06, 0x00, 0xFF, 0x06, 0x00, 0x00, 0x11, 0xBE, 0x80, 0x00, 0x00, 0x00])
ASF_PONG = 0x40


def guid_of(machine_uuid: str) -> str:
    """The GUID bytes a BMC sends for a DMI UUID, in hexadecimal."""
    return uuid.UUID(machine_uuid).bytes[::-1].hex()


def _configuration(machine: Machine, password: str) -> str:
    bmc = machine.bmc
    assert bmc is not None
    network = net.PROVISIONER.network
    lan = f"./lan_control {bmc.address} {network.netmask} {bmc.mac} {net.PROVISIONER.ip}"
    return f"""name "{machine.name}"
set_working_mc 0x20
  startlan 1
    addr {bmc.address} {PORT}
    guid {guid_of(machine.uuid)}
    priv_limit admin
    allowed_auths_user md5
    allowed_auths_operator md5
    allowed_auths_admin md5
    lan_config_program "{lan}"
  endlan
  serial 15 127.0.0.1 {machine.kcs_port} codec VM
  sol "telnet:127.0.0.1:{machine.sol_port}" 115200
  user 1 false "" "" user 10 md5
  user 2 true "{bmc.user}" "{password}" admin 10 md5
loadlib "./bmc_chassis.so" ""
"""


# One management controller with a chassis, an event log and a device id.
COMMANDS = """mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0x0f02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


class BmcProcess:
    """The BMC of one machine: starting it, ending it, and making it misbehave."""

    def __init__(self, machine: Machine, records: Records, module: Path) -> None:
        if machine.bmc is None:
            raise LabError(f"{machine.name} has no BMC")
        self.machine = machine
        self.bmc = machine.bmc
        self.password = machine.bmc.password
        self._records = records
        self._module = module
        self.process: Process | None = None

    def start(self) -> None:
        """Starts ipmi_sim; returns once it answers on the LAN."""
        directory = self.machine.path
        for name, target in (("bmc_chassis.so", self._module), ("lan_control", HERE / "lan_control.sh")):
            (directory / name).unlink(missing_ok=True)
            (directory / name).symlink_to(target)
        (directory / "bmc").mkdir(exist_ok=True)
        conf = directory / "bmc.conf"
        conf.touch(mode=0o600)
        conf.write_text(_configuration(self.machine, self.password), encoding="utf-8")
        (directory / "bmc.emu").write_text(COMMANDS, encoding="utf-8")
        self.process = spawn(
            self._records, f"bmc-{self.machine.name}",
            ["ipmi_sim", "-n", "-c", "bmc.conf", "-f", "bmc.emu", "-s", "bmc"],
            log=directory / "bmc.log", cwd=directory, netns=f"/run/netns/{self.machine.netns}",
            env={"INGOT_LAB_CHASSIS": str(HERE / "chassis.py"), "INGOT_LAB_GUID": guid_of(self.machine.uuid)})
        self.await_pong(Deadline(20))

    def stop(self) -> None:
        if self.process:
            self.process.stop()
            self.process = None

    def restart(self, password: str | None = None) -> None:
        """Starts it again, with another password if one is given. The machine is untouched."""
        self.stop()
        self.password = password or self.password
        # ipmi_sim prefers users it once stored to those of its configuration.
        for stored in (self.machine.path / "bmc").glob("**/users.*"):
            stored.unlink()
        self.start()

    def silence(self) -> None:
        """The BMC answers nothing any more, but its machine goes on."""
        assert self.process
        self.process.signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self.process
        self.process.signal(signal.SIGCONT)

    def pong(self, within: float = 0.5) -> bool:
        """Whether an RMCP presence ping is answered."""
        with net.Namespace(self.machine.netns).inside():
            ping = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with ping:
            ping.connect((self.bmc.address, PORT))
            try:
                ping.send(RMCP_PING)
                poller = select.poll()
                poller.register(ping, select.POLLIN)
                if not poller.poll(within * 1000):
                    return False
                reply = ping.recv(256)
            except ConnectionRefusedError:
                return False
            return len(reply) > 8 and reply[8] == ASF_PONG

    def await_pong(self, deadline: Deadline) -> None:
        assert self.process
        process: Process = self.process
        try:
            wait_until(lambda: self.pong() or not process.alive(), deadline, "BMC", every=0.05)
        except Timeout as problem:
            raise Timeout(f"BMC of {self.machine.name} is silent; see {self.machine.path}/bmc.log") from problem
        if not process.alive():
            raise LabError(f"ipmi_sim of {self.machine.name} has ended; see {self.machine.path}/bmc.log")

    def ipmitool(self, *words: str, timeout: float = 30, check: bool = True,
                 password: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs ipmitool over the LAN, as an operator would. The password goes in the environment."""
        return net.Namespace(self.machine.netns).run(
            "ipmitool", "-I", "lanplus", "-C", str(CIPHER_SUITE), "-H", self.bmc.address, "-U", self.bmc.user,
            "-E", *words, timeout=timeout, check=check,
            env={**os.environ, "IPMI_PASSWORD": password or self.password})

    def power(self) -> str:
        """"on" or "off"."""
        return self.ipmitool("chassis", "power", "status").stdout.strip().rpartition(" ")[2]
