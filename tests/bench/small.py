# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that need nothing but what was built: sizes, the scheduler, the simulation."""

from __future__ import annotations

import json
import re
import subprocess

from lab.wait import LabError

from .context import Bench

MB = 1e6
LIVE_IMAGE_MB = 40
PLACEMENT_US = 1000
SEEDS = 40


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def size(bench: Bench) -> None:
    images = bench.build / "images"
    live = sum((images / "live" / name).stat().st_size for name in ("vmlinuz", "initrd"))
    bench.add("live image", "kernel and initrd", "MB", live / MB, goal=LIVE_IMAGE_MB)
    bench.add("host bundle", "as it is sent", "MB", (images / "host.bundle").stat().st_size / MB)


def scheduler(bench: Bench) -> None:
    for nodes in (100, 10000):
        found = json.loads(_run(bench.program("bench-scheduler"), str(nodes)))
        bench.add("placement", f"{nodes} nodes", "us", 1e6 / found["per_second"], floor=1e6 / found["floor_per_second"],
                  goal=PLACEMENT_US, floor_is="one pass over the nodes that keeps the one with the most free memory",
                  remark="scheduler alone, without reading the store")


def simulation(bench: Bench) -> None:
    text = _run(bench.program("ingot-sim"), "--seeds", str(SEEDS))
    found = re.search(r"sim: (\d+) seeds in ([0-9.]+) s: (\d+) simulated hours", text)
    if not found:
        raise LabError(f"ingot-sim said: {text[-300:]}")
    seconds = float(found[2])
    bench.add("simulation", f"{found[1]} seeds", "seeds/s", int(found[1]) / seconds,
              remark=f"{int(found[3]) * 3600 / seconds:.0f} times as fast as the clock")
