# SPDX-License-Identifier: GPL-3.0-or-later
"""A screen of 80x24 that a terminal emulator (pyte) keeps of what comes over a wire, and keys that go back."""

import pyte

import ns

TAB, ENTER, SPACE, DOWN, UP = "\t", "\r", " ", "\x1bOB", "\x1bOA"


class Screen:
    """The wire: receive(seconds) returns bytes, none if the time is up, and raises EOFError at the end; send(text)."""

    def __init__(self, wire):
        self.wire = wire
        self.screen = pyte.Screen(80, 24)
        self.stream = pyte.ByteStream(self.screen)

    def text(self):
        # A wide character takes two cells, the second of which is empty.
        return "\n".join(self.screen.display)

    def flat(self):
        """The same without frames and line ends: sentences that were wrapped are whole."""
        return " ".join(self.text().replace("│", " ").split())

    def read(self, seconds):
        self.stream.feed(self.wire.receive(seconds))

    def see(self, *words, seconds=60):
        """Waits until all of the words are on the screen."""
        def shown():
            try:
                self.read(0.05)
            except EOFError:
                raise AssertionError(f"the installer ended; no {words!r} in:\n{self.text()}") from None
            text = self.flat()
            return all(w in text for w in words)
        try:
            ns.wait_until(shown, seconds, str(words))
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.text()}") from None

    def press(self, *keys):
        for key in keys:
            self.wire.send(key)

    def fill(self, *texts):
        """Into the entries of a screen from the first on, each emptied before."""
        for text in texts:
            self.press("\x05", "\x15", text, TAB)
