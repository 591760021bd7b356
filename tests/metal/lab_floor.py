#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the lab itself: what its machines, firmware and BMCs promise to the product.

One BIOS and one UEFI machine are switched on over IPMI, boot from the network, say what they
see of themselves, and are switched off; then the lab is taken down and nothing may be left.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import accel, machine as machines  # noqa: E402
from lab.checks import Checks, expect  # noqa: E402
from lab.cli import CounterConsole, Ingot  # noqa: E402
from lab.console import LogReader, SerialOverLan  # noqa: E402
from lab.machine import Machine  # noqa: E402
from lab.netboot import BootServer  # noqa: E402
from lab.proc import Process, ProcessId, start_time  # noqa: E402
from lab.wait import Deadline  # noqa: E402
from lab.world import Lab, left_standing, remove  # noqa: E402

BUILD = Path(os.environ.get("INGOT_BUILD", "build")).resolve()
PARTS = BUILD / "lab-parts"
COUNTER = BUILD / "images/guest/counter.img"
ROOT = BUILD / "lab-check"
BOOT_SECONDS = 180.0  # of a loaded host
FREEIPMI = ("-D", "LAN_2_0", "-I", "3", "-W", "opensesspriv")


class Floor:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.bios = lab.add_machine("m1", 1, "bios", memory_mib=768)
        self.uefi = lab.add_machine("m2", 2, "uefi", memory_mib=768)
        self.boot = BootServer(lab, PARTS)
        self.powered_at = 0.0
        self.facts: dict[str, dict[str, list[str]]] = {}

    def ipmi(self, machine: Machine, *words: str) -> str:
        return self.lab.bmcs[machine.name].ipmitool(*words).stdout

    def boot_flags(self, machine: Machine) -> str:
        return self.ipmi(machine, "chassis", "bootparam", "get", "5")

    # BMCs of machines that are off

    def bmc_answers(self) -> str:
        for machine in (self.bios, self.uefi):
            expect(self.lab.bmcs[machine.name].pong(), f"no pong from the BMC of {machine.name}")
            expect(self.lab.bmcs[machine.name].power() == "off", f"{machine.name} is not off")
        began = time.monotonic()
        for _ in range(10):
            self.lab.bmcs["m1"].power()
        return f"{(time.monotonic() - began) * 100:.0f} ms a command"

    def guid_is_dmi_uuid(self) -> None:
        for machine in (self.bios, self.uefi):
            expect(f": {machine.uuid}\n" in self.ipmi(machine, "mc", "guid"), "GUID is not the DMI UUID")

    def wrong_password(self) -> None:
        done = self.lab.bmcs["m1"].ipmitool("chassis", "power", "status", check=False, password="wrong")
        expect(done.returncode != 0 and "Unable to establish" in done.stderr, f"not refused: {done}")

    def freeipmi(self) -> None:
        bmc = self.lab.bmcs["m1"]
        access = ("-h", bmc.bmc.address, "-u", bmc.bmc.user, "-p", bmc.password)
        run = self.lab.namespace.run
        expect(run("ipmipower", *FREEIPMI, *access, "--stat").stdout.endswith(": off\n"), "ipmipower")
        guid = run("bmc-info", *FREEIPMI, *access, "--get-system-guid").stdout.strip()
        expect(guid == self.bios.uuid, f"system GUID is {guid}")
        run("ipmi-config", *FREEIPMI, *access, "--category=chassis", "--commit", "-e",
            "Chassis_Boot_Flags:Boot_Device=PXE")
        flags = self.boot_flags(self.bios)
        expect("Boot Flag Valid" in flags and "Force PXE" in flags, flags)
        wrong = run("ipmipower", *FREEIPMI, *access[:-1], "wrong", "--stat", check=False).stdout
        expect("password invalid" in wrong, wrong)

    # Booting

    def power_on_pxe(self) -> None:
        for machine in (self.bios, self.uefi):
            self.ipmi(machine, "chassis", "bootdev", "pxe")
            expect("Options apply to only next boot" in self.boot_flags(machine), "flags are not one-time")
        self.powered_at = time.monotonic()
        for machine in (self.bios, self.uefi):
            self.ipmi(machine, "chassis", "power", "on")
            expect(self.lab.bmcs[machine.name].power() == "on", f"{machine.name} is not on")
            expect("Boot Flag Invalid" in self.boot_flags(machine), "one-time flags are still valid after power on")

    def fetches_script(self, machine: Machine, platform: str) -> str:
        path = "/boot/" + machine.mac.replace(":", "-")
        request = self.boot.await_request(path, Deadline(BOOT_SECONDS))
        expect(request.query["uuid"] == machine.uuid, f"the firmware says UUID {request.query['uuid']}")
        expect(request.query["platform"] == platform, f"platform {request.query['platform']}")
        expect(request.query["serial"] == machine.serial, f"serial {request.query['serial']}")
        return f"{request.at - self.powered_at:.1f} s after power on"

    def guest_sees(self, machine: Machine) -> str:
        log = LogReader(machine.serial_log, from_start=True)
        log.expect(r"floor ready", Deadline(BOOT_SECONDS))
        took = time.monotonic() - self.powered_at
        facts: dict[str, list[str]] = {}
        for word, value in re.findall(r"floor (\S+) ?([^\r\n]*)", machine.serial_log.read_text(errors="replace")):
            facts.setdefault(word, []).append(value.strip())
        self.facts[machine.name] = facts
        assert machine.bmc
        for word, value in (("uuid", machine.uuid), ("serial", machine.serial), ("firmware", machine.firmware),
                            ("nic", machine.mac), ("bootif", "01-" + machine.mac.replace(":", "-"))):
            expect(facts.get(word) == [value], f"{word} is {facts.get(word)}, not {value}")
        disks = [line.split() for line in facts["disk"]]
        for disk in machine.disks:
            expect(any(int(size) * 512 == disk.size and wwid == f"naa.{disk.wwn}" and serial == disk.serial
                       for _, size, wwid, serial in disks), f"no {disk} among {disks}")
        return f"{took:.1f} s after power on"

    def in_band(self, machine: Machine) -> str:
        facts = self.facts[machine.name]
        assert machine.bmc
        expect(facts["bmc-address"] == [machine.bmc.address], f"BMC address in band: {facts['bmc-address']}")
        expect(facts["bmc-mac"] == [machine.bmc.mac], f"BMC MAC in band: {facts['bmc-mac']}")
        expect(facts["bmc-guid"] == [machine.uuid], f"BMC GUID in band: {facts['bmc-guid']}")
        return machine.bmc.address

    def serial_over_lan(self, machine: Machine) -> None:
        with SerialOverLan(self.lab.bmcs[machine.name]) as sol:
            sol.send(b"echo over lan\r")
            sol.expect(b"floor echo over lan", Deadline(30))

    # Power

    def silent_bmc(self) -> None:
        bmc, qemu = self.lab.bmcs["m2"], machines.must_run(self.uefi)
        bmc.silence()
        try:
            expect(not bmc.pong(), "a stopped BMC answers")
        finally:
            bmc.wake()
        expect(bmc.pong(2.0), "the BMC does not answer again")
        bmc.restart(password="another")
        expect(bmc.power() == "on", "power state lost with the BMC's restart")
        expect(machines.must_run(self.uefi).ident == qemu.ident, "the machine has been restarted")
        bmc.restart(password=self.lab.password)

    def acpi_off(self, machine: Machine) -> str:
        qemu = machines.must_run(machine)
        with SerialOverLan(self.lab.bmcs[machine.name]) as sol:
            sol.send(b"off\r")
            expect(qemu.wait(Deadline(60)), "the guest's power off does not end QEMU")
        expect(self.lab.bmcs[machine.name].power() == "off", "the BMC has not seen the power off")
        return f"QEMU {qemu.pid}"

    def disk_boot(self) -> None:
        """With a system on the disk: no flags mean the disk, one-time PXE the network, once."""
        with (self.bios.path / "disk0.raw").open("r+b") as disk:
            disk.write(COUNTER.read_bytes())
        self.boot.forget()
        log = LogReader(self.bios.serial_log)
        self.ipmi(self.bios, "chassis", "power", "on")
        log.expect(r"ingot counter 3\b", Deadline(BOOT_SECONDS))
        expect(self.boot.requests.empty(), "it has asked the network first")
        self.ipmi(self.bios, "chassis", "bootdev", "pxe")
        self.ipmi(self.bios, "chassis", "power", "cycle")
        log = LogReader(self.bios.serial_log)
        log.expect(r"floor ready", Deadline(BOOT_SECONDS))
        with SerialOverLan(self.lab.bmcs["m1"]) as sol:  # the guest's own reboot is no longer PXE's
            sol.send(b"reboot\r")
        log.expect(r"ingot counter 3\b", Deadline(BOOT_SECONDS))

    def persistent_flags(self) -> None:
        qemu = machines.must_run(self.bios)
        self.ipmi(self.bios, "chassis", "bootdev", "pxe", "options=persistent")
        log = LogReader(self.bios.serial_log)
        for word in ("reset", "cycle"):
            self.ipmi(self.bios, "chassis", "power", word)
            log.expect(r"floor ready", Deadline(BOOT_SECONDS))
            flags = self.boot_flags(self.bios)
            expect("all future boots" in flags and "Boot Flag Valid" in flags, f"after {word}: {flags}")
            same = machines.must_run(self.bios).ident == qemu.ident
            expect(same == (word == "reset"), f"after {word} the process is {'the same' if same else 'another'}")
        self.ipmi(self.bios, "chassis", "bootdev", "disk")
        self.ipmi(self.bios, "chassis", "power", "reset")
        log.expect(r"ingot counter 3\b", Deadline(BOOT_SECONDS))

    def power_off(self) -> None:
        qemu = machines.must_run(self.bios)
        other = machines.running(self.uefi)
        self.ipmi(self.bios, "chassis", "power", "off")
        expect(qemu.wait(Deadline(10)), "QEMU lives on after power off")
        expect(self.lab.bmcs["m1"].power() == "off", "the BMC says it is not off")
        expect((other is None) == (machines.running(self.uefi) is None), "the other machine has changed too")

    def no_bmc(self) -> str:
        """A machine without BMC (virtio-blk disks) boots from the network by itself."""
        machine = self.lab.add_machine("m4", 4, "bios", bmc=False, scsi=False, memory_mib=768)
        self.powered_at = time.monotonic()
        machines.power_on(machine)
        self.lab.namespace.cut(machine.tap)
        self.lab.namespace.mend(machine.tap)
        log = LogReader(machine.serial_log, from_start=True)
        log.expect(r"floor bmc-address none", Deadline(BOOT_SECONDS))
        serials = re.findall(r"floor disk vd\w \d+ \S+ (\S+)", machine.serial_log.read_text(errors="replace"))
        expect(serials == [disk.serial for disk in machine.disks], f"virtio-blk serials {serials}")
        return f"{time.monotonic() - self.powered_at:.1f} s after power on"

    def cut_cable(self) -> None:
        """A machine whose cable is cut gets nothing from the network."""
        machine = self.lab.machines["m4"]
        self.boot.forget()
        machines.power_off(machine)
        self.lab.namespace.cut(machine.tap)
        log = LogReader(machine.serial_log)
        machines.power_on(machine)
        log.expect(r"No bootable device", Deadline(BOOT_SECONDS))
        expect(self.boot.requests.empty(), "it has reached the boot server")
        self.lab.namespace.mend(machine.tap)
        machines.power_off(machine)


def judge() -> None:
    """The judge of counters must see what it is there to see."""
    ingot = Ingot(Path("/bin/false"), "", "", Path("/dev/null"), Path("/dev/null"))

    def faults(*sessions: bytes, pace: float = 0.0) -> list[str]:
        now = itertools.count()
        console = CounterConsole(ingot, "vm", clock=lambda: next(now) * pace)
        for session in sessions:
            console.begin_session()
            for i in range(0, len(session), 7):  # lines come in pieces
                console.take(session[i:i + 7])
        return console.faults

    def lines(*numbers: int) -> bytes:
        return b"".join(b"ingot counter %d\r\n" % n for n in numbers)

    expect(faults(b"unter 4\r\n" + lines(5, 6, 7)) == [], "a clean run is judged faulty")
    expect(faults(lines(5, 6, 8)), "a gap is not seen")
    expect(faults(lines(5, 6, 6)), "a repeat is not seen")
    expect(faults(lines(5, 6, 1, 2)), "a restart is not seen")
    expect(faults(lines(5, 6), lines(*range(1, 50)), pace=1) == [], "history is judged a repeat")
    expect(faults(lines(*range(5, 60)), lines(*range(1, 40)), pace=1), "a restart between two sessions is not seen")
    expect(faults(lines(5, 6), lines(3, 4, 6)), "a gap in history is not seen")
    expect(faults(lines(5, 6), lines(3, 4, 5, 6, 8)), "a gap after history is not seen")
    expect(faults(lines(5, 6), lines(500, 501)), "a jump between two sessions is not seen")
    expect(faults(lines(5, 6), lines(7, 8)) == [], "a new session that goes on is judged faulty")


def removal(checks: Checks, lab: Lab) -> None:
    """Taking down ends what is on record and still the same, and nothing else."""
    processes = [Process(e["name"], ProcessId(e["pid"], e["start"]), child=False)
                 for e in lab.records if e["kind"] == "process"]
    bystander = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    start = start_time(bystander.pid) or 0
    lab.records.add("process", name="recycled", pid=bystander.pid, start=start - 1, log="")
    (lab.root / "mine").write_text("not the lab's")

    def down() -> None:
        left = remove(lab.root)
        expect(left == [], f"left: {left}")
        expect(not [p.pid for p in processes if p.alive()], "processes live on")
        expect(lab.namespace.inode() is None, "the namespace is there")
        expect([p.name for p in lab.root.iterdir()] == ["mine"], f"in the directory: {list(lab.root.iterdir())}")
        expect(start_time(bystander.pid) == start, "a process with a recycled id was killed")
        expect(remove(lab.root) == [], "a second removal finds something")

    checks.run("taking down removes what the lab made, and nothing else", down)
    bystander.communicate()
    (lab.root / "mine").unlink(missing_ok=True)

    def after_crash() -> None:
        first = Lab.create(lab.root, lab.namespace.name, lab.accel, PARTS)
        machine = first.add_machine("m1", 1, "bios", memory_mib=256)
        machines.power_on(machine)
        qemu, bmc = machines.must_run(machine), first.bmcs["m1"].process
        assert bmc
        expect(bmc.alive(), "the BMC does not run")
        first.unlock()  # as if its program had died here
        second = Lab.create(lab.root, lab.namespace.name, lab.accel, PARTS)
        expect(not qemu.alive() and not bmc.alive(), "the first lab's processes live on")
        expect(not (lab.root / "machines/m1").exists(), "the first lab's files are there")
        second.unlock()
        expect(remove(lab.root) == [], "the second lab is not removed")

    checks.run("a new lab first removes what a crash has left", after_crash)
    shutil.rmtree(lab.root, ignore_errors=True)


def main() -> int:
    checks = Checks()
    accel.require_guest(PARTS)
    kind, why = accel.choose(PARTS)
    print(f"machines run on {kind}: {why}", flush=True)
    lab = Lab.create(ROOT, "ingot-lab-check", kind, PARTS, say=print)
    floor = Floor(lab)

    def run(name: str, check: Callable[[], object]) -> None:
        checks.run(name, check)

    try:
        run("the judge of counters sees gaps, repeats and restarts", judge)
        run("BMCs answer, machines are off", floor.bmc_answers)
        run("the BMC's GUID is the machine's DMI UUID", floor.guid_is_dmi_uuid)
        run("a wrong BMC password is refused", floor.wrong_password)
        run("FreeIPMI reads power and GUID and sets boot flags", floor.freeipmi)
        run("power on with one-time PXE", floor.power_on_pxe)
        run("BIOS machine fetches its iPXE script", lambda: floor.fetches_script(floor.bios, "pcbios"))
        run("UEFI machine fetches its iPXE script", lambda: floor.fetches_script(floor.uefi, "efi"))
        for machine in (floor.bios, floor.uefi):
            run(f"{machine.firmware} guest sees its identity and disks", partial(floor.guest_sees, machine))
            run(f"{machine.firmware} guest reads its BMC in band", partial(floor.in_band, machine))
        run("serial over LAN, both ways", lambda: floor.serial_over_lan(floor.uefi))
        run("a silent or restarted BMC does not touch its machine", floor.silent_bmc)
        run("ACPI power off is seen by the BMC (UEFI)", lambda: floor.acpi_off(floor.uefi))
        run("ACPI power off is seen by the BMC (BIOS)", lambda: floor.acpi_off(floor.bios))
        run("one-time PXE is for one boot", floor.disk_boot)
        run("persistent boot flags last; reset and cycle", floor.persistent_flags)
        run("power off ends that machine only", floor.power_off)
        run("a machine without BMC boots from the network", floor.no_bmc)
        run("a cut cable cuts", floor.cut_cable)
        floor.boot.close()
        removal(checks, lab)
    finally:
        if checks.failed and os.environ.get("INGOT_LAB_KEEP"):
            print(left_standing(ROOT))
        else:
            remove(ROOT)
    return checks.close()


if __name__ == "__main__":
    sys.exit(main())
