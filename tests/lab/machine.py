# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of the lab: its description, its disks and the QEMU that is it while it is on.

A machine that is on is one QEMU process, named by id and start time in the file qemu.pid.
Power off ends that process and nothing else. Its BMC (bmc.py) is another process and works
whether the machine is on or off. Everything about a machine lies in its own directory.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import socket
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from . import net, qmp
from .proc import Process, ProcessId, spawn
from .records import Records
from .wait import Deadline, LabError

GIB = 1 << 30
OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
# With the keys that machines are sold with. Secure Boot needs SMM: the firmware tells itself from others by it.
SECURE_CODE = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"
SECURE_VARS = "/usr/share/OVMF/OVMF_VARS_4M.ms.fd"
UUID_SPACE = uuid.UUID("6f3ad1d4-1d2b-4f0a-9d52-1f6e0a9c7b10")

# Boot flags, byte 1 (IPMI 2.0, table 28-14) and the device selectors of byte 2.
FLAG_VALID = 0x80
FLAG_PERSISTENT = 0x40
BOOT_DEVICES = {0: None, 1: "network", 2: "disk"}

# Device names of the boot order, in the order a firmware would try them.
NETWORK_FIRST = ("nic0", "disk0", "disk1")
DISK_FIRST = ("disk0", "nic0", "disk1")
BOOT_STEP = 10  # of QEMU's bootindex: what a test adds may come between


@dataclass(frozen=True)
class Disk:
    """One disk. A wwn means virtio-scsi, none means virtio-blk (which knows only a serial)."""

    serial: str
    size: int
    wwn: str | None


@dataclass(frozen=True)
class Bmc:
    address: str
    mac: str
    user: str
    password: str


@dataclass(frozen=True)
class Machine:
    """Description of one machine; machine.json in its directory."""

    name: str
    index: int
    firmware: str  # "bios" or "uefi"
    memory_mib: int
    cpus: int
    mac: str
    uuid: str
    serial: str
    disks: tuple[Disk, ...]
    bmc: Bmc | None
    directory: str
    netns: str
    records: str
    accel: str  # "kvm" or "tcg"
    extra: tuple[str, ...] = field(default=())
    disk_first: bool = False  # the firmware's setting, where there is no BMC
    network_first: bool = False  # the same where there is one: it holds when the boot flags say nothing
    secure_boot: bool = False  # of UEFI firmware

    @property
    def path(self) -> Path:
        return Path(self.directory)

    @property
    def tap(self) -> str:
        return f"tap-{self.name}"

    @property
    def serial_log(self) -> Path:
        return self.path / "serial.log"

    @property
    def kcs_port(self) -> int:
        return 9000 + self.index

    @property
    def sol_port(self) -> int:
        return 9100 + self.index

    def save(self) -> None:
        text = json.dumps(dataclasses.asdict(self), indent=1)
        (self.path / "machine.json").write_text(text, encoding="utf-8")

    @staticmethod
    def load(directory: Path) -> "Machine":
        data = json.loads((directory / "machine.json").read_text(encoding="utf-8"))
        data["disks"] = tuple(Disk(**disk) for disk in data["disks"])
        data["bmc"] = Bmc(**data["bmc"]) if data["bmc"] else None
        data["extra"] = tuple(data["extra"])
        return Machine(**data)


def describe(name: str, index: int, *, firmware: str, directory: Path, netns: str, records: Path,
             accel: str, password: str | None, memory_mib: int, cpus: int,
             disk_sizes: tuple[int, ...] = (12 * GIB, 8 * GIB), scsi: bool = True,
             network_first: bool = False, secure_boot: bool = False) -> Machine:
    """A machine with identifiers that follow from its name; no password means no BMC."""
    disks = tuple(Disk(serial=f"LAB{index:02d}D{i}", size=size,
                       wwn=f"5000c5{index:02x}000000{i:02x}" if scsi else None)
                  for i, size in enumerate(disk_sizes))
    bmc = Bmc(net.bmc_address(index), f"52:54:00:77:b0:{index:02x}", "admin", password) if password else None
    return Machine(name=name, index=index, firmware=firmware, memory_mib=memory_mib, cpus=cpus,
                   mac=f"52:54:00:77:00:{index:02x}", uuid=str(uuid.uuid5(UUID_SPACE, f"{netns}/{name}")),
                   serial=f"LAB-{name.upper()}", disks=disks, bmc=bmc, directory=str(directory),
                   netns=netns, records=str(records), accel=accel, network_first=network_first,
                   secure_boot=secure_boot)


def create(machine: Machine, records: Records) -> None:
    """Makes the directory and the blank disks of a machine."""
    records.add("directory", path=machine.directory)
    machine.path.mkdir()
    for i, disk in enumerate(machine.disks):
        with open(machine.path / f"disk{i}.raw", "wb") as image:
            image.truncate(disk.size)
    if machine.firmware == "uefi":
        shutil.copyfile(SECURE_VARS if machine.secure_boot else OVMF_VARS, machine.path / "vars.fd")
    machine.serial_log.touch()
    machine.save()


def boot_order(machine: Machine) -> tuple[str, ...]:
    """Order of the next start by the BMC's boot flags; one-time flags are used up by this.

    Without flags: the disk first, as servers come, unless the machine's firmware was set
    otherwise; a machine without a BMC has only its firmware's setting, which is the network
    first, or nobody could ever install it again (but from a medium).
    """
    if machine.bmc is None:
        return DISK_FIRST if machine.disk_first else NETWORK_FIRST
    standing = NETWORK_FIRST if machine.network_first else DISK_FIRST
    path = machine.path / "boot-flags"
    try:
        flags = bytearray(path.read_bytes())
    except FileNotFoundError:
        return standing
    if len(flags) < 2 or not flags[0] & FLAG_VALID:
        return standing
    device = BOOT_DEVICES.get((flags[1] >> 2) & 0xF)
    if not flags[0] & FLAG_PERSISTENT:
        flags[0] &= ~FLAG_VALID
        fresh = machine.path / "boot-flags.used"
        fresh.write_bytes(flags)
        os.replace(fresh, path)
    return NETWORK_FIRST if device == "network" else DISK_FIRST


def standing_order(machine: Machine) -> tuple[str, ...]:
    """Order of the reset after the next: what holds once one-time flags are used up."""
    return boot_order(machine)


def qemu_argv(machine: Machine, order: tuple[str, ...], qmp_fd: int) -> list[str]:
    index = {device: BOOT_STEP * (i + 1) for i, device in enumerate(order)}
    argv = ["qemu-system-x86_64", "-name", f"{machine.netns}-{machine.name}", "-nodefaults", "-no-user-config",
            "-display", "none", "-machine",
            f"q35,hpet=off,graphics=off,smm={'on' if machine.secure_boot else 'off'}", "-rtc", "base=utc",
            "-m", str(machine.memory_mib), "-smp", str(machine.cpus), "-uuid", machine.uuid,
            "-smbios", f"type=1,manufacturer=Ingot,product=Lab machine,serial={machine.serial},uuid={machine.uuid}"]
    if machine.accel == "kvm":
        argv += ["-accel", "kvm", "-cpu", "host"]
    else:
        argv += ["-accel", "tcg,thread=multi", "-cpu", "max,la57=off,svm=off"]
    if machine.firmware == "uefi":
        argv += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={SECURE_CODE if machine.secure_boot else OVMF_CODE}",
                 "-drive", "if=pflash,unit=1,format=raw,file=vars.fd"]
    if machine.secure_boot:
        argv += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    argv += ["-chardev", f"socket,id=qmp,server=on,wait=off,fd={qmp_fd}", "-mon", "chardev=qmp,mode=control",
             "-chardev", f"socket,id=serial,host=127.0.0.1,port={machine.sol_port},server=on,wait=off,"
                         "telnet=on,logfile=serial.log,logappend=on", "-serial", "chardev:serial",
             "-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng",
             "-netdev", f"tap,id=net0,ifname={machine.tap},script=no,downscript=no",
             # UEFI machines boot through the firmware's own PXE and the loader from TFTP, as
             # most servers do; BIOS ones through the iPXE in QEMU's option ROM.
             "-device", f"virtio-net-pci,id=nic0,netdev=net0,mac={machine.mac},bootindex={index['nic0']}"
                        + (",romfile=" if machine.firmware == "uefi" else ""),
             "-device", "virtio-scsi-pci,id=scsi0"]
    for i, disk in enumerate(machine.disks):
        argv += ["-drive", f"if=none,id=drive{i},file=disk{i}.raw,format=raw,cache=unsafe,discard=unmap"]
        place = f"id=disk{i},drive=drive{i},serial={disk.serial},bootindex={index[f'disk{i}']}"
        if disk.wwn:
            argv += ["-device", f"scsi-hd,bus=scsi0.0,{place},wwn=0x{disk.wwn},vendor=INGOT,product=LABDISK,"
                                "rotation_rate=1"]
        else:
            argv += ["-device", f"virtio-blk-pci,{place}"]
    if machine.bmc:
        argv += ["-chardev", f"socket,id=kcs,host=127.0.0.1,port={machine.kcs_port},reconnect=1",
                 "-device", "ipmi-bmc-extern,id=bmc0,chardev=kcs", "-device", "isa-ipmi-kcs,bmc=bmc0"]
    return argv + list(machine.extra)


def running(machine: Machine) -> Process | None:
    """The QEMU of a machine that is on."""
    try:
        pid, start = (machine.path / "qemu.pid").read_text(encoding="ascii").split()
    except (FileNotFoundError, ValueError):
        return None
    ident = ProcessId(int(pid), int(start))
    return Process(f"qemu-{machine.name}", ident, child=False) if ident.alive() else None


def must_run(machine: Machine) -> Process:
    """The QEMU of a machine that has to be on."""
    qemu = running(machine)
    if qemu is None:
        raise LabError(f"{machine.name} is off")
    return qemu


def power_on(machine: Machine) -> None:
    """Starts the machine; nothing to do if it is on."""
    if running(machine):
        return
    order = boot_order(machine)
    with _qmp_listener(machine) as listener:
        qemu = spawn(Records.open(Path(machine.records)), f"qemu-{machine.name}", qemu_argv(machine, order, 3),
                     log=machine.path / "qemu.log", cwd=machine.path, netns=f"/run/netns/{machine.netns}",
                     fds={3: listener.fileno()})
    fresh = machine.path / "qemu.pid.new"
    fresh.write_text(f"{qemu.ident.pid} {qemu.ident.start}\n", encoding="ascii")
    os.replace(fresh, machine.path / "qemu.pid")
    _set_order(machine, order)


def power_off(machine: Machine) -> None:
    """Takes the power away, at once."""
    qemu = running(machine)
    if qemu:
        qemu.kill()


def reset(machine: Machine) -> None:
    """Hard reset; the firmware starts again and sees the boot flags."""
    must_run(machine)
    _set_order(machine, boot_order(machine), then_reset=True)


def shutdown(machine: Machine) -> None:
    """Presses the power button (ACPI)."""
    with qmp.Monitor(machine.path / "qmp.sock", Deadline(30)) as monitor:
        monitor.command("system_powerdown")


def _set_order(machine: Machine, order: tuple[str, ...], then_reset: bool = False) -> None:
    """Boot order of the resets to come. QEMU reads it again at each reset, so after a reset
    with one-time flags the standing order is put back for the guest's own reboots."""
    with qmp.Monitor(machine.path / "qmp.sock", Deadline(30)) as monitor:
        if then_reset:
            monitor.boot_order(order)
            monitor.command("system_reset")
            monitor.event("RESET")
        standing = standing_order(machine)
        if then_reset or standing != order:
            monitor.boot_order(standing)


def _qmp_listener(machine: Machine) -> socket.socket:
    """The listening QMP socket, made before QEMU, so that a client never has to look twice."""
    path = machine.path / "qmp.sock"
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with qmp.short_path(path) as short:
        listener.bind(short)
    listener.listen(4)
    return listener
