# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured: rows of a table for a person (report.md), and the same for a program (report.json)."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import re
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

RATIO = 1.3  # how much more than the floor a phase may take

COLUMNS = ("phase", "where", "ours", "floor", "ratio", "goal", "met")


@dataclass
class Row:
    """One figure beside its floor. Times and sizes are better small, rates (unit ends in "/s") large."""

    part: str
    phase: str
    where: str
    unit: str
    ours: float
    floor: float | None = None
    goal: float | None = None  # of the ratio if goal_is_ratio, else of the figure itself
    goal_is_ratio: bool = False
    floor_is: str = ""  # what the floor is
    remark: str = ""
    runs: int = 1

    @property
    def is_rate(self) -> bool:
        return self.unit.endswith("/s")

    @property
    def ratio(self) -> float | None:
        """How many times the floor's cost ours is."""
        if not self.floor or not self.ours:
            return None
        return self.floor / self.ours if self.is_rate else self.ours / self.floor

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        if self.goal_is_ratio:
            return self.ratio is not None and self.ratio <= self.goal
        return self.ours >= self.goal if self.is_rate else self.ours <= self.goal

    def cells(self) -> tuple[str, ...]:
        def figure(value: float | None) -> str:
            return "-" if value is None else f"{number(value)} {self.unit}"

        goal = "-" if self.goal is None else f"{self.goal:g}" if self.goal_is_ratio else f"{self.goal:g} {self.unit}"
        ratio = "-" if self.ratio is None else f"{self.ratio:.2f}"
        met = {None: "-", True: "yes", False: "NO"}[self.met]
        return self.phase, self.where, figure(self.ours), figure(self.floor), ratio, goal, met

    def document(self) -> dict[str, Any]:
        ratio = None if self.ratio is None else round(self.ratio, 3)
        return {**dataclasses.asdict(self), "ratio": ratio, "met": self.met}


def number(value: float) -> str:
    """Three digits or so: more would not be measured."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


class Table:
    """Collects rows and shows each as it comes."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.failures: dict[str, str] = {}
        self.load_1min: dict[str, float] = {}

    def add(self, row: Row) -> None:
        self.rows.append(row)
        phase, where, ours, floor, ratio, _, _ = row.cells()
        beside = f", floor {floor}, ratio {ratio}" if row.floor is not None else ""
        print(f"  {phase}, {where}: {ours}{beside}", flush=True)

    def fail(self, part: str, why: str) -> None:
        self.failures[part] = why
        print(f"  {part} could not be measured: {why}", flush=True)

    def text(self) -> str:
        lines = [COLUMNS] + [row.cells() for row in self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
        shown, part = [], ""
        for i, line in enumerate(lines):
            if i and self.rows[i - 1].part != part:
                part = self.rows[i - 1].part
                shown.append("")
            cells = [cell.ljust(width) if column in (0, 1) else cell.rjust(width)
                     for column, (cell, width) in enumerate(zip(line, widths))]
            shown.append("  ".join(cells).rstrip())
        for part, why in self.failures.items():
            shown.append(f"{part}: not measured: {why}")
        return "\n".join(shown + [""] + self.notes())

    def notes(self) -> list[str]:
        """What the floors are, each once."""
        notes: dict[str, None] = {}
        for row in self.rows:
            words = "; ".join(filter(None, [row.floor_is and f"floor: {row.floor_is}", row.remark]))
            if words:
                notes[f"{row.phase.strip()}: {words}"] = None
        return list(notes)

    def markdown(self, host: dict[str, Any]) -> str:
        """The same table as a page."""
        lines = ["# How fast, how large", "", f"On {host['cpus']} CPUs ({host['cpu']}), {host['memory_gb']:.0f} GB, kernel "
                 f"{host['kernel']}, machines under {host['machines_run_on']}, {host['date']}. Load before each part: "
                 + ", ".join(f"{part} {load:.1f}" for part, load in self.load_1min.items()) + ".", ""]
        lines += ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * 2 + " ---: |" * (len(COLUMNS) - 2)]
        lines += ["| " + " | ".join(cell.strip() for cell in row.cells()) + " |" for row in self.rows]
        lines += [""] + [f"- {part}: not measured: {why}" for part, why in self.failures.items()]
        return "\n".join(lines + [f"- {note}" for note in self.notes()]) + "\n"

    def write(self, folder: Path, accel: str) -> Path:
        """report.md and report.json in the folder; what is returned is the former's path."""
        host = {**about_host(), "machines_run_on": accel}
        document = {
            "host": {**host, "load_1min_before": self.load_1min},
            "rows": [row.document() for row in self.rows],
            "not_measured": self.failures,
        }
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("report.json", json.dumps(document, indent=1) + "\n"), ("report.md", self.markdown(host))):
            fresh = folder / f"{name}.new"
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(folder / name)
        return folder / "report.md"


def about_host() -> dict[str, Any]:
    """What figures depend on."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cpus": os.cpu_count(), "cpu": found[1] if found else platform.machine(), "memory_gb": pages / 1e9,
            "kernel": platform.release(), "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime())}


def middle(values: list[float]) -> float:
    """The figure of several runs. What else the host does makes single runs slow, so it is not the mean."""
    return median(values)
