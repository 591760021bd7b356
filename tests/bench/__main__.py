# SPDX-License-Identifier: GPL-3.0-or-later
"""python3 -m bench [--parts NAME,NAME...]: measures, prints a table, writes build/bench/report.md and report.json.

It is no test: slow is not wrong. The exit status is 0 if all could be measured, whether goals were met or not.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "namespaces"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "metal"))

from . import api, cluster, dashboard, hellos, install, medium, metal, small  # noqa: E402  (the path has to be set first)
from .context import PRIORITY, Bench  # noqa: E402
from .table import Table  # noqa: E402

# In this order: what is quick and needs little first. Parts of one group stand on what the group's first one has put up; it
# is taken down before the next group.
PARTS: dict[str, tuple[str, Callable[[Bench], None]]] = {
    "size": ("nothing", small.size),
    "scheduler": ("nothing", small.scheduler),
    "simulation": ("nothing", small.simulation),
    "api": ("api", api.api),
    "dashboard": ("nothing", dashboard.dashboard),
    "hellos": ("hellos", hellos.hellos),
    "install": ("rack", install.measure),
    "pool": ("rack", cluster.pool),
    "volume": ("rack", cluster.volume),
    "vm": ("rack", cluster.vm),
    "migrate": ("rack", cluster.migrate),
    "memory": ("rack", cluster.memory),
    "bios": ("bios", metal.bios),
    "uefi": ("uefi", metal.uefi),
    "medium": ("medium", medium.measure),
}


def wanted_parts(text: str) -> list[str]:
    if text == "all":
        return list(PARTS)
    names = text.split(",")
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise SystemExit(f"bench: there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return [name for name in PARTS if name in names]


def measure(bench: Bench, name: str) -> None:
    bench.part = name
    bench.table.load_1min[name] = os.getloadavg()[0]
    print(f"{name} (load {os.getloadavg()[0]:.1f})", flush=True)
    try:
        PARTS[name][1](bench)
    except Exception as problem:  # whatever it is: what the other parts have measured is not lost with it
        traceback.print_exc()
        bench.table.fail(name, f"{type(problem).__name__}: {problem}")


def take_down(bench: Bench) -> None:
    try:
        bench.take_down()
    except Exception as problem:  # the same: there is a report to be written
        traceback.print_exc()
        bench.table.fail(f"after {bench.part}", f"taking it down: {type(problem).__name__}: {problem}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--parts", default="all", help=f"some of {','.join(PARTS)}")
    names = wanted_parts(parser.parse_args().parts)
    if os.geteuid() != 0:
        raise SystemExit("bench: needs root: sudo make bench")
    os.nice(PRIORITY)  # for all that is started here, ours and floors
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bench = Bench(Path(os.environ.get("INGOT_BUILD", "build")).resolve(), Table())
    try:
        for i, name in enumerate(names):
            if i and PARTS[name][0] != PARTS[names[i - 1]][0]:
                take_down(bench)
            measure(bench, name)
    finally:
        take_down(bench)
    path = bench.table.write(bench.results, bench.accel())
    print(f"\n{bench.table.text()}\n\nkept in {path}")
    return 1 if bench.table.failures else 0


if __name__ == "__main__":
    sys.exit(main())
