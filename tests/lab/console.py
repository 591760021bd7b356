# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading serial logs as they grow, and serial over LAN through a BMC."""

from __future__ import annotations

import ctypes
import os
import pty
import re
import select
import subprocess
from pathlib import Path
from types import TracebackType

from .bmc import CIPHER_SUITE, BmcProcess
from .net import Namespace
from .wait import Deadline, Timeout, readable

IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE = 0x2, 0x8, 0x80, 0x100
IN_ANY_WRITE = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE
_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """An inotify descriptor: readable when a file, or something in a directory, has been written."""

    def __init__(self, path: Path) -> None:
        self.fd = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.fd < 0 or _libc.inotify_add_watch(self.fd, os.fsencode(path), IN_ANY_WRITE) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))

    def drain(self) -> None:
        try:
            while os.read(self.fd, 65536):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        os.close(self.fd)


class LogReader:
    """A growing log, read from where the reader was made (or from its start)."""

    def __init__(self, path: Path, from_start: bool = False) -> None:
        self.path = path
        self._position = 0 if from_start else path.stat().st_size
        self.text = ""

    def update(self) -> str:
        """Reads what has come and returns all text so far."""
        with self.path.open("rb") as log:
            log.seek(self._position)
            data = log.read()
            self._position += len(data)
        self.text += data.decode("utf-8", errors="replace")
        return self.text

    def expect(self, pattern: str, deadline: Deadline) -> re.Match[str]:
        """Waits until pattern is in the text after the last match; forgets up to its end."""
        watch = Watch(self.path)
        try:
            while True:
                watch.drain()
                found = re.search(pattern, self.update(), re.MULTILINE)
                if found:
                    self.text = self.text[found.end():]
                    return found
                if not readable(watch.fd, deadline):
                    raise Timeout(f"no /{pattern}/ in {self.path} within {deadline.seconds:.0f} s; "
                                  f"it ends: {self.text[-300:]!r}")
        finally:
            watch.close()


class SerialOverLan:
    """A session of `ipmitool sol activate`, as bytes in both directions."""

    def __init__(self, bmc: BmcProcess) -> None:
        self._bmc = bmc
        self.seen = b""

    def __enter__(self) -> "SerialOverLan":
        self._master, slave = pty.openpty()  # ipmitool wants a terminal
        # In a program of its own, not a thread or a fork of this one: nsenter becomes ipmitool.
        self._process = subprocess.Popen(
            ["nsenter", f"--net={Namespace(self._bmc.machine.netns).path}", "ipmitool", "-I", "lanplus",
             "-C", str(CIPHER_SUITE), "-H", self._bmc.bmc.address, "-U", self._bmc.bmc.user, "-E",
             "sol", "activate"],
            stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "IPMI_PASSWORD": self._bmc.password})
        os.close(slave)
        self.expect(b"SOL Session operational", Deadline(20))
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            os.write(self._master, b"\r~.")
            self._process.wait(timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._master)
        self._bmc.ipmitool("sol", "deactivate", check=False)

    def send(self, data: bytes) -> None:
        os.write(self._master, data)

    def expect(self, mark: bytes, deadline: Deadline) -> bytes:
        """Waits for mark and returns what came up to it."""
        poller = select.poll()
        poller.register(self._master, select.POLLIN)
        while mark not in self.seen:
            if not poller.poll(deadline.left() * 1000 + 1):
                raise Timeout(f"no {mark!r} over serial over LAN within {deadline.seconds:.0f} s; "
                              f"there was {self.seen[-300:]!r}")
            try:
                self.seen += os.read(self._master, 65536)
            except OSError as problem:
                raise Timeout(f"serial over LAN has ended before {mark!r}: {self.seen[-300:]!r}") from problem
        before, _, self.seen = self.seen.partition(mark)
        return before
