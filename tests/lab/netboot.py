# SPDX-License-Identifier: GPL-3.0-or-later
"""A DHCP, TFTP and HTTP server of the lab's own, to test machines without the product."""

from __future__ import annotations

import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from . import net
from .proc import Process, spawn
from .wait import Deadline, Timeout
from .world import Lab

HTTP_PORT = 8080

# What costs a PXE client time, and is thus told to it here: whether there is an IPv6 router
# (iPXE waits 13 s for an advertisement), that no ProxyDHCP will come (option 175.176, 3 s),
# and an address without a ping first (3 s).
DNSMASQ = f"""port=0
bind-interfaces
interface={net.BRIDGE}
dhcp-range={net.DHCP_FIRST},{net.DHCP_LAST},10m
dhcp-authoritative
leasefile-ro
dhcp-no-override
log-dhcp
no-ping
enable-ra
dhcp-range=::,constructor:{net.BRIDGE},ra-only
ra-param={net.BRIDGE},60,0
dhcp-option=tag:ipxe,encap:175,176,1b
enable-tftp
tftp-root=/usr/lib/ipxe
dhcp-match=set:ipxe,175
dhcp-match=set:efi,option:client-arch,7
dhcp-match=set:efi,option:client-arch,9
dhcp-boot=tag:!ipxe,tag:!efi,undionly.kpxe
dhcp-boot=tag:!ipxe,tag:efi,snponly.efi
dhcp-boot=tag:ipxe,http://{net.PROVISIONER.ip}:{HTTP_PORT}/boot.ipxe
"""

BOOT_IPXE = """#!ipxe
chain /boot/${mac:hexhyp}?uuid=${uuid}&platform=${platform}&serial=${serial}
"""

GUEST_IPXE = """#!ipxe
kernel /vmlinuz initrd=initrd console=ttyS0 quiet BOOTIF=01-${mac:hexhyp}
initrd /initrd
boot
"""


class Request(NamedTuple):
    at: float  # monotonic
    path: str
    query: dict[str, str]


class BootServer:
    """Serves the little guest to whoever boots, and hands each request to who waits for it."""

    def __init__(self, lab: Lab, parts: Path) -> None:
        self._parts = parts
        self.requests: queue.Queue[Request] = queue.Queue(maxsize=10000)
        with lab.namespace.inside():
            self._server = ThreadingHTTPServer((str(net.PROVISIONER.ip), HTTP_PORT), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 60}, daemon=True)
        self._thread.start()
        conf = lab.write("dnsmasq.conf", DNSMASQ)
        self.dnsmasq: Process = spawn(lab.records, "dnsmasq", ["dnsmasq", "-k", "-C", str(conf), "--log-facility=-"],
                                      log=lab.logs / "dnsmasq.log", netns=lab.namespace.path)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = {key: values[-1] for key, values in parse_qs(url.query).items()}
                server.requests.put(Request(time.monotonic(), url.path, query))
                if url.path == "/boot.ipxe":
                    self.answer(BOOT_IPXE.encode())
                elif url.path.startswith("/boot/"):
                    self.answer(GUEST_IPXE.encode())
                elif url.path in ("/vmlinuz", "/initrd"):
                    self.answer((server._parts / url.path[1:]).read_bytes())
                else:
                    self.send_error(404)

            def answer(self, data: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def await_request(self, path: str, deadline: Deadline) -> Request:
        """Waits for a request of path; requests for other paths stay for others to take."""
        others: list[Request] = []
        try:
            while True:
                try:
                    request = self.requests.get(timeout=deadline.left() + 0.001)
                except queue.Empty:
                    raise Timeout(f"no machine asked for {path} within {deadline.seconds:.0f} s") from None
                if request.path == path:
                    return request
                others.append(request)
        finally:
            for request in others:
                self.requests.put(request)

    def forget(self) -> None:
        while not self.requests.empty():
            self.requests.get()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.dnsmasq.stop()
