# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps a person watches: a line each with its time, progress while it takes long, timings kept."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

PROGRESS_EVERY = 5.0


class Steps:
    """Prints steps as they go and keeps how long each took (timings.json)."""

    def __init__(self, timings: Path) -> None:
        self._began = time.monotonic()
        self._path = timings
        self.timings: list[dict[str, object]] = []
        self.current = ""
        self._step_began = 0.0
        self._shown_at = 0.0
        self._shown = ""
        self._result = ""

    def _print(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:6.1f} s]  {text}", flush=True)

    @contextmanager
    def step(self, name: str, what: str) -> Iterator["Steps"]:
        """One step. Its line is printed when it is done; what is being done if it takes long."""
        self.current, self._result, self._shown = name, "", ""
        self._step_began = self._shown_at = time.monotonic()
        self._print(f"{name:<9} {what} ...")
        yield self
        took = time.monotonic() - self._step_began
        self.record(name, None, took)
        self._print(f"{name:<9} {self._result or 'done'} ({took:.1f} s)")

    def done(self, result: str) -> None:
        """What the line of the present step says at its end."""
        self._result = result

    def progress(self, text: Callable[[], str] | str) -> None:
        """Shows where the present step is, if some seconds have passed and it has changed."""
        now = time.monotonic()
        if now - self._shown_at < PROGRESS_EVERY:
            return
        line = text if isinstance(text, str) else text()
        if line != self._shown or now - self._shown_at > 6 * PROGRESS_EVERY:
            self._shown, self._shown_at = line, now
            self._print(f"{'':<9} {line}")

    def record(self, phase: str, machine: str | None, seconds: float) -> None:
        self.timings.append({"phase": phase, "machine": machine, "seconds": round(seconds, 3)})
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({"timings": self.timings}, indent=1) + "\n", encoding="utf-8")
        fresh.replace(self._path)

    def total(self) -> float:
        return time.monotonic() - self._began


def say(text: str) -> None:
    print(text, flush=True)


def complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
