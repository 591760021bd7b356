#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the installation medium to provisioners: one machine by a person at its console, one by answers, side by side; what is
wrong with answers, disks, network and medium before that. The first one leaves the addresses to another DHCP server; a blank machine
boots from it, and one joins it with a token; then it is installed again with its state kept. The second one, on a VLAN over a bond, is
its own node, and finds and deploys another by PXE.

from_medium.py ISO [attended] [unattended]
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "namespaces"))

from lab import accel  # noqa: E402
from lab.wait import LabError  # noqa: E402
from lab.world import Lab, left_standing, remove  # noqa: E402
from medium_attended import Attended  # noqa: E402
from medium_box import Story  # noqa: E402
from medium_unattended import Unattended  # noqa: E402
from whole_path import show_logs  # noqa: E402

BUILD = Path(os.environ.get("INGOT_BUILD", "build")).resolve()
ROOT = BUILD / "lab-medium"


def main() -> int:
    iso = Path(sys.argv[1]).resolve()
    kind, why = accel.choose(BUILD / "lab-parts")
    print(f"machines run on {kind}: {why}", flush=True)
    lab = Lab.create(ROOT, "ingot-lab-medium", kind, BUILD / "lab-parts", say=print)
    stories: list[Story] = []
    failed = True
    try:
        attended, unattended = Attended(lab, iso, BUILD), Unattended(lab, iso, BUILD)
        wanted = sys.argv[2:] or ["attended", "unattended"]
        beside = threading.Thread(target=lambda: stories.append(attended.tell()), daemon=True)
        if "attended" in wanted:
            beside.start()
        if "unattended" in wanted:
            stories.append(unattended.tell())
        if "attended" in wanted:
            beside.join()
        failed = len(stories) < len(wanted) or any(story.checks.failed for story in stories)
    except (LabError, OSError) as problem:
        print(f"FAIL  the lab stands: {problem}", flush=True)
    finally:
        if failed:
            show_logs(lab)
        if failed and os.environ.get("INGOT_LAB_KEEP"):
            print(left_standing(ROOT))
        else:
            remove(ROOT)
    passed = sum(story.checks.passed for story in stories)
    print(f"{passed} passed, {sum(story.checks.failed for story in stories) or int(failed)} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
