# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory a process has."""

from __future__ import annotations

from pathlib import Path

from lab.wait import LabError

KB = 1024 / 1e6  # the kernel's "kB" are 1024 bytes


def _value(path: Path, key: str) -> float:
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * KB
    raise LabError(f"{path} has no {key}")


def memory_mb(pid: int, key: str) -> float:
    """Now: "Pss" (shared pages by shares), "Rss" (all it has mapped and used)."""
    return _value(Path(f"/proc/{pid}/smaps_rollup"), key)


def peak_mb(pid: int) -> float:
    """The most it ever had resident."""
    return _value(Path(f"/proc/{pid}/status"), "VmHWM")


def reset_peak(pid: int) -> None:
    """The peak counts anew from now on (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
