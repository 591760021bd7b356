# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab: its directory, its records, its namespace and its machines; making and removing it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
from pathlib import Path
from typing import Callable

from . import machine as machines
from . import net
from .bmc import BmcProcess
from .machine import GIB, Machine
from .proc import Process, ProcessId
from .records import Records
from .wait import Deadline, LabError

RECORDS = "records.jsonl"
MEMORY_MIB = 3072
CPUS = 2  # no faster to boot than 1 on two host cores, but a busy guest does not starve its node
Say = Callable[[str], None]


def _quiet(_line: str) -> None:
    pass


def _lock(root: Path) -> int:
    """Two programs putting up a lab in one directory would mix; the lock ends with its holder."""
    fd = os.open(root / RECORDS, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        os.close(fd)
        raise LabError(f"another program is putting up a lab in {root}") from problem
    return fd


class Lab:
    """A lab that stands, or is being put up."""

    def __init__(self, root: Path, records: Records, namespace: net.Namespace, accel: str, parts: Path) -> None:
        self.root = root
        self.records = records
        self.namespace = namespace
        self.accel = accel
        self.parts = parts
        self.machines: dict[str, Machine] = {}
        self.bmcs: dict[str, BmcProcess] = {}
        self.password = secrets.token_hex(8)  # IPMI 2.0 allows 20 bytes
        self._lock_fd = -1

    @staticmethod
    def create(root: Path, name: str, accel: str, parts: Path, say: Say = _quiet) -> "Lab":
        """Puts up the namespace of a new lab; what an earlier one left in root is removed first."""
        if (root / RECORDS).exists():
            os.close(_lock(root))
            say(f"removing what an earlier lab left in {root}")
            remove(root, say)
        root.mkdir(parents=True, exist_ok=True)
        records = Records.create(root / RECORDS)
        lab = Lab(root, records, net.Namespace(name), accel, parts)
        lab._lock_fd = _lock(root)
        lab.directory("logs")
        lab.directory("machines")
        lab.namespace.create(records)
        return lab

    def unlock(self) -> None:
        """The lab stands; another program may remove it and put up the next."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def directory(self, name: str) -> Path:
        """Makes a directory of the lab, on record."""
        path = self.root / name
        self.records.add("directory", path=str(path))
        path.mkdir()
        return path

    def file(self, name: str) -> Path:
        """The path of a file of the lab, put on record before it is written."""
        path = self.root / name
        self.records.add("file", path=str(path))
        return path

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.file(name)
        path.touch(mode=mode)
        path.write_text(text, encoding="utf-8")
        return path

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def add_machine(self, name: str, index: int, firmware: str, *, bmc: bool = True, scsi: bool = True,
                    disk_sizes: tuple[int, ...] = (12 * GIB, 8 * GIB), memory_mib: int = MEMORY_MIB,
                    cpus: int = CPUS, network_first: bool = False, secure_boot: bool = False) -> Machine:
        """Adds a blank machine, off; with its BMC answering if it has one."""
        machine = machines.describe(
            name, index, firmware=firmware, directory=self.root / "machines" / name, netns=self.namespace.name,
            records=self.records.path, accel=self.accel, password=self.password if bmc else None,
            memory_mib=memory_mib, cpus=cpus, disk_sizes=disk_sizes, scsi=scsi, network_first=network_first,
            secure_boot=secure_boot)
        machines.create(machine, self.records)
        self.namespace.add_tap(machine.tap)
        self.machines[name] = machine
        if machine.bmc:
            self.namespace.add_address(machine.bmc.address)
            self.bmcs[name] = BmcProcess(machine, self.records, self.parts / "bmc_chassis.so")
            self.bmcs[name].start()
        return machine

    def remember(self) -> None:
        """Writes what a later program needs to know of this lab (lab.json)."""
        self.write("lab.json", json.dumps({
            "id": self.records.lab_id, "namespace": self.namespace.name, "accel": self.accel,
            "machines": {name: str(machine.path) for name, machine in self.machines.items()}}, indent=1) + "\n")

    def down(self, say: Say = _quiet) -> None:
        remove(self.root, say)


def left_standing(root: Path) -> str:
    """What to say of a lab that was left for a look, with what removes it."""
    name = root.name.removeprefix("lab").removeprefix("-")
    return f"left for a look: {root}; PYTHONPATH=tests INGOT_BUILD={root.parent} python3 -m lab down" \
        + (f" --name {name}" if name else "") + " removes it"


def _recorded_processes(records: Records) -> list[Process]:
    if not records.of_this_boot():
        return []
    return [Process(e["name"], ProcessId(e["pid"], e["start"]), child=False)
            for e in records if e["kind"] == "process"]


def _descendants(records: Records, namespaces: list[str]) -> list[Process]:
    """Processes in the lab's namespaces which its own programs started (dnsmasq, helpers).

    They are known by the lab's mark in their environment or by the session of a recorded
    process. Someone's shell in the namespace has neither and is let be.
    """
    sessions = {e["pid"] for e in records if e["kind"] == "process"}
    mark = f"INGOT_LAB={records.lab_id}".encode()
    found = []
    for name in namespaces:
        for pid in net.Namespace(name).members():
            try:
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                if mark in environment or os.getsid(pid) in sessions:
                    command = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
                    found.append(Process(command, ProcessId.of(pid), child=False))
            except (OSError, LabError):
                continue  # it has just ended
    return found


def remove(root: Path, say: Say = _quiet) -> list[str]:
    """Removes every process, namespace and file a lab has made, and nothing else.

    Returns what could not be removed. Safe to run again after it was interrupted.
    """
    path = root / RECORDS
    if not path.exists():
        return []
    records = Records.open(path)
    left = []
    namespaces = [e["name"] for e in records if e["kind"] == "namespace"]
    for round_number in range(3):  # a supervisor may have started a child since it was looked for
        found = {p.ident: p for p in _descendants(records, namespaces) + _recorded_processes(records) if p.alive()}
        if not found:
            break
        alive = list(found.values())
        for process in reversed(alive):
            say(f"ending {process.name} ({process.pid})")
            process.signal(signal.SIGCONT)
            process.signal(signal.SIGTERM if round_number == 0 else signal.SIGKILL)
        deadline = Deadline(5)
        for process in alive:
            if not process.wait(deadline):
                process.kill()
    left += [f"process {p.pid} ({p.name})" for p in _recorded_processes(records) if p.alive()]
    for name in reversed(namespaces):
        namespace = net.Namespace(name)
        if namespace.inode() is not None:
            others = namespace.members()
            if others:
                say(f"processes {others} in {name} are not the lab's and are left; the namespace goes with them")
            say(f"removing namespace {name}")
            net.ip("netns", "del", name)
    for entry in reversed(list(records)):
        if entry["kind"] == "directory":
            shutil.rmtree(entry["path"], ignore_errors=True)
        elif entry["kind"] == "file":
            Path(entry["path"]).unlink(missing_ok=True)
    if not left:
        path.unlink()
        try:
            root.rmdir()
        except OSError:
            say(f"{root} holds files which are not the lab's: {sorted(p.name for p in root.iterdir())}")
    return left
