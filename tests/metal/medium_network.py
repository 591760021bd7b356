# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine's ports are plugged into, beyond the lab's one bridge: a switch that tags, a network in which answers are fetched,
and servers that are somebody's own: of addresses, and of the time."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lab import net
from lab.proc import Process, spawn
from lab.world import Lab

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # linux/if_tun.h
FRAME_MAX = 65536
PROTOCOL = b"\x81\x00"  # IEEE 802.1Q, 9.6: behind the two addresses this, and two bytes with the tag
HTTP_PORT = 8000
NTP_PORT, NTP_HEADER, NTP_EPOCH = 123, 48, 2208988800  # RFC 5905, 6: seconds since 1900


def bridge(lab: Lab, name: str, *taps: str) -> str:
    lab.namespace.ip("link", "add", name, "type", "bridge", "forward_delay", "0", "stp_state", "0")
    lab.namespace.ip("link", "set", name, "up")
    for tap in taps:
        lab.namespace.ip("link", "set", tap, "master", name, "up")
    return name


class Trunk:
    """A switch: its ports have the lab's network with a VLAN's tag, and without one a network of their own. The kernel of whoever runs
    the lab may know no VLANs, so frames are carried from bridge to bridge by a thread."""

    def __init__(self, lab: Lab, name: str, vlan: int, ports: tuple[str, ...]) -> None:
        self.vlan = vlan
        self.bridge = bridge(lab, f"lan-{name}", *ports)
        self._tag = PROTOCOL + vlan.to_bytes(2, "big")
        self._tagged, self._plain = self._tap(lab, f"tag-{name}", self.bridge), self._tap(lab, f"untag-{name}", net.BRIDGE)
        threading.Thread(target=self._carry, daemon=True).start()

    @staticmethod
    def _tap(lab: Lab, name: str, master: str) -> int:
        lab.namespace.ip("tuntap", "add", "dev", name, "mode", "tap")
        with lab.namespace.inside():
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        lab.namespace.ip("link", "set", name, "master", master, "up")
        return fd

    def _carry(self) -> None:
        poll = select.poll()
        for fd in (self._tagged, self._plain):
            poll.register(fd, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                try:
                    frame = os.read(fd, FRAME_MAX)
                    if fd == self._plain:
                        os.write(self._tagged, frame[:12] + self._tag + frame[12:])
                    elif frame[12:14] == PROTOCOL and int.from_bytes(frame[14:16], "big") & 0xFFF == self.vlan:
                        os.write(self._plain, frame[:12] + frame[16:])
                except BlockingIOError:
                    pass  # as a switch does: a frame that nobody takes is dropped
                except OSError:
                    return  # the namespace is gone


class Answers:
    """A text at a URL, in a network where whoever asks gets an address."""

    def __init__(self, lab: Lab, interface: str, network: str, text: str) -> None:
        """network: the first three numbers of its addresses."""
        self.asked = 0
        lab.namespace.ip("addr", "add", f"{network}.1/24", "dev", interface)
        with lab.namespace.inside():
            self._server = ThreadingHTTPServer((f"{network}.1", HTTP_PORT), self._handler(text.encode()))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._dhcp: Process = dhcp_server(lab, interface, network)
        self.url = f"http://{network}.1:{HTTP_PORT}/answers.yaml"

    def _handler(self, data: bytes) -> type[BaseHTTPRequestHandler]:
        answers = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answers.asked += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._dhcp.stop()


class TimeServer:
    """The time of whoever runs the lab, as a server that is set by a clock of its own tells it: NTP version 4 (RFC 5905, 7.3)."""

    def __init__(self, lab: Lab, address: str) -> None:
        with lab.namespace.inside():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.bind((address, NTP_PORT))
        threading.Thread(target=self._serve, daemon=True).start()

    @staticmethod
    def _now() -> bytes:
        return int((time.time() + NTP_EPOCH) * (1 << 32)).to_bytes(8, "big")

    def _serve(self) -> None:
        while True:
            asked, who = self._socket.recvfrom(FRAME_MAX)
            came = self._now()
            if len(asked) >= NTP_HEADER and asked[0] & 7 == 3:  # a client
                # No leap second, version 4, server; stratum 1; its poll interval; 2^-20 s; no delay, no dispersion.
                said = bytes((0x24, 1, asked[2], 0xEC)) + bytes(8) + b"LOCL" + came + asked[40:48] + came
                self._socket.sendto(said + self._now(), who)


def dhcp_server(lab: Lab, interface: str, network: str) -> Process:
    """Somebody's own: addresses from .50 on, and nothing else."""
    return spawn(lab.records, "dnsmasq", ["dnsmasq", "-k", "--conf-file=/dev/null", "--port=0", "--log-facility=-",
                                          f"--interface={interface}", "--bind-interfaces", "--leasefile-ro",
                                          "--pid-file=", "--user=root", f"--dhcp-range={network}.50,{network}.60,1h"],
                 log=lab.logs / f"dhcp-{interface}.log", netns=lab.namespace.path)
