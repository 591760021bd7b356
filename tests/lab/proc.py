# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the lab: started on record, and ended only if they are still the same.

A process is known by its id and its start time, so that a recycled id is never hit. The
child writes its own record between fork and exec; there is no instant at which a running
program of the lab is unknown to its records.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path
from typing import Mapping, NamedTuple, Sequence

from .records import Records
from .wait import Deadline, LabError, Timeout, readable

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class ProcessId(NamedTuple):
    """A process id that cannot be mistaken for a later holder of the same number."""

    pid: int
    start: int

    @staticmethod
    def of(pid: int) -> "ProcessId":
        start = start_time(pid)
        if start is None:
            raise LabError(f"process {pid} is not running")
        return ProcessId(pid, start)

    def alive(self) -> bool:
        return start_time(self.pid) == self.start


def start_time(pid: int) -> int | None:
    """Start time in clock ticks since boot; None if there is no such process, or a zombie."""
    state, start = _state_and_start(pid)
    return None if state in ("Z", "X") else start


def _state_and_start(pid: int) -> tuple[str, int | None]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return "X", None
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def enter_netns(path: str) -> None:
    """Moves the calling thread into the network namespace named by path."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, CLONE_NEWNET) != 0:
            err = ctypes.get_errno()
            raise OSError(err, os.strerror(err), path)
    finally:
        os.close(fd)


class Process:
    """A running process of the lab, child or not."""

    def __init__(self, name: str, ident: ProcessId, child: bool) -> None:
        self.name = name
        self.ident = ident
        self._child = child
        self.status: int | None = None

    @property
    def pid(self) -> int:
        return self.ident.pid

    def alive(self) -> bool:
        return self.ident.alive()

    def wait(self, deadline: Deadline) -> bool:
        """Waits for its end; False if the deadline passed first."""
        if self.status is not None:
            return True
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            # A zombie may have threads that still hold its files and sockets: the descriptor tells when all are gone.
            if _state_and_start(self.pid)[1] == self.ident.start and not readable(fd, deadline):
                return False
        finally:
            os.close(fd)
        if self._child:
            try:
                self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, os.WNOHANG)[1])
            except ChildProcessError:
                self.status = 0
        return True

    def signal(self, number: int) -> None:
        """Sends a signal, unless the process is gone or its id belongs to another now."""
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive():
                signal.pidfd_send_signal(fd, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(fd)

    def kill(self, deadline: Deadline | None = None) -> None:
        """SIGKILL, and waits until it is gone."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        if not self.wait(deadline or Deadline(20)):
            raise Timeout(f"process {self.pid} ({self.name}) does not die of SIGKILL")

    def stop(self, grace: float = 5.0) -> None:
        """SIGTERM, and SIGKILL if that does not help within grace seconds."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if not self.wait(Deadline(grace)):
            self.kill()


def spawn(records: Records, name: str, argv: Sequence[str], *, log: Path, cwd: Path | None = None,
          netns: str | None = None, env: Mapping[str, str] | None = None,
          fds: Mapping[int, int] | None = None, listen_names: str | None = None) -> Process:
    """Starts argv as a session of its own, on record, with nothing but its log open.

    fds maps numbers in the child to descriptors here. With listen_names the descriptors
    3.. are announced by systemd's protocol (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES).
    """
    full_env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                "INGOT_LAB": records.lab_id, **(env or {})}
    wanted = dict(fds or {})
    error_read, error_write = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            _become(records, name, argv, log, cwd, netns, full_env, wanted, listen_names, error_write)
        except BaseException as cause:  # reported to the parent, which raises it
            os.write(error_write, str(cause).encode()[:4000])
        finally:
            os._exit(127)
    os.close(error_write)
    with os.fdopen(error_read, "rb") as pipe:
        problem = pipe.read()
    if problem:
        os.waitpid(pid, 0)
        raise LabError(f"cannot start {name} ({argv[0]}): {problem.decode(errors='replace')}")
    start = start_time(pid)
    return Process(name, ProcessId(pid, start if start is not None else 0), child=True)


def _become(records: Records, name: str, argv: Sequence[str], log: Path, cwd: Path | None,
            netns: str | None, env: dict[str, str], fds: Mapping[int, int],
            listen_names: str | None, error_fd: int) -> None:
    """In the child: takes its place, writes its record and becomes argv."""
    os.setsid()
    for restored in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM):
        signal.signal(restored, signal.SIG_DFL)
    own = ProcessId.of(os.getpid())
    records.add("process", name=name, pid=own.pid, start=own.start, log=str(log))
    if netns:
        enter_netns(netns)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open("/dev/null", os.O_RDONLY)
    if cwd is not None:
        os.chdir(cwd)
    # Everything is first lifted above the numbers the child wants, then put in its place.
    top = 100 + max([2, *fds.keys()])
    lifted = {0: _lift(null, top), 1: _lift(out, top), 2: _lift(out, top)}
    lifted.update({number: _lift(source, top) for number, source in fds.items()})
    error_fd = _lift(error_fd, top)
    os.closerange(3, top)
    for number, source in lifted.items():
        os.dup2(source, number, inheritable=True)
    for source in lifted.values():
        os.close(source)
    if listen_names is not None:
        env.update(LISTEN_PID=str(own.pid), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=listen_names)
    os.set_inheritable(error_fd, False)
    try:
        os.execvpe(argv[0], list(argv), env)
    except OSError as problem:
        os.write(error_fd, str(problem).encode())
        os._exit(127)


def _lift(fd: int, above: int) -> int:
    import fcntl
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above)
