# SPDX-License-Identifier: GPL-3.0-or-later
"""What all parts share: where the build is, the table, and what is put up once for several parts."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, TypeVar

from lab import accel
from lab.wait import LabError
from lab.world import Lab, remove

from .table import Row, Table

T = TypeVar("T")
NAMESPACE = "ingot-lab-bench"
PRIORITY = -15  # what else the host does shall disturb little


def prefer(pid: int) -> None:
    """Gives the session of a process the better priority: between sessions it is theirs that counts (sched(7), autogroup)."""
    try:
        Path(f"/proc/{pid}/autogroup").write_text(str(PRIORITY), encoding="ascii")
    except OSError:
        pass  # a kernel without sessions' priorities: the process has inherited ours


@dataclass
class Bench:
    build: Path
    table: Table
    stack: ExitStack = field(default_factory=ExitStack)  # what take_down() undoes
    _shared: dict[str, Any] = field(default_factory=dict)
    part: str = ""

    @property
    def parts_dir(self) -> Path:
        return self.build / "lab-parts"

    @property
    def results(self) -> Path:
        return self.build / "bench"

    def program(self, name: str) -> str:
        return str(self.build / name)

    def accel(self) -> str:
        return accel.choose(self.parts_dir)[0]

    def add(self, phase: str, where: str, unit: str, ours: float, **more: Any) -> Row:
        row = Row(self.part, phase, where, unit, ours, **more)
        self.table.add(row)
        return row

    def shared(self, name: str, make: Callable[[], T]) -> T:
        """What several parts stand on; made when the first of them asks. What could not be made is not tried again."""
        if name not in self._shared:
            try:
                self._shared[name] = make()
            except Exception:
                self._shared[name] = LabError(f"stands on {name}, which could not be put up")
                raise
        if isinstance(self._shared[name], LabError):
            raise self._shared[name]
        made: T = self._shared[name]
        return made

    def take_down(self) -> None:
        """Everything that the parts up to here have put up."""
        self._shared.clear()
        self.stack.close()

    def keep(self, path: Path, name: str) -> None:
        """Keeps a log of what is about to be taken down, to see where the time went."""
        kept = self.results / "logs" / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            shutil.copyfile(path, kept)

    def lab(self, name: str) -> Lab:
        """A lab of our own; what a crash has left of it is removed first. There is one at a time."""
        root = self.build / f"lab-bench-{name}"
        lab = Lab.create(root, NAMESPACE, self.accel(), self.parts_dir)

        def take_down() -> None:
            for log in lab.logs.iterdir():
                self.keep(log, f"{name}-{log.name}")
            lab.unlock()
            remove(root)

        self.stack.callback(take_down)
        return lab
