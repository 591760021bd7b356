# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own little guest: Debian's kernel with busybox and ipmitool in an initramfs.

It proves what machines and BMCs promise before any of the product exists, and whether KVM
really works on this host. Run as a program it builds both files: guest.py DIRECTORY
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MODULES = ("ipmi_si", "ipmi_devintf", "virtio_pci", "virtio_scsi", "sd_mod", "virtio_blk", "virtio_net")
PROGRAMS = ("/usr/bin/ipmitool",)
HERE = Path(__file__).resolve().parent


def _run(*argv: str, cwd: Path | None = None, stdin: bytes | None = None) -> bytes:
    done = subprocess.run(argv, cwd=cwd, input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv[:3])}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _kernel_package() -> str:
    """The package of today's kernel, as the metapackage names it."""
    depends = _run("apt-cache", "depends", "linux-image-amd64").decode()
    found = re.search(r"Depends: (linux-image-[0-9]\S*)", depends)
    if not found:
        raise SystemExit("apt knows no linux-image-amd64; run apt-get update")
    return found.group(1)


def _copy_with_libraries(program: str, root: Path) -> None:
    files = [program]
    for line in _run("ldd", program).decode().splitlines():
        found = re.search(r"(/\S+) \(0x", line)
        if found:
            files.append(found.group(1))
    for name in files:
        target = root / name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, target)


def _copy_modules(tree: Path, root: Path) -> None:
    """Copies MODULES and what they depend on, and an index for busybox's modprobe."""
    release = next((tree / "lib/modules").iterdir()).name
    _run("depmod", "-b", str(tree), release)
    source = tree / "lib/modules" / release
    target = root / "lib/modules" / release
    depends = {}
    for line in (source / "modules.dep").read_text(encoding="ascii").splitlines():
        path, _, needs = line.partition(":")
        depends[Path(path).stem.replace("-", "_")] = [path, *needs.split()]
    for module in MODULES:
        for path in depends.get(module, []):  # what is missing is built in
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / path, target / path)
    for name in ("modules.order", "modules.builtin"):
        shutil.copy(source / name, target / name)
    _run("depmod", "-b", str(root), release)


def build(directory: Path) -> None:
    """Makes DIRECTORY/vmlinuz and DIRECTORY/initrd."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ingot-floor-") as name:
        work = Path(name)
        work.chmod(0o755)
        tree, root = work / "package", work / "root"
        _run("apt-get", "-o", "APT::Sandbox::User=root", "download", "-q", _kernel_package(), cwd=work)
        _run("dpkg-deb", "-x", str(next(work.glob("*.deb"))), str(tree))
        for folder in ("bin", "sbin", "proc", "sys", "dev", "tmp", "usr/bin"):
            (root / folder).mkdir(parents=True)
        shutil.copy("/bin/busybox", root / "bin/busybox")
        for applet in _run("/bin/busybox", "--list").decode().split():
            if applet != "busybox":
                (root / "bin" / applet).symlink_to("busybox")
        for program in PROGRAMS:
            _copy_with_libraries(program, root)
        _copy_modules(tree, root)
        shutil.copy(HERE / "floor_init.sh", root / "init")
        (root / "init").chmod(0o755)
        names = _run("find", ".", "-print0", cwd=root)
        archive = _run("cpio", "--null", "-o", "-H", "newc", "--quiet", "-R", "0:0", cwd=root, stdin=names)
        (directory / "initrd").write_bytes(gzip.compress(archive, 1))
        shutil.copy(next(tree.glob("boot/vmlinuz-*")), directory / "vmlinuz")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
