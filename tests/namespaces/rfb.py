# SPDX-License-Identifier: GPL-3.0-or-later
"""A viewer of a screen (RFB, RFC 6143), as much as it takes to read the counter guest's text off its pixels and to type."""

import socket
import struct

RAW, DESKTOP_SIZE = 0, -223  # sections 7.7.1 and 7.8.2
COLUMNS, ROWS, CELL_HEIGHT = 80, 25, 16
COUNTER_ROW, TYPED_ROW = 3, 5


class Screen:
    """One look at the guest's screen: its rows as text."""

    def __init__(self, rows):
        self.rows = rows

    @property
    def counter(self):
        text = self.rows[COUNTER_ROW].strip()
        return int(text) if text.isdigit() else None

    @property
    def typed(self):
        """Up to the cursor."""
        return self.rows[TYPED_ROW].partition("\ufffd")[0].rstrip()


class Viewer:
    """Shares the screen with others."""

    def __init__(self, path, seconds=30):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(path)
        self._handshake()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            assert piece, "the screen was closed"
            data += piece
        return data

    def _unpack(self, layout):
        return struct.unpack(layout, self._read(struct.calcsize(layout)))

    def _handshake(self):
        version = self._read(12)
        assert version == b"RFB 003.008\n", version
        self.socket.sendall(version)
        types = self._read(self._read(1)[0])
        assert 1 in types, f"security types {types}"  # 1: none; whoever reaches the socket was let in before
        self.socket.sendall(b"\x01")
        assert self._unpack(">I") == (0,), "refused"
        self.socket.sendall(b"\x01")  # ClientInit: shared
        self.width, self.height = self._unpack(">HH")
        self._read(16)
        self.name = self._read(self._unpack(">I")[0]).decode()
        self.socket.sendall(struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        self.socket.sendall(struct.pack(">BxHii", 2, 2, RAW, DESKTOP_SIZE))
        self.pixels = bytearray(self.width * self.height * 4)

    def press(self, text):
        for character in text:
            for down in (1, 0):
                self.socket.sendall(struct.pack(">BBxxI", 4, down, ord(character)))

    def _rectangle(self):
        x, y, width, height, encoding = self._unpack(">HHHHi")
        if encoding == DESKTOP_SIZE:
            self.width, self.height = width, height
            self.pixels = bytearray(width * height * 4)
            return False
        assert encoding == RAW, f"encoding {encoding} was not asked for"
        for row in range(y, y + height):
            start = (row * self.width + x) * 4
            self.pixels[start:start + width * 4] = self._read(width * 4)
        return True

    def _message(self):
        """True after an update with pixels in it."""
        kind = self._read(1)[0]
        if kind == 0:
            self._read(1)
            return any([self._rectangle() for _ in range(self._unpack(">H")[0])])
        if kind == 3:
            self._read(3)
            self._read(self._unpack(">I")[0])
        else:
            assert kind == 2, f"message {kind}"
        return False

    def picture(self):
        """All of the screen as it is now."""
        while True:
            self.socket.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, self.width, self.height))
            size = (self.width, self.height)
            while not self._message():
                if (self.width, self.height) != size:
                    break
            else:
                return

    def _cell(self, row, column):
        width = self.width // COLUMNS
        lines = []
        for y in range(row * CELL_HEIGHT, (row + 1) * CELL_HEIGHT):
            start = (y * self.width + column * width) * 4
            lines.append(bytes(value > 64 for value in self.pixels[start + 2:start + width * 4:4]))  # red
        return b"".join(lines)

    def look(self):
        """The Screen; None while it is none of text, or is still being drawn. The guest shows the characters of ASCII first,
        in order: that is how it is known how each is drawn."""
        self.picture()
        if self.width % COLUMNS or self.height != ROWS * CELL_HEIGHT:
            return None
        known = {self._cell(*divmod(code - 0x20, COLUMNS)): chr(code) for code in range(0x20, 0x7F)}
        if len(known) != 0x7F - 0x20:
            return None
        return Screen(["".join(known.get(self._cell(row, column), "\ufffd") for column in range(COLUMNS))
                       for row in range(ROWS)])
