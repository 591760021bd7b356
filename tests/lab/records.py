# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab has made: one JSON line per process, namespace, file and directory.

Lines are appended before (files, namespaces) or as (processes) the thing comes to be, and
never changed. Taking a lab down reads them from the end and removes exactly these.
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any, Iterator


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


class Records:
    """The record file of one lab. Several processes may append to it."""

    def __init__(self, path: Path, lab_id: str) -> None:
        self.path = path
        self.lab_id = lab_id

    @staticmethod
    def create(path: Path) -> "Records":
        records = Records(path, uuid.uuid4().hex)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.close(fd)
        records.add("lab", id=records.lab_id, boot_id=boot_id())
        return records

    @staticmethod
    def open(path: Path) -> "Records":
        """Opens existing records. A file cut short by a crash before its first line has no id."""
        records = Records(path, "")
        for entry in records:
            if entry["kind"] == "lab":
                records.lab_id = entry["id"]
                break
        return records

    def add(self, kind: str, **fields: Any) -> None:
        line = json.dumps({"kind": kind, **fields}) + "\n"
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(fd, line.encode())  # one write: appends of several processes do not mix
        finally:
            os.close(fd)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # the last line of a crash in mid-write

    def of_this_boot(self) -> bool:
        """Whether process ids and start times in here still mean anything."""
        return any(e["kind"] == "lab" and e.get("boot_id") == boot_id() for e in self)
