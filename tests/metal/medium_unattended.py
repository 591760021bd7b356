# SPDX-License-Identifier: GPL-3.0-or-later
"""UEFI with Secure Boot, from a stick, by answers on a second one: wrong ones, a power cut in the middle; then by answers at a URL: a
provisioner that is its own node, on a VLAN over a bond; it deploys another."""

from __future__ import annotations

from pathlib import Path

from lab.checks import expect
from lab.cli import Json
from lab.path import WholePath, describe
from lab.world import Lab
from lab import machine as machines
from medium_appliance import Appliance
from medium_box import BOOT, SECURE, WRITE, Box, Story, installs, on_usb, opens_on_screen, stick
from medium_display import CARD, USB_KEYBOARD, Display
from medium_network import Answers

PASSWORD = "heron-Crate-77-oak"
NAME, BLANK = "rack-2", "m3"
VLAN = 20
NO_START = r"BdsDxe: failed to load Boot\d+ .*LABDISK"
BEHIND_DISK = machines.BOOT_STEP + 1
INSTALLERS = "10.90.2"  # the network of who is installed


class Unattended:
    def __init__(self, lab: Lab, iso: Path, build: Path) -> None:
        self.lab, self.iso, self.build = lab, iso, build
        self.box = Box(lab, "u", 2, SECURE, VLAN, screen=(*CARD, *USB_KEYBOARD))
        self.display = Display(self.box.machine, build / "images/live/vmlinuz")
        self.blank = lab.add_machine(BLANK, 3, "bios", memory_mib=2048)
        self.box.take_in(self.blank.tap)
        self.answers = self.box.machine.path / "answers.img"
        self.appliance: Appliance
        self.path: WholePath
        self.found: dict[str, Json]

    def tell(self) -> Story:
        story = Story("unattended, Secure Boot")
        for name, check in (
                ("answers about a disk that is not there are refused, and nothing is written", self.refused_answers),
                ("the same stands on its screen, where the USB keyboard opens the screens", self.on_screen),
                ("answers put right on the stick are tried again; it writes", self.corrected_answers),
                ("power is cut while it writes; no boot code for BIOS is on the disk", self.cut),
                ("the disk is tried first and does not start; the medium behind it does, and installs by answers at a URL", self.install),
                ("the medium is left in, the answers on a stick: it is not installed again, but started", self.left_in),
                ("it starts from its disk as a provisioner, with Secure Boot from firmware to kernel", self.start),
                ("the console shows address, fingerprint, what to do next", lambda: self.appliance.banner()),
                ("its screen shows the same, and lets a person in at the USB keyboard", lambda: self.appliance.on_screen(self.display)),
                ("a person signs in at the console", lambda: self.appliance.login()),
                ("ingot works there", lambda: self.appliance.shell()),
                ("the dashboard's sign-in page is served, and lets in", lambda: self.appliance.dashboard()),
                ("a cable of its bond is pulled, for good: it is still there", self.pull),
                ("it finds a blank machine through its BMC, by PXE", self.discover),
                ("the machine is accepted", lambda: self.path.accept(self.found)),
                ("it is deployed", lambda: self.path.deploy([BLANK])),
                ("both are its nodes", self.enroll)):
            story.tell(name, check)
        if hasattr(self, "path"):
            self.path.events.close()
        return story

    def text(self, serial: str) -> str:
        box = self.box
        return box.answers("both", serial, box.address, f"""provisioning:
  mac: "{box.rack_mac}"
  address: {box.rack}.1/24
  dhcp_first: {box.rack}.100
  dhcp_last: {box.rack}.200
host_name: {NAME}
admin:
  password: {PASSWORD}
""")

    def write_answers(self, serial: str) -> None:
        stick(self.answers, "INGOT", {"answers.yaml": self.text(serial)})

    def medium(self) -> tuple[str, ...]:
        return on_usb(1, self.iso, "bootindex=0")

    def refused_answers(self) -> str:
        self.write_answers("NOT-THERE")
        console = self.box.start_medium(*self.medium(), *on_usb(2, self.answers))
        said = console.expect(r"(answers\.yaml:4:\d+: disk\.serial.*?)\r?\n", 60)
        expect(self.box.serial in said, f"it does not say which disks there are: {said}")
        console.expect("has failed with status [1-9]", 60)
        console.expect('"r" and Enter tries the answers again', 60)
        expect(self.box.untouched(), "the disk was written to")
        return said

    def on_screen(self) -> None:
        opens_on_screen(self.display, "disk.serial", self.box)

    def corrected_answers(self) -> str:
        console = self.box.console
        assert console
        self.write_answers_in_place()
        console.send("r\r")
        console.expect(r"^medium +100 %", 300)
        return console.expect(r"^(write +[1-9]\d* %.*?)\r?\n", WRITE)

    def write_answers_in_place(self) -> None:
        """Into the stick that the machine has: another image would be another file than QEMU has open."""
        fresh = stick(self.answers.with_name("fresh.img"), "INGOT", {"answers.yaml": self.text(self.box.serial)})
        with self.answers.open("r+b") as image:
            image.write(fresh.read_bytes())

    def cut(self) -> None:
        self.box.cut_power()
        expect(not self.box.untouched(), "nothing had been written yet")
        with self.box.disk.open("rb") as disk:
            expect(not any(disk.read(440)), "there is boot code for BIOS on the disk")

    def install(self) -> str:
        assert self.box.trunk
        answers = Answers(self.lab, self.box.trunk.bridge, INSTALLERS, self.text(self.box.serial))
        try:
            # As machines are set up: whatever there were on the disk to start would start.
            behind = on_usb(1, self.iso, f"bootindex={BEHIND_DISK}")
            last = installs(self.box.start_medium(*behind, words=f"ingot.answers={answers.url}", first=NO_START), NAME)
        finally:
            answers.close()
        expect(answers.asked > 0, "nobody has asked for the answers")
        self.box.await_end(120)
        return last

    def left_in(self) -> str:
        """The same text as was fetched. That the disk is as it was left shows when it starts."""
        console = self.box.start_medium(*self.medium(), *on_usb(2, self.answers))
        said = console.expect(r"^(\S+ was installed by these answers already: starting it)\r?\n", 120)
        self.box.cut_power()
        return said

    def start(self) -> None:
        console = self.box.switch_on()
        # The kernel's own word: it was started by what the firmware trusts, and lets in nothing else.
        console.expect("Kernel is locked down from EFI Secure Boot", BOOT)
        self.appliance = Appliance(self.box, PASSWORD, self.build)
        self.appliance.starts()

    def pull(self) -> None:
        self.box.set_link(False, port=0)
        self.appliance.dashboard()

    # The second machine

    def discover(self) -> str:
        bmc = self.blank.bmc
        assert bmc
        self.appliance.set_bmcs(bmc.address, bmc.user, bmc.password)
        ingot = self.appliance.ingot()
        ingot.text("version", timeout=60)
        self.path = self.appliance.path(ingot)
        found = self.path.discover([self.blank])[BLANK]
        self.found = {BLANK: found}  # the provisioner's own machine is known as well
        expect(found["boot_mac"] == self.blank.mac and found["bmc_address"] == bmc.address, f"it is {found}")
        return describe(found)

    def enroll(self) -> str:
        nodes = self.path.enroll([NAME, BLANK])
        return ", ".join(f"{node['name']} is {node['health']}" for node in nodes)
