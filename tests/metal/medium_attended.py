# SPDX-License-Identifier: GPL-3.0-or-later
"""BIOS, from an optical drive, by a person at the serial console and, for a moment, at the screen: what is wrong first, then a
provisioner beside another DHCP server. It deploys one machine, another joins it with a token; then it is installed again, with its
state kept."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from lab import machine as machines
from lab import net
from lab.checks import expect
from lab.cli import Json
from lab.machine import GIB
from lab.path import DISCOVER
from lab.wait import Deadline, wait_until
from lab.world import Lab
from medium_appliance import Appliance
from medium_box import WRITE, Box, Story, in_drive, on_usb, opens_on_screen, stick
from medium_display import CARD, Display
from medium_join import READY, Joining
from medium_network import TimeServer, dhcp_server
from screen import DOWN, ENTER, SPACE, TAB, UP, Screen

PASSWORD = "walrus-Rack-42-tin"
POOL_SERIAL = "POOL1"
BLANK = "p"
AGENT_PORT = 8444


class Attended:
    def __init__(self, lab: Lab, iso: Path, build: Path) -> None:
        self.lab = lab
        self.box = Box(lab, "b", 1, "BIOS", screen=CARD)  # and the keyboard of all PCs
        self.display = Display(self.box.machine, build / "images/live/vmlinuz")
        self.time = TimeServer(lab, str(net.PROVISIONER.ip))
        self.build = build
        # A copy of its own, to be damaged.
        self.medium = self.box.machine.path / "medium.iso"
        shutil.copyfile(iso, self.medium)
        self.pool = self.box.machine.path / "pool.raw"
        with self.pool.open("wb") as disk:
            disk.write(b"bluestore block device\n")
            disk.truncate(8 << 30)
        self.joining = Joining(lab, iso, self.box)
        self.blank = lab.add_machine(BLANK, 5, "uefi", bmc=False, disk_sizes=(10 * GIB,), memory_mib=2048)
        self.box.take_in(self.blank.tap)
        self.t: Screen
        self.appliance: Appliance
        self.found: Json
        self.node = ""  # the address of what becomes of it

    def tell(self) -> Story:
        story = Story("attended, BIOS")
        for name, check in (
                ("answers with an unknown key are refused with file, line and key; Enter opens the screens", self.refused_answers),
                ("the same stands on its screen, where the keyboard opens them as well, and moves", self.on_screen),
                ("a pool's member, a disk too small and a wrong serial number are refused", self.disk),
                ("an interface without a link is refused, and taken once its cable is in", self.network),
                ("the rest is answered; back and forth nothing is lost", self.the_rest),
                ("an address that somebody has is refused", self.address_taken),
                ("DHCP that somebody serves is refused; it may stay if the provisioner gives no addresses", self.dhcp_served),
                ("a damaged medium is refused, and nothing was written so far", self.damaged_medium),
                ("it installs, with rate and time left on the screen", self.install),
                ("it starts from its disk as a provisioner", self.start),
                ("the console shows address, fingerprint, what to do next", lambda: self.appliance.banner()),
                ("its screen shows the same, and lets a person in at the keyboard", lambda: self.appliance.on_screen(self.display)),
                ("a person signs in at the console", lambda: self.appliance.login()),
                ("ingot works there", lambda: self.appliance.shell()),
                ("it has the time zone that was chosen", lambda: self.appliance.zone("Asia/Seoul", "KST")),
                ("its clock follows the time server that was named", lambda: self.appliance.follows(str(net.PROVISIONER.ip))),
                ("the dashboard's sign-in page is served, and lets in", lambda: self.appliance.dashboard()),
                ("another machine, first without a disk, is installed from the same medium with a token", self.other_installs),
                ("a blank machine has its address of that server, and its boot file of the provisioner", self.blank_boots),
                ("it is accepted and deployed beside that server", self.blank_is_deployed),
                ("it spoils its own loader; from the medium it is recognised, and its state offered to be kept", self.recognised),
                ("nothing that is kept is asked; it installs", self.install),
                ("it starts with the state it had: address, certificate, password", self.start_again),
                ("the deployed machine and the one with the token are its nodes, and have come back", self.nodes)):
            story.tell(name, check)
        return story

    def media(self) -> tuple[str, ...]:
        return (*in_drive(self.medium), "-drive", f"if=none,id=pool,file={self.pool},format=raw,cache=unsafe",
                "-device", f"scsi-hd,bus=scsi0.0,drive=pool,serial={POOL_SERIAL}")

    # Before the screens

    def refused_answers(self) -> str:
        image = stick(self.box.machine.path / "answers.img", "INGOT-ANS", {"answers.yaml": "role: provisioner\ncolour: red\n"})
        console = self.box.start_medium(*self.media(), *on_usb(1, image))
        said = console.expect(r"^.*(answers\.yaml:2:1: colour.*?)\r?\n", 60)
        console.expect("has failed with status [1-9]", 60)
        console.expect("Enter opens the installer here", 60)
        console.send("\r")
        self.t = Screen(console)
        self.t.see("Language", "English")
        return said

    def on_screen(self) -> None:
        opens_on_screen(self.display, "colour: there is no such key", self.box)

    # The screens

    def pick(self, serials: tuple[str, ...], wanted: str) -> None:
        """Of a list, in the order in which it shows them."""
        lines = [next(s for s in serials if s in line) for line in self.t.text().splitlines() if any(s in line for s in serials)]
        self.t.press(*[UP] * len(lines), *[DOWN] * lines.index(wanted))

    def choose_disk(self, wanted: str) -> None:
        serials = (*(disk.serial for disk in self.box.machine.disks), POOL_SERIAL)
        self.t.see("Where is the system to go?", *serials)
        self.pick((*serials, "no serial number"), wanted)  # sticks are shown as well
        self.t.press(ENTER)

    def disk(self) -> None:
        t = self.t
        t.press(ENTER)
        t.see("Role", "Provisioner:")
        t.press(ENTER)
        t.see("LABDISK", "10 GiB", "4 GiB", "empty", "Ceph")
        for wanted, problem in ((POOL_SERIAL, "member of Ceph"), (self.box.machine.disks[1].serial, "too small")):
            self.choose_disk(wanted)
            t.see(problem)
            t.press(ENTER)
        self.choose_disk(self.box.serial)
        t.see("To allow the disk", self.box.serial)
        t.fill("LAB")
        t.press(ENTER)
        t.see("is not the disk's serial number")
        t.press(ENTER)
        t.see("To allow the disk")
        t.fill(self.box.serial)
        t.press(ENTER)
        expect(self.box.untouched(), "the disk was written to")

    def network(self) -> None:
        t, macs = self.t, (self.box.machine.mac, self.box.rack_mac)
        t.see("several of them become a bond", *macs)
        self.pick(macs, macs[0])
        t.press(SPACE, TAB, ENTER)
        t.see("Where does its address come from?")
        t.press(DOWN, ENTER)
        t.see("Static address", "Gateway")
        # Ours, which we answer for.
        t.fill(str(net.PROVISIONER), "", "")
        t.press(ENTER)
        t.see("Through which interface", *macs)
        self.box.set_link(False)
        self.pick(("The same", *macs), macs[1])
        t.press(ENTER)
        t.see("has no link; connect its cable")
        self.box.set_link(True)
        t.press(ENTER)
        t.see("Through which interface")
        t.press(ENTER)
        t.see("The provisioner serves DHCP there")

    def the_rest(self) -> None:
        t, rack = self.t, self.box.rack
        t.fill(f"{rack}.1/24", f"{rack}.100", f"{rack}.200", "")
        t.press(ENTER)
        t.see("The name of this machine")
        t.fill("rack-1")
        t.press(ENTER)
        t.see("Administrator")
        t.fill(PASSWORD)
        t.see("strong")
        t.fill(PASSWORD)
        t.press(ENTER)
        t.see("Time zone, such as", "UTC")
        t.fill("Asia/Seoul", str(net.PROVISIONER.ip))
        t.press(ENTER)
        t.see("Summary", "rack-1", "Asia/Seoul")
        expect(PASSWORD not in t.text(), "the summary shows the password")
        t.press(TAB, TAB, ENTER)  # back
        # Words that the screen before has not: what is typed while it changes is lost.
        t.see("Time zone, such as", "Asia/Seoul")
        t.press(TAB, TAB, TAB, ENTER)
        t.see("Administrator", "****")
        t.press(TAB, TAB, TAB, ENTER)
        t.see("The name of this machine", "rack-1")
        self.forward("The name of this machine")

    def forward(self, since: str) -> None:
        """From a screen to the summary; every field keeps what it has."""
        screens = (("The provisioner serves DHCP there", 4), ("The name of this machine", 1), ("Administrator", 2),
                   ("Time zone, such as", 2))
        first = [title for title, _ in screens].index(since)
        for title, fields in screens[first:]:
            self.t.see(title)
            self.t.press(*[TAB] * fields, ENTER)
        self.t.see("Summary", "rack-1", "Asia/Seoul", str(net.PROVISIONER.ip), f"{self.box.rack}.100")

    def go(self) -> None:
        self.t.press(TAB, ENTER)

    # What only the summary's button finds

    def address_taken(self) -> None:
        t = self.t
        self.go()
        t.see(f"{net.PROVISIONER.ip} is taken")
        t.press(ENTER)
        t.see("Static address", "Name servers", str(net.PROVISIONER))
        t.fill(f"{self.box.address}/24", "", "")
        t.press(ENTER)
        t.see("Through which interface")
        t.press(ENTER)
        self.forward("The provisioner serves DHCP there")

    def dhcp_served(self) -> None:
        """By a server that stays: it gives the addresses, and the provisioner says where to boot from."""
        t, rack = self.t, self.box.rack
        self.lab.namespace.ip("addr", "add", f"{rack}.9/24", "dev", self.box.bridge)
        dhcp_server(self.lab, self.box.bridge, rack)
        self.go()
        t.see(f"{rack}.9 serves DHCP")
        t.press(ENTER)
        t.see("The provisioner serves DHCP there")
        t.press(*[TAB] * 5, ENTER)  # back
        t.see("Through which interface")
        t.press(TAB, TAB, DOWN, ENTER)
        t.see("Addresses for deployed hosts")
        t.press(*[TAB] * 4, ENTER)
        self.forward("The name of this machine")
        t.see("Another DHCP server does")

    def damaged_medium(self) -> None:
        at = self.medium.stat().st_size // 2  # in the bundle
        with self.medium.open("r+b", buffering=0) as medium:
            medium.seek(at)
            byte = medium.read(1)

            def put(value: bytes) -> None:
                medium.seek(at)
                medium.write(value)

            put(bytes([byte[0] ^ 255]))
            self.go()
            self.t.see("the medium is damaged", "host.bundle", seconds=180)
            put(byte)
        expect(self.box.untouched(), "the disk was written to")
        self.t.press(ENTER)
        self.t.see("Summary", "rack-1")

    def install(self) -> str:
        t, rates = self.t, []

        def done() -> bool:
            t.read(0.05)
            rates.extend(re.findall(r"(?:Checking the medium|Writing the system|Reading it back).*?(\d+ % \S+ \S+/s \d+:\d\d left)", t.flat()))
            return "Take the medium out; Enter restarts" in t.flat()

        self.go()
        wait_until(done, Deadline(WRITE), "the end of the installation", every=0)
        expect(rates or self.lab.accel == "kvm", "no rate and time left were shown")  # they come after a second
        t.press(ENTER)
        self.box.await_end(120)
        return rates[-1] if rates else ""

    def start(self) -> None:
        self.box.switch_on()
        self.appliance = Appliance(self.box, PASSWORD, self.build)
        self.appliance.starts()

    # Once more

    def other_installs(self) -> str:
        machines.power_on(self.blank)
        return self.joining.install(self.appliance.ingot())

    def blank_boots(self) -> str:
        """It was switched on before the other one was installed: UEFI asks a proxy once more, at its own port."""

        def known() -> Json | None:
            found = [m for m in self.joining.ingot.items("machine") if m["uuid"] == self.blank.uuid and m.get("inventory")]
            return found[0] if found else None

        self.found = wait_until(known, Deadline(DISCOVER), "the blank machine to have reported its inventory", every=2)
        given = (self.lab.logs / f"dhcp-{self.box.bridge}.log").read_text(encoding="utf-8")
        expect(re.search(rf"DHCPACK\S+ {self.box.rack}\.[56]\d {self.blank.mac}", given), "the other server has given it no address")
        return str(self.found["firmware"])

    def blank_is_deployed(self) -> str:
        """It has no BMC: it is still in the live image. Deployed, its address is one that the other server does not give."""
        path = self.appliance.path(self.joining.ingot)
        try:
            path.accept({BLANK: self.found})
            path.deploy([BLANK])
            node = path.enroll([BLANK])[0]
        finally:
            path.events.close()
        self.node = node["address"]
        expect(re.fullmatch(rf"{self.box.rack}\.(1\d\d|200)", self.node), f"its address is {self.node}")
        return f"{BLANK} is at {self.node}"

    def recognised(self) -> None:
        self.box.cut_power()
        with self.box.disk.open("r+b") as disk:
            disk.write(bytes(440))
        self.t = t = Screen(self.box.start_medium(*self.media()))
        t.see("Language", "English")
        t.press(ENTER)
        t.see("Role", "Node:")
        t.press(DOWN, ENTER)
        self.choose_disk(self.box.serial)
        t.see("An Ingot host is on this disk", "Keep the state")
        t.press(DOWN, ENTER)
        t.see("To allow the disk", self.box.serial)
        t.fill(self.box.serial)
        t.press(ENTER)
        t.see("Summary", "KEEPS THE STATE ON", "Role Provisioner", "Host name rack-1")
        expect("Network" not in t.text(), f"it shows what it does not look at:\n{t.text()}")

    def start_again(self) -> None:
        before = self.appliance
        self.start()
        self.appliance.banner()
        expect(self.appliance.fingerprint == before.fingerprint, "the certificate is another one")
        self.appliance.dashboard()

    def nodes(self) -> str:
        """Of the one that was away meanwhile. It takes them for ready until they have been silent for long, so it is looked at who
        has come back."""
        self.appliance.login()
        wanted = (self.joining.address, self.node)

        def connected() -> bool:
            peers = self.appliance.console.run(f"ss -Htn state established '( sport = :{AGENT_PORT} )'")
            return all(re.search(rf"\b{re.escape(address)}\]?:\d", peers) for address in wanted)

        wait_until(connected, Deadline(READY), f"{' and '.join(wanted)} to be connected", every=1)
        return self.joining.ready(BLANK)
