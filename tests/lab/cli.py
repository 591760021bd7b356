# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's command line, as the lab and its tests drive it. They use nothing else of it."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, TypeVar

from .wait import Deadline, LabError, Timeout, wait_until

Json = dict[str, Any]
T = TypeVar("T")


class CliError(LabError):
    """The command line said no."""

    def __init__(self, words: tuple[str, ...], code: int, text: str) -> None:
        super().__init__(f"ingot {' '.join(words)}: exit {code}: {text.strip()}")
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Ingot:
    """How to call build/ingot: the program and the environment it needs."""

    program: Path
    url: str
    token: str
    cacert: Path
    log: Path

    def environment(self) -> dict[str, str]:
        return {**os.environ, "INGOT_URL": self.url, "INGOT_TOKEN": self.token, "INGOT_CACERT": str(self.cacert)}

    def start(self, *words: str, stdin: int = subprocess.DEVNULL,
              stderr: int | IO[bytes] = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        return subprocess.Popen([str(self.program), *words], env=self.environment(), stdin=stdin,
                                stdout=subprocess.PIPE, stderr=stderr)

    def run(self, *words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end, whatever that is. What it said is in the log too."""
        try:
            done = subprocess.run([str(self.program), *words], env=self.environment(), capture_output=True,
                                  text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired as problem:
            raise Timeout(f"ingot {' '.join(words)}: no end within {timeout:.0f} s") from problem
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ ingot {' '.join(words)}\n{done.stderr}")
            if done.returncode != 0:
                log.write(f"exit {done.returncode}: {done.stdout}\n")
        return done

    def text(self, *words: str, timeout: float = 60) -> str:
        done = self.run(*words, timeout=timeout)
        if done.returncode != 0:
            raise CliError(words, done.returncode, done.stderr or done.stdout)
        return done.stdout

    def documents(self, *words: str, timeout: float = 60) -> list[Json]:
        """All JSON documents a command prints, one per resource."""
        text = self.text(*words, "-o", "json", timeout=timeout)
        decoder, found = json.JSONDecoder(), []
        while text := text.lstrip():
            document, end = decoder.raw_decode(text)
            found.append(document)
            text = text[end:]
        return found

    def json(self, *words: str, timeout: float = 60) -> Json:
        documents = self.documents(*words, timeout=timeout)
        if len(documents) != 1:
            raise LabError(f"ingot {' '.join(words)} prints {len(documents)} documents, not one")
        return documents[0]

    def items(self, noun: str) -> list[Json]:
        items: list[Json] = self.json(noun, "list")["items"]
        return items

    def named(self, noun: str, name: str) -> Json:
        return self.json(noun, "show", name)

    def refused(self, *words: str, code: int, says: str, timeout: float = 120) -> str:
        """Expects a refusal: this exit code (lib/base/err.c), and a text that matches says. Returns the text."""
        done = self.run(*words, timeout=timeout)
        text = (done.stderr + done.stdout).strip()
        if done.returncode == 0:
            raise LabError(f"ingot {' '.join(words)} was not refused: {text}")
        if done.returncode != code:
            raise LabError(f"ingot {' '.join(words)} ended with {done.returncode}, not {code}: {text}")
        if not re.search(says, text, re.IGNORECASE):
            raise LabError(f"ingot {' '.join(words)} was refused, but not because of /{says}/: {text}")
        return text


class Events:
    """`ingot event watch` running along: its descriptor is readable when something has happened."""

    def __init__(self, ingot: Ingot, log: Path, guard: Callable[[], None]) -> None:
        self._guard = guard  # raises if there is no sense in waiting any more
        self._log = log.open("ab")
        self._process = ingot.start("event", "watch", "-o", "json")
        assert self._process.stdout
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.seen: list[Json] = []
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._log.write(line)
            self._log.flush()
            try:
                self.seen.append(json.loads(line))
                os.write(self._write, b".")
            except (ValueError, BlockingIOError):
                pass
            except OSError:
                return

    def wait(self, ask: Callable[[], T | None], deadline: Deadline, what: str, every: float = 5.0) -> T:
        """Asks again after each event, and now and then without one (an event can be lost)."""

        def drained() -> T | None:
            try:
                while os.read(self._read, 4096):
                    pass
            except BlockingIOError:
                pass
            self._guard()
            return ask()

        return wait_until(drained, deadline, what, every=every, wake=self._read)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


class CounterConsole:
    """Reads `ingot vm console` of the counter guest and judges the numbers it prints.

    The guest counts in its own memory at a steady pace. Within one console session every
    number must follow the one before it. A session begins with history: in a new one, numbers
    up to the last one seen are no repeat as long as history comes; later they are, and a guest
    that has begun anew is seen by them. If a session begins above the last number (where the
    guest has moved there may be no history), it must not be further than the guest counts in
    the meantime.
    """

    LINE = re.compile(rb"ingot counter (\d+)\r?\n")
    PER_SECOND = 9.2
    HISTORY_SECONDS = 15.0  # it is sent at once, but what shows it may be busy

    def __init__(self, ingot: Ingot, vm: str, clock: Callable[[], float] = time.monotonic, spoiled: int = 0) -> None:
        """spoiled: so many lines may be missing a character. QEMU drops the one that it is writing, from its log as well,
        when the process that holds the other end of the serial port is killed."""
        self._spoiled = spoiled
        self._ingot = ingot
        self._vm = vm
        self._clock = clock
        self.count = 0
        self.first: int | None = None
        self.last: int | None = None
        self.last_at = 0.0
        self._before: int | None = None  # in this session
        self._began = 0.0  # the first number of this session came
        self.sessions = 0
        self.faults: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self.problem = b""

    def __enter__(self) -> "CounterConsole":
        return self

    def __exit__(self, *unused: object) -> None:
        self._end()

    def _begin(self) -> None:
        # Its standard input stays open and silent: an end of input need not end a console.
        self._process = self._ingot.start("vm", "console", self._vm, stdin=subprocess.PIPE,
                                          stderr=subprocess.PIPE)
        self.begin_session()

    def begin_session(self) -> None:
        self.sessions += 1
        self._before, self._buffer = None, b""

    def _end(self) -> None:
        if self._process:
            self._process.kill()
            _, self.problem = self._process.communicate()
            self._process = None

    def read(self, lines: int, deadline: Deadline) -> None:
        """Reads until so many more numbers have come; opens the console again if it is closed."""
        goal = self.count + lines
        while self.count < goal:
            if deadline.expired():
                raise Timeout(f"the guest of {self._vm} printed {lines - goal + self.count} numbers of {lines} within "
                              f"{deadline.seconds:.0f} s; the last is {self.last} "
                              f"{self.problem.decode(errors='replace').strip()}")
            if self._process is None:
                self._begin()
            assert self._process and self._process.stdout
            poller = select.poll()
            poller.register(self._process.stdout, select.POLLIN)
            if not poller.poll(deadline.left() * 1000 + 1):
                continue
            data = os.read(self._process.stdout.fileno(), 65536)
            if data:
                self.take(data)
            else:
                self._end()
                self._pause(deadline)

    @staticmethod
    def _pause(deadline: Deadline) -> None:
        """A closed console is tried again a little later: there is no event for its return."""
        select.poll().poll(min(0.5, deadline.left()) * 1000)

    def take(self, data: bytes) -> None:
        """Judges what the console said, in pieces of any size."""
        self._buffer += data
        end = 0
        for found in self.LINE.finditer(self._buffer):
            self._judge(int(found.group(1)))
            end = found.end()
        self._buffer = self._buffer[end:]

    def _judge(self, number: int) -> None:
        now = self._clock()
        if self._before is None:
            self._began = now
        if self.last is None:
            self.first = number
        elif self._before is not None and number == self._before + 2 and self._spoiled:
            self._spoiled -= 1
        elif self._before is not None and number != self._before + 1:
            self.faults.append(f"{self._before} is followed by {number}")
        elif self._before is None and number > self.last + 2 + (now - self.last_at) * self.PER_SECOND * 1.5:
            self.faults.append(f"{self.last}, then {number} only {now - self.last_at:.1f} s later")
        elif number <= self.last and now > self._began + self.HISTORY_SECONDS:
            self.faults.append(f"{self.last}, then {number} again, {now - self._began:.0f} s into a new session")
        self._before = number
        if self.last is None or number > self.last:
            self.count += 1
            self.last, self.last_at = number, now
