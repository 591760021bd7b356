# SPDX-License-Identifier: GPL-3.0-or-later
"""The installer on a pseudo terminal of 80x24, as on a serial console."""

import os

import pexpect

from screen import Screen


class Terminal(Screen):
    def __init__(self, term, machine):
        self.child = pexpect.spawn("ip", ["netns", "exec", machine.space, *machine.argv()], dimensions=(24, 80), timeout=30,
                                   env={**os.environ, "TERM": term, "LANG": "C.UTF-8"})
        super().__init__(self)

    def receive(self, seconds):
        try:
            return self.child.read_nonblocking(65536, timeout=seconds)
        except pexpect.TIMEOUT:
            return b""
        except pexpect.EOF:
            raise EOFError from None

    def send(self, text):
        self.child.send(text)

    def end(self):
        """Reads to the end; the exit code."""
        try:
            while True:
                self.read(5)
        except EOFError:
            pass
        self.child.close()
        return self.child.exitstatus

    def close(self):
        self.child.close(force=True)
