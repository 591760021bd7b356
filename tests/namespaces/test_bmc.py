#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""BMCs over IPMI 2.0: provisioner/bmc driven by build/bmc-try, against ipmi_sim in a namespace; and the provisioner itself, which is
told by its API where they are."""

import contextlib
import os
import re
import signal
import socket
import sys
import threading
import time

import ns
from appliance import Appliance, expect_problem

sys.dont_write_bytecode = True
ns.need("ip", "ipmi_sim")

network = ns.Network()
bmcs = network.namespace("bmc")
network.run(bmcs, "ip", "link", "add", "lan", "type", "bridge")
network.run(bmcs, "ip", "link", "set", "lan", "up")
for last in (1, 11, 12, 13):
    network.run(bmcs, "ip", "address", "add", f"10.78.0.{last}/24", "dev", "lan")

UUID = "01234567-89ab-4def-8123-456789abcdef"
PASSWORD = "opensesame-12345"

CHASSIS = """#!/bin/sh
# ipmi_sim's chassis_control: keeps power and boot device in files, and every call in a log.
cd "$(dirname "$0")" || exit 1
echo "$*" >>log
action=$1
shift
while [ $# -gt 0 ]; do
	if [ "$action" = get ]; then
		echo "$1:$(cat "$1")"
		shift
	else
		echo "$2" >"$1"
		shift 2
	fi
done
"""


class Bmc:
    """One ipmi_sim. Its serial port is a TCP server of ours."""

    def __init__(self, name, address, guid=UUID.replace("-", ""), chassis=True, commands=""):
        self.address = address
        self.folder = os.path.join(network.folder, name)
        os.mkdir(self.folder)
        os.mkdir(os.path.join(self.folder, "state"))
        self.write("chassis", CHASSIS)
        os.chmod(self.path("chassis"), 0o755)
        self.write("power", "0\n")
        self.write("boot", "none\n")
        self.write("log", "")
        with network.inside(bmcs):
            self.serial = socket.create_server(("127.0.0.1", 0))
        auth = "\n".join(f"allowed_auths_{level} none md2 md5 straight" for level in ("callback", "user", "operator", "admin"))
        self.write("lan.conf", f"""name "{name}"
set_working_mc 0x20
startlan 1
addr {address} 623
priv_limit admin
{auth}
{f'guid {guid}' if guid else ''}
endlan
{f'chassis_control "{self.path("chassis")}"' if chassis else ''}
sol "tcp:127.0.0.1:{self.serial.getsockname()[1]}" 115200
user 1 true "" "" user 10 none md2 md5 straight
user 2 true "admin" "{PASSWORD}" admin 10 none md2 md5 straight
""")
        self.write("sim.emu", f"""mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 0x42 0x9f 0x2a7c 0xf02
{commands}
mc_enable 0x20
""")
        self.process = network.start(bmcs, "ipmi_sim", "-c", self.path("lan.conf"), "-f", self.path("sim.emu"), "-s",
                                     self.path("state"), "-n")
        ns.wait_until(self.listens, 10, "ipmi_sim listens")

    def listens(self):
        assert self.process.process.poll() is None, self.process.process.stdout.read()
        return f"{self.address}:623" in network.run(bmcs, "ss", "-Hlun").stdout

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(text)

    def read(self, name):
        with open(self.path(name), encoding="ascii") as f:
            return f.read()


def environment(password=PASSWORD):
    return {**os.environ, "BMC_PASSWORD": password}


KNOWN = ("-q", "0x10", "-c", "3")  # what ipmi_sim needs, as probe finds it


def attempt(address, command, *options, user="admin", password=PASSWORD):
    return network.run(bmcs, ns.built("bmc-try"), "-u", user, *options, address, command, check=False,
                       env=environment(password))


def ask(address, command, *options, **kwargs):
    result = attempt(address, command, *options, **kwargs)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(result, code):
    assert result.returncode != 0 and result.stderr.startswith(code + ": "), result
    assert PASSWORD not in result.stdout + result.stderr, "a password was printed"
    return result.stderr


def fresh(name, address="10.78.0.11", **kwargs):
    return Bmc(name, address, **kwargs)


def test_probe_tells_identity_and_what_works():
    bmc = fresh("probe")
    found = dict(line.split(" ", 1) for line in ask(bmc.address, "probe").splitlines())
    assert found["quirks"] == "0x10" and found["cipher-suite"] == "3", found
    assert found["firmware"] == "9.42", found
    assert "Super Micro" in found["manufacturer"], found


def test_uuid_in_each_byte_order():
    reversed_bytes = bytes.fromhex(UUID.replace("-", ""))[::-1].hex()
    fields = UUID.split("-")
    smbios = "".join(bytes.fromhex(f)[::-1].hex() for f in fields[:3]) + fields[3] + fields[4]
    for name, guid in (("ipmi", reversed_bytes), ("smbios", smbios), ("rfc", UUID.replace("-", ""))):
        bmc = fresh("guid-" + name, guid=guid)
        assert f"uuid {UUID}\n" in ask(bmc.address, "probe", *KNOWN), name
        bmc.process.end()


def test_power():
    bmc = fresh("power")
    assert ask(bmc.address, "status", *KNOWN) == "off\n"
    ask(bmc.address, "on", *KNOWN)
    assert ask(bmc.address, "status", *KNOWN) == "on\n"
    ask(bmc.address, "reset", *KNOWN)
    ask(bmc.address, "soft-off", *KNOWN)
    assert "set reset 1\nset shutdown 1\n" in bmc.read("log"), bmc.read("log")
    ask(bmc.address, "cycle", *KNOWN)
    assert ask(bmc.address, "status", *KNOWN) == "off\n"
    ns.wait_until(lambda: ask(bmc.address, "status", *KNOWN) == "on\n", 10, "the cycle ends on")
    ask(bmc.address, "off", *KNOWN)
    assert ask(bmc.address, "status", *KNOWN) == "off\n"


def test_cycle_of_a_machine_that_is_off_powers_it_on():
    bmc = fresh("cycle-off")
    ask(bmc.address, "cycle", *KNOWN)
    assert ask(bmc.address, "status", *KNOWN) == "on\n"
    assert "set power 0" not in bmc.read("log"), bmc.read("log")


def test_boot_device():
    bmc = fresh("boot")
    for command, seen in (("boot-pxe", "pxe"), ("boot-disk", "default"), ("boot-pxe-uefi", "pxe"), ("boot-none", "none")):
        ask(bmc.address, command, *KNOWN)
        assert bmc.read("boot") == seen + "\n", (command, bmc.read("boot"))


def test_wrong_password_is_told_quickly():
    bmc = fresh("password")
    for options in ((), KNOWN):
        started = time.monotonic()
        text = refused(attempt(bmc.address, "status", *options, password="wrong"), "credentials")
        assert "refused the password" in text, text
        assert time.monotonic() - started < 10
    assert "refused the user name" in refused(attempt(bmc.address, "probe", user="nobody"), "credentials")
    refused(attempt(bmc.address, "on", *KNOWN, password="x" * 21), "invalid")
    refused(attempt(bmc.address, "on", *KNOWN, user="x" * 17), "invalid")
    refused(attempt("bmc.example", "on", *KNOWN), "invalid")
    assert bmc.read("power") == "0\n"


def test_a_silent_address_is_unreachable_within_the_deadline():
    for options in ((), KNOWN):
        started = time.monotonic()
        text = refused(attempt("10.78.0.13", "status", *options), "unreachable")
        assert "10.78.0.13 does not answer" in text, text
        assert 1 < time.monotonic() - started < 10


def test_a_bmc_that_falls_silent_does_not_hang():
    """Every packet is swallowed from the session's third on."""
    bmc = fresh("falls-silent")
    with network.inside(bmcs):
        front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    front.bind(("10.78.0.12", 623))
    back.connect((bmc.address, 623))

    def relay():
        for _ in range(3):
            data, peer = front.recvfrom(2048)
            back.send(data)
            front.sendto(back.recv(2048), peer)

    thread = threading.Thread(target=relay)
    thread.start()
    started = time.monotonic()
    refused(attempt("10.78.0.12", "status", *KNOWN), "unreachable")
    assert time.monotonic() - started < 12
    thread.join()
    front.close()
    back.close()


def test_a_command_the_bmc_does_not_know_is_unsupported():
    bmc = fresh("unsupported", chassis=False)
    assert "completion code 0xcc" in refused(attempt(bmc.address, "on", *KNOWN), "unsupported")


def test_an_error_of_the_bmc_comes_with_its_completion_code():
    bmc = fresh("broken")
    os.remove(bmc.path("chassis"))
    assert "completion code 0xff" in refused(attempt(bmc.address, "status", *KNOWN), "internal")


def test_scan_finds_those_that_answer():
    first, second = fresh("scan-a"), fresh("scan-b", "10.78.0.12")
    # Somebody who answers, but not as a BMC does.
    with network.inside(bmcs):
        impostor = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    impostor.bind(("10.78.0.13", 623))
    impostor.settimeout(0.1)
    stop = threading.Event()

    def echo():
        while not stop.is_set():
            try:
                data, peer = impostor.recvfrom(2048)
                impostor.sendto(data, peer)
            except TimeoutError:
                continue

    thread = threading.Thread(target=echo)
    thread.start()
    out = network.run(bmcs, ns.built("bmc-try"), "scan", "10.78.0.1-10.78.0.254", "10.78.1.7").stdout
    stop.set()
    thread.join()
    impostor.close()
    assert sorted(out.split()) == [first.address, second.address], out


def test_serial_over_lan_both_ways():
    bmc = fresh("sol")
    console = network.start(bmcs, ns.built("bmc-try"), "-u", "admin", *KNOWN, bmc.address, "console", env=environment())
    bmc.serial.settimeout(15)
    serial, _ = bmc.serial.accept()
    serial.settimeout(15)
    # Input waits for the session; what the serial port said before it is lost, as with real ones.
    console.send("root")
    received = b""
    while not received.endswith(b"root\n"):
        received += serial.recv(100)
    assert received == b"root\n", received
    serial.sendall(b"Password: \r\n")
    console.expect("Password: ", 15)
    text = "".join(f"line {n} of a long boot log\r\n" for n in range(400))
    serial.sendall(text.encode())
    console.expect("line 399 of a long boot log", 60)
    lines = re.findall(r"line (\d+) of a long boot log", console.text)
    assert lines == [str(n) for n in range(400)], "lines were lost or doubled"
    # The next one takes the session over, also from a process that was killed. (ipmi_sim takes the first packet of a
    # session for one of the session before, hence the repetition.)
    console.end(signal.SIGKILL)
    console = network.start(bmcs, ns.built("bmc-try"), "-u", "admin", *KNOWN, bmc.address, "console", env=environment())
    serial.settimeout(2)
    received = b""
    for _ in range(8):
        console.send("again")
        with contextlib.suppress(TimeoutError):
            received += serial.recv(100)
        if b"again\n" in received:
            break
    assert b"again\n" in received, received
    console.process.stdin.close()
    assert console.process.wait(10) == 0
    serial.close()


def full_record(number, kind, unit, name, multiplier=1):
    """A threshold sensor's data record (IPMI v2.0 table 43-1): 80 is too warm, 90 is critical."""
    thresholds = bytes([0, 90, 80, 0, 0, 0])
    body = bytes([0x20, 0, number, 3, 1, 0x7f, 0x68, kind, 1]) + bytes([0x80, 0x0a, 0x80, 0x7a, 0x18, 0x18]) + \
        bytes([0, unit, 0, 0, multiplier, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0]) + thresholds + bytes([1, 1, 0, 0, 0]) + \
        bytes([0xc0 | len(name)]) + name.encode()
    record = bytes([0, 0, 0x51, 1, len(body)]) + body
    return "main_sdr_add 0x20 " + " ".join(f"0x{byte:02x}" for byte in record)


def sensor(number, kind, value):
    states = "000110000000000"
    return (f"sensor_add 0x20 0 {number} {kind} 1\n"
            f"sensor_set_event_support 0x20 0 {number} enable scanning per-state {states} {states} {states} {states}\n"
            f"sensor_set_threshold 0x20 0 {number} settable 011000 0 90 80 0 0 0\n"
            f"sensor_set_value 0x20 0 {number} {value} 0\n")


def test_sensors_are_read():
    bmc = fresh("sensors", commands="sel_enable 0x20 1000 0x0a\n" + sensor(1, 1, 42) + sensor(2, 1, 95) + sensor(3, 4, 30) +
                "\n".join((full_record(1, 1, 1, "Inlet Temp"), full_record(2, 1, 1, "CPU Temp"),
                           full_record(3, 4, 18, "Fan 1", 100))))
    lines = [line.split("|") for line in ask(bmc.address, "sensors", *KNOWN).splitlines()]
    assert [line[0] for line in lines] == ["Inlet Temp", "CPU Temp", "Fan 1"], lines
    assert lines[0][1:5] == ["Temperature", "42", "C", "0"], lines
    assert lines[1][1:5] == ["Temperature", "95", "C", "2"], lines
    assert lines[2][1:4] == ["Fan", "3000", "RPM"], lines


def test_no_sensors_is_no_error():
    bmc = fresh("bare")
    assert ask(bmc.address, "sensors", *KNOWN) == ""


def sel_entry(kind, *data):
    """What ipmi_sim puts into it as time are the seconds since its start: its clock was never set."""
    return f"sel_add 0x20 {kind} " + " ".join(str(byte) for byte in data) + "\n"


def too_warm(reading, event=1):
    """A threshold event of temperature 2 with its reading (IPMI v2.0 table 29-6); event 0x81: it is over."""
    return sel_entry(2, 0, 0, 0, 0, 0x20, 0, 4, 1, 2, event, 0x59, reading, 90)


def test_the_event_log_is_read():
    assert ask(fresh("sel-none", commands="sel_enable 0x20 1000 0x0a\n").address, "sel", *KNOWN) == ""
    bmc = fresh("sel", "10.78.0.12", commands="sel_enable 0x20 1000 0x0a\n" + too_warm(95) + too_warm(85, 0x81) +
                sel_entry(2, 0, 0, 0, 0, 0x20, 0, 4, 8, 7, 0x6f, 0x03, 255, 255) + sel_entry(0xe0, *range(13)))
    lines = [line.split("|") for line in ask(bmc.address, "sel", *KNOWN).splitlines()]
    assert len(lines) == 4, lines
    assert [line[1] for line in lines] == ["0"] * 4, lines
    assert lines[0][2:4] == ["Sensor #2", "Temperature"], lines
    assert "going high" in lines[0][4] and "Reading = 5Fh" in lines[0][4] and lines[0][5:] == ["2", "began"], lines
    assert lines[1][6] == "ended", lines
    assert lines[2][3] == "Power Supply" and "input lost" in lines[2][4], lines
    assert lines[3][1:4] == ["0", "-", "-"] and "0Ch" in lines[3][4], lines


def test_of_a_long_event_log_the_newest_are_kept():
    bmc = fresh("sel-long", commands="sel_enable 0x20 1000 0x0a\n" + "".join(too_warm(number % 100) for number in range(520)))
    lines = [line.split("|") for line in ask(bmc.address, "sel", *KNOWN).splitlines()]
    assert len(lines) == 512, len(lines)
    numbers = [int(line[0]) for line in lines]
    assert numbers == sorted(numbers) and numbers[-1] - numbers[0] == 511, numbers
    assert "Reading = 08h" in lines[0][4] and "Reading = 13h" in lines[-1][4], (lines[0], lines[-1])


def test_console_tells_why_it_ended():
    bmc = fresh("sol-errors")
    for address, password, code in ((bmc.address, "wrong", "credentials"), ("10.78.0.13", PASSWORD, "unreachable")):
        started = time.monotonic()
        console = network.start(bmcs, ns.built("bmc-try"), "-u", "admin", *KNOWN, address, "console",
                                env=environment(password))
        console.expect(code + ": console of BMC " + address, 30)
        assert console.process.wait(10) != 0
        assert time.monotonic() - started < 25


@contextlib.contextmanager
def provisioner():
    """One whose configuration names no BMC, on their network."""
    appliance = Appliance()
    try:
        network.link(bmcs, "srv", appliance.home, "bmc0")
        network.run(bmcs, "ip", "link", "set", "srv", "master", "lan")
        appliance.network.run(appliance.home, "ip", "address", "add", "10.78.0.2/24", "dev", "bmc0")
        appliance.start()
        yield appliance
        appliance.stop()
    finally:
        appliance.network.close()


def scanned(appliance, answered, refused):
    """Once a scan with the present password is over: the range, and the one machine."""
    def look():
        now = appliance.get("/v1/bmc-ranges/rack1").json
        return now if now["scanned_at"] else None
    found = ns.wait_until(look, 60, "a scan is over")
    assert (found["addresses"], found["answered"], found["refused"]) == (3, answered, refused), found
    machines = appliance.get("/v1/machines").json["items"]
    assert len(machines) == 1, machines
    return machines[0]


def test_a_provisioner_that_is_told_where_bmcs_are_finds_their_machines():
    bmc = fresh("told")
    wanted = {"name": "rack1", "range": "10.78.0.11-10.78.0.13", "user": "admin", "password": "Not-The-Password"}
    with provisioner() as appliance:
        assert appliance.get("/v1/machines").json["items"] == []
        expect_problem(appliance.post("/v1/bmc-ranges", {**wanted, "range": "10.78.0.13-10.78.0.11"}), 400, "invalid", "range",
                       "ends before it begins")
        made = appliance.post("/v1/bmc-ranges", wanted)
        assert made.status == 201 and made.json["scanned_at"] is None, made
        machine = scanned(appliance, 1, 1)
        assert machine["bmc_address"] == bmc.address and machine["bmc_state"] == "credentials", machine
        assert "refused the password" in machine["bmc_error"]["text"], machine
        assert "set" not in bmc.read("log"), bmc.read("log")
        # The right one, as a person gives it: not on the command line.
        password = os.path.join(appliance.folder, "rack1.password")
        with open(password, "w", encoding="ascii") as f:
            f.write(PASSWORD + "\n")
        said = appliance.ingot("bmc-range", "update", "rack1", "--password-file", password, check=0)
        machine = scanned(appliance, 1, 0)
        assert machine["bmc_state"] == "ok" and machine["bmc_uuid"] == UUID and machine["bmc_error"] is None, machine
        # It was off: it is switched on, to be looked into.
        ns.wait_until(lambda: bmc.read("power") == "1\n" and bmc.read("boot") == "pxe\n", 60, "the machine is booted by PXE")
        shown = appliance.ingot("bmc-range", "list", check=0)
        assert "10.78.0.11-10.78.0.13" in shown.stdout, shown.stdout
        told = [appliance.get(path).data.decode() for path in
                ("/v1/bmc-ranges", "/v1/bmc-ranges/rack1", "/v1/machines", "/v1/events?limit=1000", "/v1/audit?limit=1000")]
        appliance.ingot("bmc-range", "delete", "rack1", check=0)
        assert appliance.get("/v1/bmc-ranges").json["items"] == []
        assert appliance.get("/v1/machines").json["items"][0]["bmc_state"] == "ok"
        for text in (*told, made.data.decode(), said.stdout, said.stderr, shown.stdout, appliance.process.text):
            assert PASSWORD not in text and wanted["password"] not in text, text


ns.main([value for name, value in list(globals().items()) if name.startswith("test_")], network)
