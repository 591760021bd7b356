# SPDX-License-Identifier: GPL-3.0-or-later
"""A client for QEMU's monitor protocol, as far as the lab needs it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Any, Iterator

from .wait import Deadline, LabError


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name for a unix socket that fits into sun_path however deep its directory is."""
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{path.name}"
    finally:
        os.close(fd)


class Monitor:
    """A session with one QEMU. The connection waits in the backlog until QEMU is ready."""

    def __init__(self, path: Path, deadline: Deadline) -> None:
        self._path = path
        self._deadline = deadline
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._buffer = b""
        self._events: list[str] = []

    def __enter__(self) -> "Monitor":
        self._socket.settimeout(self._deadline.left() + 0.001)
        try:
            with short_path(self._path) as short:
                self._socket.connect(short)
        except OSError as problem:
            raise LabError(f"{self._path}: {problem}") from problem
        self._receive()  # the greeting
        self.command("qmp_capabilities")
        return self

    def __exit__(self, *unused: object) -> None:
        self._socket.close()

    def command(self, name: str, /, **arguments: Any) -> Any:
        message = {"execute": name, "arguments": arguments} if arguments else {"execute": name}
        self._socket.sendall(json.dumps(message).encode() + b"\n")
        while True:
            reply = self._receive()
            if "event" in reply:
                self._events.append(reply["event"])
            elif "error" in reply:
                raise LabError(f"QEMU refuses {name}: {reply['error'].get('desc')}")
            else:
                return reply["return"]

    def event(self, name: str) -> None:
        """Waits for an event; one that came since the last call counts."""
        while name not in self._events:
            reply = self._receive()
            if "event" in reply:
                self._events.append(reply["event"])
        self._events.clear()

    def boot_order(self, order: tuple[str, ...]) -> None:
        """Boot order from the next reset on. An index may be held by one device only."""
        for device in order:
            self.command("qom-set", path=f"/machine/peripheral/{device}", property="bootindex", value=-1)
        for i, device in enumerate(order):
            self.command("qom-set", path=f"/machine/peripheral/{device}", property="bootindex", value=i + 1)

    def _receive(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            self._socket.settimeout(self._deadline.left() + 0.001)
            try:
                data = self._socket.recv(65536)
            except TimeoutError as problem:
                raise LabError(f"{self._path}: QEMU does not answer within {self._deadline.seconds:.0f} s") from problem
            except OSError as problem:
                raise LabError(f"{self._path}: {problem}; see qemu.log beside it") from problem
            if not data:
                raise LabError(f"{self._path}: QEMU has ended; see qemu.log beside it")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message
