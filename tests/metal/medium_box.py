# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that is started from the installation medium: a machine of the lab with a second port, sticks, and someone at its
serial console."""

from __future__ import annotations

import dataclasses
import itertools
import re
import socket
import subprocess
import threading
from pathlib import Path

from lab import machine as machines
from lab import net, qmp
from lab.checks import Checks, Skipped
from lab.machine import GIB
from lab.wait import Deadline, LabError, Timeout
from lab.world import Lab
from medium_display import Display
from medium_network import Trunk, bridge

IAC = 0xFF  # RFC 854; QEMU's options are of three bytes each
DISKS = (10 * GIB, 4 * GIB)  # the second is too small for a host
MEMORY_MIB = 2048
SECURE = "UEFI with Secure Boot"
BOOT, WRITE = 300, 900  # seconds, without KVM and with others beside
USB = ("-device", "qemu-xhci,id=usb")


def without_telnet(data: bytes) -> tuple[bytes, bytes]:
    """What was said, and a command that has not come whole yet."""
    out, at = bytearray(), 0
    while at < len(data):
        if data[at] != IAC:
            out.append(data[at])
            at += 1
        elif at + 1 < len(data) and data[at + 1] == IAC:
            out.append(IAC)
            at += 2
        elif at + 2 < len(data):
            at += 3
        else:
            break
    return bytes(out), data[at:]


class Console:
    """The serial line of a machine that is on. A thread reads it, so that the machine never waits for us."""

    def __init__(self, machine: machines.Machine) -> None:
        self.name = machine.name
        with net.Namespace(machine.netns).inside():
            self._socket = socket.create_connection(("127.0.0.1", machine.sol_port), timeout=20)
        self._socket.settimeout(None)
        self._data, self._at, self._ended = bytearray(), 0, False
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        rest = b""
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                data = b""
            said, rest = without_telnet(rest + data)
            with self._changed:
                self._data += said
                self._ended = not data
                self._changed.notify_all()
            if not data:
                return

    def close(self) -> None:
        self._socket.close()

    def send(self, text: str) -> None:
        self._socket.sendall(text.encode())

    def receive(self, seconds: float) -> bytes:
        """What has come since it was last asked, for a Screen."""
        with self._changed:
            if self._at == len(self._data) and not self._ended:
                self._changed.wait(seconds)
            fresh = bytes(self._data[self._at:])
            self._at = len(self._data)
            if not fresh and self._ended:
                raise EOFError
            return fresh

    def expect(self, pattern: str, seconds: float) -> str:
        """Waits for a match behind the last one; returns its group, or all of it."""
        deadline, wanted = Deadline(seconds), re.compile(pattern.encode(), re.MULTILINE)
        with self._changed:
            while True:
                found = wanted.search(self._data, self._at)
                if found:
                    self._at = found.end()
                    return found.group(wanted.groups).decode(errors="replace")
                end = bytes(self._data[-400:]).decode(errors="replace")
                if self._ended:
                    raise LabError(f"{self.name} has ended, and there was no /{pattern}/; its console: {end!r}")
                if deadline.expired():
                    raise Timeout(f"no /{pattern}/ on the console of {self.name} within {seconds:.0f} s; it ends: {end!r}")
                self._changed.wait(deadline.left())

    def run(self, command: str, seconds: float = 60) -> str:
        """In a shell: a line, and what it printed; a status other than 0 is an error."""
        number = next(self._numbers)
        # The shell echoes the line; the marks are written so that only their output matches.
        self.send(f"echo be''gin-{number}; {command}; echo en''d-{number} $?\r")
        self.expect(rf"begin-{number}\r?\n", seconds)
        output, status = re.match(r"(?s)\s*(.*?)\s*end-\d+ (\d+)$", self.expect(rf"((?s:.*?)end-{number} \d+)\r?\n", seconds)).groups()
        if status != "0":
            raise LabError(f"at the console of {self.name}: {command}: status {status}: {output}")
        return output.replace("\r\n", "\n")


class Story:
    """Checks that stand on each other: after one has failed the rest is not tried."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.checks = Checks()
        self._broken = False

    def tell(self, name: str, check) -> None:
        def grounded() -> object:
            if self._broken:
                raise Skipped("not tried")
            return check()

        if not self.checks.run(f"{self.title}: {name}", grounded):
            self._broken = True


def stick(path: Path, label: str, files: dict[str, str]) -> Path:
    """A FAT stick with files; over one that is there."""
    path.unlink(missing_ok=True)
    subprocess.run(["mkfs.fat", "-C", "-n", label, str(path), "4096"], check=True, stdout=subprocess.DEVNULL)
    for name, text in files.items():
        subprocess.run(["mcopy", "-i", str(path), "-", f"::/{name}"], input=text.encode(), check=True)
    return path


def on_usb(number: int, image: Path, *words: str) -> tuple[str, ...]:
    return ("-drive", f"if=none,id=stick{number},file={image},format=raw,readonly=on",
            "-device", ",".join((f"usb-storage,bus=usb.0,id=usb{number},drive=stick{number},removable=on", *words)))


def in_drive(image: Path) -> tuple[str, ...]:
    return ("-drive", f"if=none,id=cd,file={image},format=raw,media=cdrom,readonly=on",
            "-device", "ide-cd,id=drive,drive=cd,bootindex=0")


def installs(console: Console, name: str) -> str:
    """Watches an installation by answers to its end; the line of its last step."""
    steps = [console.expect(rf"^({step} +\d+ %.*?)\r?\n", WRITE)
             for step in ("medium", "check", "partition", "write", "verify", "identity", "loader")]
    console.expect(f"is installed: {name}", BOOT)
    return steps[-1]


def opens_on_screen(display: Display, refusal: str, box: Box) -> None:
    """After answers were refused: the reason is there, too, and keys open the screens and move through them."""
    display.see(refusal, "Enter opens the installer here")
    display.press("ret")
    # No question for a language: the kernel's own console has no Hangul.
    display.see("Role", "Provisioner:")
    display.press("ret")
    display.see("Where is the system to go?", box.serial)


class Box:
    """A machine of the lab: its first port is in the lab's network, its second in one of its own. With a VLAN the first has a twin, and
    both are of a switch that has the lab's network by this tag."""

    def __init__(self, lab: Lab, name: str, index: int, firmware: str, vlan: int = 0, screen: tuple[str, ...] = ()) -> None:
        """firmware: as the live image says it. screen: QEMU's words for screen and keyboard, if it has these (medium_display.py)."""
        self.lab = lab
        self.firmware = firmware
        self.index = index
        self.screen = screen
        self.address = f"10.77.0.{20 + index}"
        self.rack = f"10.{80 + index}.0"  # the provisioning network
        self.bridge = f"rack-{name}"
        # Without a BMC: that would have the serial line.
        self.machine = dataclasses.replace(
            lab.add_machine(name, index, "bios" if firmware == "BIOS" else "uefi", bmc=False, disk_sizes=DISKS,
                            memory_mib=MEMORY_MIB, secure_boot=firmware == SECURE), disk_first=True)
        self.serial = self.machine.disks[0].serial
        self.disk = self.machine.path / "disk0.raw"
        self.rack_mac = f"52:54:00:77:01:{index:02x}"
        bridge(lab, self.bridge)
        self.ports: list[str] = []
        self.take_in(self._plug(1, "tapr", self.rack_mac))
        self.trunk = Trunk(lab, name, vlan, (self.machine.tap, self._plug(2, "taps", self.twin_mac))) if vlan else None
        self.console: Console | None = None

    @property
    def twin_mac(self) -> str:
        return f"52:54:00:77:02:{self.index:02x}"

    def _plug(self, number: int, kind: str, mac: str) -> str:
        tap = f"{kind}-{self.machine.name}"
        self.lab.namespace.ip("tuntap", "add", "dev", tap, "mode", "tap")
        self.ports += ["-netdev", f"tap,id=net{number},ifname={tap},script=no,downscript=no",
                       "-device", f"virtio-net-pci,id=nic{number},netdev=net{number},mac={mac},romfile="]
        return tap

    def take_in(self, tap: str) -> None:
        """Puts a tap into this machine's provisioning network."""
        self.lab.namespace.ip("link", "set", tap, "master", self.bridge, "up")

    def switch_on(self, *media: str, disks: bool = True) -> Console:
        """On, with these media; a reboot ends it. Without disks the first one can be plugged in."""
        machine = dataclasses.replace(self.machine, extra=(*self.ports, "-no-reboot", *USB, *self.screen, *media))
        if not disks:
            drive = ("-drive", f"if=none,id=drive0,file={self.disk},format=raw,cache=unsafe,discard=unmap")
            machine = dataclasses.replace(machine, disks=(), extra=(*machine.extra, *drive))
        machines.power_on(machine)
        self.console = Console(self.machine)
        return self.console

    def start_medium(self, *media: str, disks: bool = True, words: str = "", first: str = "") -> Console:
        """On, from the installation medium that is one of these: through its menu, up to the installer; words go to the kernel's.
        first: what has to be seen before that menu."""
        console = self.switch_on(*media, disks=disks)
        if first:
            console.expect(first, BOOT)
        console.expect("Install Ingot", BOOT)
        if words:
            console.send("e")
            console.expect("ingot.install", BOOT)
            # Two lines down, to the end of the kernel's; then it is started.
            console.send(f"\x0e\x0e\x05 {words}\x18")
        else:
            console.send("\r")
        console.expect(rf"ingot: live image, kernel .*, {self.firmware}\r?\n", BOOT)
        console.expect("starting the installer of version", BOOT)
        return console

    def answers(self, role: str, serial: str, address: str, more: str) -> str:
        """An answer file: this disk, its first port (and the twin) with this address, and more lines."""
        return f"""role: {role}
console: [tty0, "ttyS0,115200"]
disk:
  serial: {serial}
  erase: {serial}
network:
{self._uplink()}
  mode: static
  address: {address}/24
{more}"""

    def _uplink(self) -> str:
        if not self.trunk:
            return f'  mac: "{self.machine.mac}"'
        return f"""  bond:
    members: ["{self.machine.mac}", "{self.twin_mac}"]
    mode: active-backup
  vlan: {self.trunk.vlan}"""

    def set_link(self, up: bool, port: int = 1) -> None:
        """Plugs the cable of a port in, or pulls it."""
        with qmp.Monitor(self.machine.path / "qmp.sock", Deadline(30)) as monitor:
            monitor.command("set_link", name=f"nic{port}", up=up)

    def plug_disk(self) -> None:
        disk = self.machine.disks[0]
        with qmp.Monitor(self.machine.path / "qmp.sock", Deadline(30)) as monitor:
            monitor.command("device_add", driver="scsi-hd", bus="scsi0.0", id="disk0", drive="drive0", serial=disk.serial,
                            vendor="INGOT", product="LABDISK")

    def cut_power(self) -> None:
        machines.power_off(self.machine)
        if self.console:
            self.console.close()
            self.console = None

    def await_end(self, seconds: float) -> None:
        """Waits until it restarts, which ends it."""
        qemu = machines.running(self.machine)
        if qemu and not qemu.wait(Deadline(seconds)):
            raise Timeout(f"{self.machine.name} does not restart within {seconds:.0f} s")
        self.cut_power()

    def untouched(self) -> bool:
        return self.disk.stat().st_blocks == 0
