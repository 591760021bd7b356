# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether machines run on KVM: only if a Debian kernel has been seen to boot on it here.

A /dev/kvm says little (a nested or paravirtual KVM may hang every guest), so the lab boots
its little guest once and remembers what it saw for this kernel, QEMU and processor.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from pathlib import Path

from . import guest
from .wait import Deadline, readable

PROOF_SECONDS = 12.0  # a KVM worth having needs one or two
MARK = b"floor hello"


def _host_key() -> str:
    qemu = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, check=True).stdout
    model = next((line for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
                  if line.startswith("model name")), "")
    return hashlib.sha256(b"|".join([qemu, model.encode(), platform.release().encode()])).hexdigest()


def boots(accel: list[str], parts: Path, seconds: float) -> bool:
    """Whether the little guest says hello within so many seconds."""
    argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35",
            *accel, "-m", "512", "-serial", "stdio", "-kernel", str(parts / "vmlinuz"),
            "-initrd", str(parts / "initrd"), "-append", "console=ttyS0 quiet floor.hello", "-no-reboot"]
    deadline = Deadline(seconds)
    seen = b""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as qemu:
        assert qemu.stdout
        try:
            while MARK not in seen and readable(qemu.stdout.fileno(), deadline):
                chunk = os.read(qemu.stdout.fileno(), 4096)
                if not chunk:
                    break
                seen += chunk
        finally:
            qemu.kill()
    return MARK in seen


def choose(parts: Path) -> tuple[str, str]:
    """("kvm" or "tcg", why). parts holds the little guest and the remembered verdict."""
    wish = os.environ.get("INGOT_LAB_ACCEL", "")
    if wish in ("kvm", "tcg"):
        return wish, "INGOT_LAB_ACCEL says so"
    if not os.path.exists("/dev/kvm"):
        return "tcg", "this host has no /dev/kvm"
    cache, key = parts / "kvm.json", _host_key()
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
        if known["host"] == key:
            return known["accel"], known["why"]
    except (FileNotFoundError, ValueError, KeyError):
        pass
    if boots(["-accel", "kvm", "-cpu", "host"], parts, PROOF_SECONDS):
        verdict = ("kvm", "a kernel has booted on it here")
    else:
        verdict = ("tcg", f"/dev/kvm is there, but a kernel did not boot on it in {PROOF_SECONDS:.0f} s")
    cache.write_text(json.dumps({"host": key, "accel": verdict[0], "why": verdict[1]}) + "\n", encoding="utf-8")
    return verdict


def require_guest(parts: Path) -> None:
    """Builds the little guest if make has not."""
    if not (parts / "vmlinuz").exists():
        guest.build(parts)
