# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting with deadlines. The only place of the lab that looks at anything twice."""

from __future__ import annotations

import select
import time
from typing import Callable, TypeVar

T = TypeVar("T")


class LabError(Exception):
    """Something a person has to read: what was wrong, where, and where the log is."""


class Timeout(LabError):
    """A deadline passed."""


class Deadline:
    """A point in monotonic time by which something must have happened."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def expired(self) -> bool:
        return time.monotonic() >= self._end

    def at_most(self, seconds: float) -> "Deadline":
        return Deadline(min(seconds, self.left()))


def readable(fd: int, deadline: Deadline) -> bool:
    """Waits until fd is readable (or hung up); False if the deadline passed first."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(int(deadline.left() * 1000) + 1))


def wait_until(predicate: Callable[[], T | None], deadline: Deadline, what: str, *,
               every: float = 0.2, wake: int | None = None) -> T:
    """Asks predicate until it answers something true and returns that answer.

    For state that offers no event to wait on. Between two questions it waits for the
    descriptor wake (an inotify or a pidfd, say), at most `every` seconds.
    """
    poller = select.poll()
    if wake is not None:
        poller.register(wake, select.POLLIN)
    while True:
        answer = predicate()
        if answer:
            return answer
        if deadline.expired():
            raise Timeout(f"{what}: not within {deadline.seconds:.0f} s")
        poller.poll(min(every, deadline.left()) * 1000)
