# SPDX-License-Identifier: GPL-3.0-or-later
"""A provisioner that was installed from the medium, as a person at its console and in a browser meets it."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import shlex
import socket
import ssl
from pathlib import Path

from lab import machine as machines
from lab.checks import expect
from lab.cli import Events, Ingot
from lab.path import WholePath
from lab.steps import Steps
from lab.wait import LabError
from medium_box import Box, Console
from medium_display import Display

PORT = 443
PAIRS = r"((?:[0-9A-F]{2}:){15}[0-9A-F]{2})"
STATE = "/var/lib/ingot/provisioner"
SYNCED = 60


class Appliance:
    def __init__(self, box: Box, password: str, build: Path) -> None:
        self.box, self.password, self.build = box, password, build
        assert box.console
        self.console: Console = box.console
        self.fingerprint = self.url = ""
        self.halves: list[str] = []
        self.ca = box.machine.path / "ca.pem"

    # At the console

    def starts(self) -> None:
        self.console.expect(r"Started .*ingot-provisioner\.service", 300)

    def banner(self) -> str:
        console = self.console
        # Among others, and not before it is there.
        self.url = console.expect(rf"^ +(https://{re.escape(self.box.address)})\r?\n", 120)
        self.halves = [console.expect(rf"^ +{PAIRS}\r?\n", 30) for _ in range(2)]
        self.fingerprint = ":".join(self.halves)
        console.expect(r"ingot machine list", 30)
        return self.url

    def login(self) -> None:
        self.console.expect("login: ", 60)
        self.console.send("root\r")
        self.console.expect("Password: ", 60)
        self.console.send(self.password + "\r")
        self.console.expect("# ", 60)
        # One line each, however long.
        self.console.run("stty cols 500")

    def on_screen(self, display: Display) -> None:
        """The same words stand there, and a person at the keyboard gets in."""
        display.see(self.url, *self.halves, "ingot machine list", "login:")
        display.type("root\n")
        display.see("Password:")
        display.type(self.password + "\n")
        display.see("#")
        display.type("tty\n")
        display.see("/dev/tty1")

    def shell(self) -> str:
        """`ingot` works, the provisioner and dnsmasq are no one but their own user, its certificate is the one that was shown."""
        listed = self.console.run("ingot machine list", 120)
        users = self.console.run("ps -o user= -C ingot-provisioner,dnsmasq | sort -u")
        expect(users == "ingot", f"the provisioner is run by {users}")
        pem = self.console.run(f"cat {STATE}/ca.pem")
        self.ca.write_text(pem + "\n", encoding="ascii")
        with self._connect() as connection:
            shown = hashlib.sha256(connection.getpeercert(binary_form=True)).digest().hex(":").upper()
        expect(shown == self.fingerprint, f"the console shows {self.fingerprint}; a browser is shown {shown}")
        return listed.splitlines()[0] if listed else "no machines"

    def zone(self, name: str, short: str) -> None:
        """short: what a clock of that zone says."""
        link = self.console.run("readlink -f /etc/localtime")
        expect(link == f"/usr/share/zoneinfo/{name}", f"the time zone is {link}")
        said = self.console.run("date +%Z")
        expect(said == short, f"its clock is one of {said}")

    def follows(self, server: str) -> str:
        """Its clock is set by this time server, and by no other."""
        self.console.run(f"chronyc waitsync {SYNCED} 0 0 1 >/dev/null", SYNCED + 30)
        sources = self.console.run("chronyc -n sources").splitlines()[2:]
        expect(len(sources) == 1 and sources[0].startswith(f"^* {server} "), f"its time servers are {sources}")
        tracking = self.console.run("chronyc -n tracking")
        expect(f"({server})" in tracking, f"its clock follows another: {tracking}")
        said = self.console.run("journalctl -u chrony -o cat --no-pager")
        expect("leap second check" not in said, f"it asks for a time zone that is not there: {said}")
        return sources[0]

    # In a browser

    def _connect(self) -> ssl.SSLSocket:
        host = self.url.removeprefix("https://")  # as it was read off the console
        with self.box.lab.namespace.inside():
            plain = socket.create_connection((host, PORT), timeout=60)
        return ssl.create_default_context(cafile=str(self.ca)).wrap_socket(plain, server_hostname=host)

    def _call(self, method: str, path: str, body: object = None, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.url.removeprefix("https://"))
        connection.sock = self._connect()
        data = json.dumps(body).encode() if body is not None else None
        if data:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, data, headers)
        return connection.getresponse()

    def dashboard(self) -> str:
        """The page, a script of it as it was compressed at build time, and signing in."""
        page = self._call("GET", "/")
        text = page.read().decode()
        expect(page.status == 200 and "text/html" in page.headers["Content-Type"], f"/: {page.status}")
        found = re.search(r'src="(/assets/[^"]+\.js)"', text)
        assert found, text
        script = self._call("GET", found.group(1), **{"Accept-Encoding": "br"})
        expect(script.status == 200 and script.headers["Content-Encoding"] == "br", f"{found.group(1)}: {script.status}")
        expect(script.read() == (self.build / f"ui{found.group(1)}.br").read_bytes(), "the script is another one")
        wrong = self._call("POST", "/v1/session", {"name": "admin", "password": "not-" + self.password})
        expect(wrong.status == 401, f"a wrong password: {wrong.status}")
        right = self._call("POST", "/v1/session", {"name": "admin", "password": self.password})
        expect(right.status in (200, 201) and "Set-Cookie" in right.headers, f"signing in: {right.status} {right.read()!r}")
        return found.group(1)

    # As its operator

    def set_bmcs(self, addresses: str, user: str, password: str) -> None:
        """Tells it where BMCs are, at its console, as its text and README.md say."""
        said = f"printf '%s\\n' {shlex.quote(password)} | ingot bmc-range create lab --range {addresses} --user {user} --password-file -"
        self.console.run(said, 120)

    def ingot(self) -> Ingot:
        """The command line, from elsewhere in its network."""
        lab = self.box.lab
        script = f'#!/bin/sh\nexec nsenter --net={lab.namespace.path} {self.build}/ingot "$@"\n'
        program = lab.write(f"ingot-{self.box.machine.name}", script, mode=0o755)
        token = self.console.run(f"cat {STATE}/admin.token")
        return Ingot(program, self.url, token, self.ca, lab.logs / "cli.log")

    def guard(self) -> None:
        """What the path asks of its provisioner: whether it still runs."""
        if not machines.running(self.box.machine):
            raise LabError("the provisioner's machine is off")

    def path(self, ingot: Ingot) -> WholePath:
        """From machines that it finds to its nodes; the caller closes the path's events."""
        lab, name = self.box.lab, self.box.machine.name
        events = Events(ingot, lab.logs / f"events-{name}.jsonl", self.guard)
        steps, guest = Steps(lab.file(f"timings-{name}.json")), self.build / "images/guest/counter.img"
        return WholePath(lab, steps, self, ingot, guest, events)
