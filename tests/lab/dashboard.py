# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole path by mouse and keyboard: tests/ui/metal.mjs in a browser, against the lab's provisioner."""

from __future__ import annotations

import os
import selectors
import subprocess
from pathlib import Path

from .path import WholePath
from .steps import say
from .wait import Deadline, LabError

SCRIPT = Path(__file__).resolve().parent.parent / "ui/metal.mjs"
WHOLE = 3600.0  # each step of the script has a deadline of its own


def drive(path: WholePath, build: Path) -> None:
    """Runs the script to its end and shows what it says; raises if a step of it failed."""
    words = ["node", str(SCRIPT), "--url", path.ingot.url, "--image", str(path.guest_image),
             "--shots", str(build / "ui-shots/metal")]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env={**os.environ, "INGOT_PASSWORD": path.provisioner.admin_password})
    assert process.stdout
    deadline, last = Deadline(WHOLE), ""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                path.provisioner.guard()
                if deadline.expired():
                    raise LabError(f"the dashboard has not come to the end within {WHOLE:.0f} s; it said last: {last}")
                if not selector.select(min(5.0, deadline.left())):
                    continue
                line = process.stdout.readline()
                if not line:
                    break
                last = line.rstrip()
                say(last)
        if process.wait(timeout=30) != 0:
            raise LabError(f"the dashboard: {last}; see {build / 'ui-shots/metal'}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
