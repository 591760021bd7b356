# SPDX-License-Identifier: GPL-3.0-or-later
"""The installer on a pseudo terminal of 80x24, as on a serial console: what stands on the screen is what a terminal emulator
(pyte) makes of the bytes."""

import os

import pexpect
import pyte

import ns

TAB, ENTER, SPACE, DOWN, UP = "\t", "\r", " ", "\x1bOB", "\x1bOA"


class Terminal:
    def __init__(self, term, machine):
        self.screen = pyte.Screen(80, 24)
        self.stream = pyte.ByteStream(self.screen)
        self.child = pexpect.spawn("ip", ["netns", "exec", machine.space, *machine.argv()], dimensions=(24, 80), timeout=30,
                                   env={**os.environ, "TERM": term, "LANG": "C.UTF-8"})

    def text(self):
        # A wide character takes two cells, the second of which is empty.
        return "\n".join(self.screen.display)

    def flat(self):
        """The same without frames and line ends: sentences that were wrapped are whole."""
        return " ".join(self.text().replace("│", " ").split())

    def read(self, seconds):
        try:
            self.stream.feed(self.child.read_nonblocking(65536, timeout=seconds))
            return True
        except pexpect.TIMEOUT:
            return False

    def see(self, *words, seconds=60):
        """Waits until all of the words are on the screen."""
        def shown():
            try:
                self.read(0.05)
            except pexpect.EOF:
                raise AssertionError(f"the installer ended; no {words!r} in:\n{self.text()}") from None
            text = self.flat()
            return all(w in text for w in words)
        try:
            ns.wait_until(shown, seconds, str(words))
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.text()}") from None

    def press(self, *keys):
        for key in keys:
            self.child.send(key)

    def end(self):
        """Reads to the end; the exit code."""
        try:
            while True:
                self.read(5)
        except pexpect.EOF:
            pass
        self.child.close()
        return self.child.exitstatus

    def close(self):
        self.child.close(force=True)


def fill(terminal, *texts):
    """Into the entries of a screen from the first on, each emptied before."""
    for text in texts:
        terminal.press("\x05", "\x15", text, TAB)
