# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboard's table of machines in a browser: 10,000 beside 10, and beside the bare request for the same rows."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from lab.wait import LabError

from .context import Bench

MACHINES = 10000
FEW = 10
RUNS = 5
LONGEST_MS = 200  # a task of the main thread that is longer is seen as a pause
RATIO = 2  # to the same with few machines
SECONDS = 1800

# What is done, what it is called, and the bare request that it cannot do without.
DONE = {
    "filter": ("filter by a text", "request filtered"),
    "clear": ("clear the filter", "request all"),
    "sort": ("sort the other way", "request all"),
}
# What few machines have no use for.
FAR = {
    "next": ("scroll to the next page", "request all"),
    "select": ("select all that match", "request all"),
}


def browse(bench: Bench, machines: int) -> dict[str, dict[str, float]]:
    script = Path(__file__).with_name("dashboard.mjs")
    argv = ["node", str(script), "--server", bench.program("ingot-sim-server"), "--ui", str(bench.build / "ui"),
            "--machines", str(machines), "--runs", str(RUNS)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-800:]}")
    found: dict[str, dict[str, float]] = json.loads(done.stdout)
    return found


def dashboard(bench: Bench) -> None:
    few = browse(bench, FEW)
    many = browse(bench, MACHINES)
    where = f"{MACHINES} machines"
    for name, (phase, request) in {**DONE, **FAR}.items():
        rows: dict[str, Any] = {}
        if name in DONE:
            rows = {"floor": few[name]["rows_ms"], "floor_is": f"the same with {FEW} machines", "goal": RATIO,
                    "goal_is_ratio": True}
        bench.add(f"dashboard: {phase}", where, "ms", many[name]["rows_ms"], runs=RUNS,
                  remark=f"until the rows are drawn; the bare request takes {many[request]['request_ms']:.0f} ms, "
                         f"with {FEW} machines {few[request]['request_ms']:.0f} ms", **rows)
    for name in (*DONE, *FAR, "scroll"):
        phase = (DONE | FAR).get(name, ("scroll through 650 rows", ""))[0]
        bench.add(f"dashboard: {phase}, longest task", where, "ms", many[name]["longest_ms"], goal=LONGEST_MS,
                  remark="of the page's main thread; a browser tells of none below 50 ms", runs=RUNS)
