#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attended installer, keystroke by keystroke over a pseudo terminal of 80x24, as on a serial console: what stands on the
screen is what a terminal emulator (pyte) makes of the bytes. It ends with a loop device that is a provisioner's disk."""

import json
import os
import sys

import ns
import rig
from screen import DOWN, ENTER, SPACE, TAB, UP
from terminal import Terminal

sys.dont_write_bytecode = True
ns.need("ip", "losetup", "sfdisk", "mkfs.fat", "mtools", "mkfs.ext4", "debugfs", "e2fsck", "grub-mkimage", "blkid", "wipefs")

PASSWORD = "correct horse battery staple"
network = ns.Network()
machine = rig.Rig(network)


def with_terminal(term):
    def wrap(test):
        def run():
            with machine.machine():
                terminal = Terminal(term, machine)
                try:
                    test(terminal)
                finally:
                    terminal.close()
        run.__name__ = test.__name__
        return run
    return wrap


def to_the_disk(t):
    t.see("Language", "English")
    t.press(ENTER)
    t.see("Role", "Provisioner:")
    t.press(ENTER)
    t.see("vda", "9 GiB", "Test disk", "disk-a", "empty")
    t.press(ENTER)
    t.see("To allow the disk", "disk-a")


def answer_the_rest(t, name="rack-1"):
    t.see("Network", "lan0x", "52:54:00:00:00:01", "link")
    t.press(SPACE, TAB, ENTER)
    t.see("Where does its address come from?")
    t.press(DOWN, ENTER)
    t.see("Static address", "Gateway")
    t.fill("192.0.2.10/24", "192.0.2.1", "192.0.2.53")
    t.press(ENTER)
    t.see("Through which interface")
    t.press(DOWN, DOWN, ENTER)
    answer_from_range(t, name)


def answer_from_range(t, name):
    t.see("The provisioner serves DHCP")
    t.fill("10.10.0.1/24", "10.10.0.100", "10.10.0.250", "")
    t.press(ENTER)
    t.see("Host name", "The name of this machine")
    t.fill(name)
    t.press(ENTER)
    t.see("Administrator")
    t.press("abc")
    t.see("***", "too weak")
    t.fill(PASSWORD)
    t.see("strong")
    assert "correct" not in t.text()
    t.fill(PASSWORD)
    t.press(ENTER)
    t.see("Time zone", "UTC")
    t.fill("Asia/Seoul", "")
    t.press(ENTER)


@with_terminal("vt220")
def test_whole(t):
    to_the_disk(t)
    # What is wrong is said, and nothing that was typed is lost.
    t.fill("disk-b")
    t.press(ENTER)
    t.see("is not the disk's serial number")
    t.press(ENTER)
    t.see("To allow the disk", "disk-b")
    t.fill("disk-a")
    t.press(ENTER)
    answer_the_rest(t)
    t.see("Summary", "ERASES /dev/vda, Test disk, 9 GiB, serial disk-a, empty", "Host name rack-1", "10.10.0.250")
    assert machine.untouched() and PASSWORD not in t.text()
    t.press(TAB, ENTER)
    t.see("Installed", "Take the medium out", seconds=120)
    t.press(ENTER)
    assert t.end() == 0
    assert machine.bootable()
    ns.run("e2fsck", "-fn", machine.state())
    assert machine.ask_state("cat /etc/hostname") == "rack-1\n"
    config = json.loads(machine.ask_state("cat /etc/ingot/provisioner.json"))
    assert config["provisioning"] == {"interface": "prov0", "address": "10.10.0.1/24", "dhcp_first": "10.10.0.100",
                                      "dhcp_last": "10.10.0.250"}, config
    assert machine.ask_state("cat /var/lib/ingot/provisioner/admin.password-hash").startswith("$y$")
    assert not machine.has_bytes(PASSWORD.encode())
    assert "Asia/Seoul" in machine.ask_state("stat /etc/localtime")


def test_state_is_kept():
    """Over an old installation: it is recognised, its state is offered to be kept, and kept, its role with it; what is kept is
    not asked."""
    def walk(keep):
        t = Terminal("vt220", machine)
        try:
            t.see("Language", "English")
            t.press(ENTER)
            t.see("Role", "Provisioner:", "Node:")
            t.press(*[DOWN] * keep, ENTER)
            t.see("vda", "Ingot host" if keep else "empty")
            t.press(ENTER)
            if keep:
                t.see("An Ingot host is on this disk", "Keep the state")
                t.press(DOWN, ENTER)
            t.see("To allow the disk", "disk-a")
            t.fill("disk-a")
            t.press(ENTER)
            if not keep:
                answer_the_rest(t, "old")
            t.see("Summary", "Host name old", "Role Provisioner", "KEEPS THE STATE ON" if keep else "ERASES")
            assert ("Network" in t.text()) == (not keep), t.text()
            t.press(TAB, ENTER)
            t.see("Installed", "Take the medium out", seconds=120)
            t.press(ENTER)
            assert t.end() == 0
        finally:
            t.close()
        ns.run("e2fsck", "-fn", machine.state())
        return machine.ask_state("cat /etc/hostname")

    with machine.machine():
        assert walk(keep=False) == "old\n"
        ns.run("debugfs", "-w", "-R", f"write {machine.write('note', 'kept')} /var/lib/ingot/provisioner/note", machine.state())
        assert walk(keep=True) == "old\n"
        assert machine.bootable() and machine.ask_state("cat /var/lib/ingot/provisioner/note") == "kept"


def test_disks_come_and_change():
    """Without a disk a person reads so, and need not begin again once there is one; what is written to it, or wiped, is seen."""
    with machine.machine():
        os.rename(f"{machine.root}/sys/block/vda", machine.path("away"))
        t = Terminal("vt220", machine)
        look_again = TAB + TAB + TAB + ENTER
        try:
            t.see("Language", "English")
            t.press(ENTER)
            t.see("Role", "Provisioner:")
            t.press(ENTER)
            t.see("Where is the system to go?", "Look again")
            t.press(TAB, ENTER)
            t.see("This machine has no disk.", "is switched on in the firmware")
            os.rename(machine.path("away"), f"{machine.root}/sys/block/vda")
            t.press(ENTER)
            t.see("vda", "disk-a", "empty")
            os.rename(f"{machine.root}/sys/block/vda/serial", f"{machine.root}/serial")
            t.press(look_again)
            t.see("vda", "no serial number")
            t.press(ENTER)
            t.see("None of the disks has a serial number or a WWN")
            t.press(ENTER)
            os.rename(f"{machine.root}/serial", f"{machine.root}/sys/block/vda/serial")
            ns.run("mkfs.ext4", "-q", "-F", machine.device)
            with open(machine.device, "r+b") as f:
                f.write(b"bluestore block device\n")
            t.press(look_again)
            t.see("disk-a", "unclear")
            t.press(ENTER)
            t.see("signatures of more than one kind on the disk as a whole", "or choose another disk")
            t.press(ENTER)
            ns.run("wipefs", "-q", "-a", machine.device)
            t.press(look_again)
            t.see("disk-a", "empty")
            t.press(ENTER)
            t.see("To allow the disk", "ERASES /dev/vda, Test disk, 9 GiB, serial disk-a, empty")
        finally:
            t.close()


@with_terminal("vt220")
def test_disk_changes_after_it_was_shown(t):
    """Whoever says "Install" agreed to what stood there, not to what is there by now."""
    to_the_disk(t)
    t.fill("disk-a")
    t.press(ENTER)
    answer_the_rest(t)
    t.see("Summary", "ERASES /dev/vda, Test disk, 9 GiB, serial disk-a, empty")
    ns.run("mkfs.ext4", "-q", "-F", machine.device)
    before = machine.digest()
    t.press(TAB, ENTER)
    t.see("not as they were shown", "Read it again")
    t.press(ENTER)
    t.see("Summary", "ERASES /dev/vda, Test disk, 9 GiB, serial disk-a, holding ext4")
    assert machine.digest() == before
    t.press(TAB, ENTER)
    t.see("Installed", "Take the medium out", seconds=120)


@with_terminal("vt100")
def test_back_and_forth(t):
    to_the_disk(t)
    t.fill("disk-a")
    t.press(ENTER)
    answer_the_rest(t)
    t.see("Summary")
    # Back through all of them, and forth again: each still has its answer.
    back = TAB + TAB + ENTER
    t.press(back)
    t.see("Time zone, such as", "Asia/Seoul")  # the summary has the first two words as well
    t.press(TAB, TAB, TAB, ENTER)
    t.see("Administrator", "****")
    t.press(TAB, TAB, TAB, ENTER)
    t.see("Host name", "rack-1")
    t.press(TAB, ENTER)
    t.see("Administrator")
    t.press(TAB, TAB, ENTER)
    t.see("Time zone", "Asia/Seoul")
    t.press(TAB, TAB, ENTER)
    t.see("Summary", "10.10.0.250", "rack-1", "Asia/Seoul")
    assert machine.untouched()


# From the role to the last: words that only this one has, and how many fields stand before "Next"; one more is "Back". A list goes on
# by Enter.
SCREENS = (("What is this machine to become?", 0), ("Where is the system to go?", 0), ("To allow the disk", 1),
           ("several of them become a bond", 1), ("How are the interfaces bonded?", 0), ("Where does its address come from?", 0),
           ("Through which interface", 0), ("The provisioner serves DHCP", 4), ("The name of this machine", 1), ("The password of", 2),
           ("Time zone, such as", 2))
TO_BACK = {"Where is the system to go?": 2, "To allow the disk": 2, "several of them become a bond": 2, "How are the interfaces bonded?": 2,
           "Where does its address come from?": 3, "Through which interface": 4, "The provisioner serves DHCP": 5,
           "The name of this machine": 2, "The password of": 3, "Time zone, such as": 3}


@with_terminal("vt220")
def test_bond_vlan_dhcp_and_another_role_tried(t):
    """Both ports, tags on both networks, an address by DHCP; then all the way back, another role, and it is all there again."""
    to_the_disk(t)
    t.fill("disk-a")
    t.press(ENTER)
    t.see("several of them become a bond", *rig.MACS.values())
    t.press(SPACE, DOWN, SPACE, TAB, ENTER)
    t.see("How are the interfaces bonded?", "active-backup", "802.3ad")
    t.press(DOWN, ENTER)
    t.see("Where does its address come from?", "Automatically")
    t.press(TAB)
    t.fill("5000")
    t.press(ENTER)
    t.see("1 to 4094")
    t.press(ENTER)
    t.see("Where does its address come from?", "5000")
    t.press(TAB)
    t.fill("20")
    t.press(ENTER)
    t.see("Through which interface", "The same")
    t.press(TAB)
    t.fill("30")
    t.press(ENTER)
    answer_from_range(t, "rack-1")
    summary = ("Summary", "Interfaces " + " ".join(rig.MACS.values()), "Bond 802.3ad", "VLAN 20", "Address Automatically (DHCP)", "VLAN 30",
               "10.10.0.1/24", "DHCP from 10.10.0.100", "DHCP to 10.10.0.250", "Time zone Asia/Seoul")
    t.see(*summary)
    t.press(TAB, TAB, ENTER)
    for words, _ in reversed(SCREENS[1:]):
        t.see(words)
        t.press(*[TAB] * TO_BACK[words], ENTER)
    t.see("What is this machine to become?")
    t.press(DOWN, ENTER)
    t.see("Where is the system to go?")
    t.press(TAB, TAB, ENTER)
    t.see("What is this machine to become?")
    t.press(UP)
    for words, fields in SCREENS:
        t.see(words)
        t.press(*[TAB] * fields, ENTER)
    t.see(*summary)
    assert machine.untouched()


@with_terminal("vt220")
def test_korean(t):
    t.see("Language", "Korean")
    t.press(DOWN, ENTER)
    t.see("프", "로", "비", "저", "너")
    t.press(ENTER)
    t.see("vda", "disk-a")
    t.press(ENTER)
    t.see("모", "두", "지", "워", "짐", "/dev/vda")
    t.fill("disk-b")
    t.press(ENTER)
    # What is wrong is said in it as well, with what was typed and what would be right.
    t.see('"disk-b"', '"disk-a"', "입", "력", "하", "십", "시", "오")
    assert "is not" not in t.text() and machine.untouched()


@with_terminal("linux")
def test_no_korean_where_it_cannot_be_shown(t):
    t.see("Role", "Provisioner:")
    assert "Korean" not in t.text()


ns.main([test_whole, test_state_is_kept, test_disks_come_and_change, test_disk_changes_after_it_was_shown, test_back_and_forth,
         test_bond_vlan_dhcp_and_another_role_tried, test_korean,
         test_no_korean_where_it_cannot_be_shown], network)
