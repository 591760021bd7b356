# SPDX-License-Identifier: GPL-3.0-or-later
"""When each line of a growing log came."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

from lab.console import Watch
from lab.wait import Deadline, Timeout, readable

LOOK_SECONDS = 3600.0


class Stamps:
    """Follows a log from now on, on a thread of its own, until it is closed."""

    def __init__(self, path: Path, from_start: bool = False) -> None:
        self.path = path
        self.lines: list[tuple[float, str]] = []  # monotonic time, text; the last one may still grow
        self._position = 0 if from_start else path.stat().st_size
        self._rest = b""
        self._came = threading.Condition()
        self._watch = Watch(path)
        self._ended = False
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        deadline = Deadline(LOOK_SECONDS)
        with self.path.open("rb") as log:
            log.seek(self._position)
            while not self._ended:
                self._watch.drain()
                data = log.read()
                if data:
                    self._take(data, time.monotonic())
                elif not readable(self._watch.fd, deadline.at_most(1.0)):
                    continue  # looks whether it was closed
        self._watch.close()

    def _take(self, data: bytes, now: float) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        with self._came:
            self.lines += [(now, line.decode("utf-8", errors="replace").rstrip("\r")) for line in whole]
            self._came.notify_all()

    def _find(self, pattern: str, after: float) -> float | None:
        return next((at for at, line in self.lines if at >= after and re.search(pattern, line)), None)

    def at(self, pattern: str, deadline: Deadline, after: float = 0.0) -> float:
        """When the first line that matches came; waits for it."""
        with self._came:
            while (found := self._find(pattern, after)) is None:
                if not self._came.wait(deadline.left()):
                    last = self.lines[-1][1] if self.lines else ""
                    raise Timeout(f"no /{pattern}/ in {self.path} within {deadline.seconds:.0f} s; it ends: {last!r}")
        return found

    def keep(self, path: Path, since: float) -> None:
        """Writes the lines with their seconds since then, to see where time went."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._came:
            path.write_text("".join(f"{at - since:8.2f}  {line}\n" for at, line in self.lines), encoding="utf-8")

    def close(self) -> None:
        self._ended = True
