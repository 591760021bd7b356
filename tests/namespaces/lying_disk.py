#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that does not keep what it is given: lying_disk.py BACKING MOUNTPOINT, until it is unmounted. A file system (FUSE) with
the file "disk", which a loop device makes a disk of, and the file "lies", which is written to. A lie is {"at": OFFSET}: the
byte there is kept as another; {"drop": OFFSET}: a write there is not kept; {"text": TEXT}: where that (Latin-1) is written its
first byte is kept as another. Nothing is cached in between: the kernel has no device mapper on every host, and this needs none."""

import errno
import json
import os
import stat
import sys

from fusepy import FUSE, FuseOSError, Operations


class LyingDisk(Operations):
    def __init__(self, backing):
        self.fd = os.open(backing, os.O_RDWR)
        self.lies = []

    def getattr(self, path, fh=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        if path not in ("/disk", "/lies"):
            raise FuseOSError(errno.ENOENT)
        size = os.fstat(self.fd).st_size if path == "/disk" else 0
        return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": size}

    def truncate(self, path, length, fh=None):
        pass

    def read(self, path, size, offset, fh):
        return os.pread(self.fd, size, offset) if path == "/disk" else b""

    def write(self, path, data, offset, fh):
        if path == "/lies":
            self.lies = json.loads(data)
        elif not any(lie.get("drop", -1) in range(offset, offset + len(data)) for lie in self.lies):
            os.pwrite(self.fd, self.altered(data, offset), offset)
        return len(data)

    def altered(self, data, offset):
        for lie in self.lies:
            at = lie["at"] - offset if "at" in lie else data.find(lie["text"].encode("latin-1")) if "text" in lie else -1
            if 0 <= at < len(data):
                data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
        return data

    def fsync(self, path, datasync, fh):
        os.fsync(self.fd)


if __name__ == "__main__":
    FUSE(LyingDisk(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True, direct_io=True, big_writes=True)
