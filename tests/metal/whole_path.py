#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests the whole path on metal, and the faults that need metal, in one run of the lab.

The order is for time, which goes into booting machines: what can fail on a blank machine
comes first, the provisioner is killed in the middle of the one deploy, the hosts are
switched off and on (a cold boot from their disks) before a virtual machine lives on them.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import accel  # noqa: E402
from lab.checks import Checks  # noqa: E402
from lab.world import Lab, left_standing, remove  # noqa: E402
from lab.wait import LabError  # noqa: E402

import metal_blank  # noqa: E402
import metal_cluster  # noqa: E402
from metal_world import BUILD, MetalWorld, ROOT  # noqa: E402


def main() -> int:
    checks = Checks()
    parts = BUILD / "lab-parts"
    kind, why = accel.choose(parts)
    print(f"machines run on {kind}: {why}", flush=True)
    lab = Lab.create(ROOT, "ingot-lab-metal", kind, parts, say=print)
    keep = bool(os.environ.get("INGOT_LAB_KEEP"))
    try:
        world = MetalWorld.build(lab)
        try:
            metal_blank.run(checks, world)
            metal_cluster.run(checks, world)
        finally:
            world.close()
    except (LabError, OSError) as problem:
        checks.run("the lab stands", functools.partial(fail, problem))
    finally:
        if checks.failed:
            show_logs(lab)
        if checks.failed and keep:
            print(left_standing(ROOT))
        else:
            remove(ROOT)
    return checks.close()


def fail(problem: Exception) -> None:
    raise LabError(str(problem)) from problem


def show_logs(lab: Lab) -> None:
    """The ends of the logs: on a machine that is gone afterwards they are all there is to see."""
    for path in [lab.logs / "provisioner.log", lab.logs / "cli.log", *sorted((lab.root / "machines").glob("*/serial.log"))]:
        if path.exists():
            print(f"--- end of {path}")
            print("\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]))


if __name__ == "__main__":
    sys.exit(main())
