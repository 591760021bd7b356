# SPDX-License-Identifier: GPL-3.0-or-later
"""python3 hello_load.py ADDRESS:PORT CA COUNT AT_ONCE: machines that say hello to the agents' listener, all at once.

Each has an address of its own (10.78.0.0/16, which the caller has made local), a connection of its own, and says hello again
when it is told to wait, as agents do. Prints one line of JSON."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
import uuid

TRIES = 50


def request(number: int, host: str) -> bytes:
    mac = f"52:54:02:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    body = json.dumps({"uuid": str(uuid.UUID(int=number + (3 << 96))), "serial": f"H{number:06}", "macs": [mac],
                       "boot_mac": mac, "boot_id": str(uuid.UUID(int=number + (4 << 96))), "firmware": "uefi",
                       "bmc": None})
    return (f"POST /agent/v1/hello HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


class Load:
    def __init__(self, server: str, cacert: str, at_once: int) -> None:
        self.host, port = server.split(":")
        self.port = int(port)
        self.context = ssl.create_default_context(cafile=cacert)
        self.places = asyncio.Semaphore(at_once)
        self.took: list[float] = []
        self.later = 0

    async def once(self, number: int) -> bool:
        own = f"10.78.{number >> 8 & 255}.{number & 255}"
        reader, writer = await asyncio.open_connection(self.host, self.port, ssl=self.context, local_addr=(own, 0))
        try:
            writer.write(request(number, self.host))
            head = await reader.readline()
            await reader.read()
        finally:
            writer.close()
        status = int(head.split()[1]) if head else 0
        if status not in (200, 429, 503):
            raise RuntimeError(f"hello {number}: {status}")
        return status == 200

    async def hello(self, number: int) -> None:
        async with self.places:
            began = time.monotonic()
            for _ in range(TRIES):
                try:
                    if await self.once(number):
                        self.took.append(time.monotonic() - began)
                        return
                except (OSError, ssl.SSLError):
                    pass
                self.later += 1
                await asyncio.sleep(1)
            raise RuntimeError(f"hello {number}: was never taken")


async def main() -> None:
    load = Load(sys.argv[1], sys.argv[2], int(sys.argv[4]))
    began = time.monotonic()
    await asyncio.gather(*(load.hello(number) for number in range(int(sys.argv[3]))))
    took = sorted(load.took)
    print(json.dumps({"seconds": time.monotonic() - began, "count": len(took), "later": load.later,
                      "p50_ms": took[len(took) // 2] * 1e3, "p99_ms": took[len(took) * 99 // 100] * 1e3}))


if __name__ == "__main__":
    asyncio.run(main())
