# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a test program: named, timed, counted; the last line says how many passed."""

from __future__ import annotations

import time
import traceback
from typing import Callable

from .wait import LabError


class Skipped(Exception):
    """A check whose ground is missing because an earlier one failed. Counts as failed."""


class Checks:
    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def run(self, name: str, check: Callable[[], object]) -> bool:
        """Runs one check; it fails by raising. What it returns is shown behind its name."""
        began = time.monotonic()
        try:
            remark = check()
        except (AssertionError, LabError, OSError, Skipped, KeyError, ValueError) as problem:
            self.failed += 1
            where = traceback.extract_tb(problem.__traceback__)[-1]
            print(f"FAIL  {name} ({time.monotonic() - began:.1f} s): {type(problem).__name__}: {problem} "
                  f"[{where.filename.rpartition('/')[2]}:{where.lineno}]", flush=True)
            return False
        self.passed += 1
        tail = f": {remark}" if isinstance(remark, str) else ""
        print(f"ok    {name} ({time.monotonic() - began:.1f} s){tail}", flush=True)
        return True

    def close(self) -> int:
        """Prints the closing line; the exit status of the program."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 0 if self.failed == 0 and self.passed > 0 else 1


def expect(condition: object, text: str) -> None:
    """An assertion that says what was wrong, and that -O does not remove."""
    if not condition:
        raise AssertionError(text)
