#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the BMC module (bmc_chassis.c) runs: chassis.py on|off|reset|shutdown.

The working directory is the machine's.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import machine as machines  # noqa: E402  (the path has to be set first)
from lab.wait import LabError  # noqa: E402

VERBS = {"on": machines.power_on, "off": machines.power_off, "reset": machines.reset,
         "shutdown": machines.shutdown}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in VERBS:
        print(f"usage: chassis.py {'|'.join(VERBS)}", file=sys.stderr)
        return 2
    try:
        VERBS[sys.argv[1]](machines.Machine.load(Path.cwd()))
    except (LabError, OSError) as problem:
        print(f"chassis {sys.argv[1]}: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
