# SPDX-License-Identifier: GPL-3.0-or-later
"""The screen and the keyboard of a machine that is on: QEMU's picture of the screen, read as text by the fonts that machines draw
it with, and keys."""

from __future__ import annotations

import functools
import lzma
import select
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab import qmp
from lab.machine import Machine
from lab.wait import Deadline, LabError
from screen import Screen

# A card as all BMCs' look to a machine: text of 80x25, or a picture that firmware has set up.
CARD = ("-device", "VGA,id=vga")
USB_KEYBOARD = ("-device", "usb-kbd,id=keyboard,bus=usb.0")

# Draws text of 80x25, with a font of its own; QEMU loads it into the card above.
VIDEO_BIOS = Path("/usr/share/seabios/vgabios-stdvga.bin")
XZ = b"\xfd7zXZ\0"
WIDTH, HEIGHT = 8, 16
FONT = 256 * HEIGHT
CHUNK = 4 << 20
TEXT_MODE = (720, 400)  # cells of 9, the last of which is empty or the one before once more
# Code 1 of code page 437: no other bytes are like it, so a font is found by it.
FACE = bytes.fromhex("00007e81a58181bd9981817e00000000")
INVERSE = (1 << WIDTH * HEIGHT) - 1
PIXEL = 3
PAUSE = 0.3  # no event tells that a screen has changed

SHIFTED = {"_": "minus", ":": "semicolon"}
PLAIN = {"-": "minus", ".": "dot", "/": "slash", " ": "spc", "\n": "ret"}


def glyphs(chunks: Iterable[bytes], source: Path) -> dict[int, str]:
    """The characters of the font somewhere in these, by their pixels, row by row."""
    data = b""
    for chunk in chunks:
        data = data[-FONT:] + chunk
        first = data.find(FACE) - HEIGHT
        if first >= 0 and len(data) >= first + FONT:
            # Backwards: of those that are empty the space is kept.
            return {int.from_bytes(data[first + code * HEIGHT:first + (code + 1) * HEIGHT]): bytes([code]).decode("cp437")
                    for code in range(0xFE, 0x1F, -1)}
    raise LabError(f"{source} has no font of {WIDTH}x{HEIGHT} in the order of code page 437")


def unpacked(kernel: Path) -> Iterator[bytes]:
    """What is inside of it, as far as it is wanted."""
    packed = kernel.read_bytes()
    at = packed.find(XZ)
    if at < 0:
        raise LabError(f"{kernel} is not packed with xz: its font cannot be read")
    unpacker = lzma.LZMADecompressor()
    yield unpacker.decompress(packed[at:], CHUNK)
    while not unpacker.eof:
        yield unpacker.decompress(b"", CHUNK)


@functools.cache
def fonts(kernel: Path) -> dict[int, str]:
    """The kernel's and the card's together: they differ, but no character of one looks like another of the other."""
    of_kernel, of_card = glyphs(unpacked(kernel), kernel), glyphs([VIDEO_BIOS.read_bytes()], VIDEO_BIOS)
    alike = [a + of_card[bits] for bits, a in of_kernel.items() if of_card.get(bits, a) != a]
    if alike:
        raise LabError(f"{VIDEO_BIOS} and {kernel} draw these alike: {alike}")
    return of_kernel | of_card


def picture(ppm: bytes) -> tuple[int, int, bytes]:
    """Columns, rows and pixels of a portable pixmap, ppm(5), as QEMU writes it: three lines, then three bytes a pixel."""
    kind, size, most, pixels = ppm.split(b"\n", 3)
    columns, rows = (int(word) for word in size.split())
    if (kind, most, len(pixels)) != (b"P6", b"255", columns * rows * PIXEL):
        raise LabError(f"QEMU's picture is {kind!r}, {columns}x{rows}, up to {most!r}, in {len(pixels)} bytes")
    return columns, rows, pixels


class Display(Screen):
    """A Screen whose wire is QEMU's monitor, of whatever size it has at the moment."""

    def __init__(self, machine: Machine, kernel: Path) -> None:
        """kernel: that draws, where the firmware has left a picture and no text mode."""
        self._machine, self._kernel = machine, kernel
        self._lines: list[str] = []
        self._known: dict[bytes, str] = {}

    def _monitor(self) -> qmp.Monitor:
        return qmp.Monitor(self._machine.path / "qmp.sock", Deadline(30))

    def text(self) -> str:
        return "\n".join(self._lines)

    def read(self, seconds: float) -> None:
        path = self._machine.path / "screen.ppm"
        with self._monitor() as monitor:
            monitor.command("screendump", filename=str(path))
        columns, rows, pixels = picture(path.read_bytes())
        step = WIDTH + 1 if (columns, rows) == TEXT_MODE else WIDTH
        self._lines = ["".join(self._character(pixels, columns, x, y) for x in range(0, columns - WIDTH + 1, step)).rstrip()
                       for y in range(0, rows - HEIGHT + 1, HEIGHT)]
        select.select([], [], [], max(seconds, PAUSE))

    def _character(self, pixels: bytes, columns: int, x: int, y: int) -> str:
        """What is in a cell of two colours, whichever of them is behind; a replacement character if no font has it."""
        starts = range((y * columns + x) * PIXEL, ((y + HEIGHT) * columns + x) * PIXEL, columns * PIXEL)
        cell = b"".join(pixels[at:at + WIDTH * PIXEL] for at in starts)
        known = self._known.get(cell)
        if known is None:
            corner = cell[:PIXEL]
            bits = int("".join("01"[cell[at:at + PIXEL] != corner] for at in range(0, len(cell), PIXEL)), 2)
            font = fonts(self._kernel)
            known = self._known[cell] = font.get(bits) or font.get(bits ^ INVERSE, "\ufffd")
        return known

    def press(self, *keys: str) -> None:
        """Keys by QEMU's names of them; "shift+a" are two at once."""
        with self._monitor() as monitor:
            for key in keys:
                monitor.command("send-key", keys=[{"type": "qcode", "data": code} for code in key.split("+")])

    def type(self, text: str) -> None:
        """On a keyboard of the United States."""
        for each in text:
            if each in SHIFTED or each.isupper():
                self.press(f"shift+{SHIFTED.get(each, each.lower())}")
            else:
                self.press(PLAIN.get(each, each))
