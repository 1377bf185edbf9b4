"""A canned Cognito: one process on uvloop that answers each operation from memory, after a delay.

`python -m benchmarks.upstream <folder>`: the folder holds `jwks.json`, and `many.sha256`, the
SHA-256 of those tokens whose users have 60 devices; other users have 3. Prints its port. PUT
/_settings takes `{"delay": seconds, "quota": reads a second or null}`; GET /_counts tells the calls
since then.
"""

import asyncio
import hashlib
import re
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import uvloop

AGENTS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Ana's laptop",
    "Pixel 8",
)
KEY = "eu-west-1_0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8{:02x}"
TOKEN = re.compile(rb'"AccessToken": ?"([^"]+)"')
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
TARGET = re.compile(rb"\r\nx-amz-target: *\w+\.(\w+)", re.IGNORECASE)
READS = (b"ListDevices", b"GetDevice", b"ListUserSessions")


def device(number: int) -> dict[str, object]:
    return {
        "DeviceKey": KEY.format(number),
        "DeviceAttributes": [
            {"Name": "device_status", "Value": "valid"},
            {"Name": "device_name", "Value": AGENTS[number % len(AGENTS)]},
            {"Name": "last_ip_used", "Value": f"203.0.113.{number}"},
        ],
        "DeviceCreateDate": 1768206605.123,
        "DeviceLastModifiedDate": 1768206606.456,
        "DeviceLastAuthenticatedDate": 1772438321.0,
    }


def answer(status: int, body: object) -> bytes:
    content = orjson.dumps(body)
    return (
        f"HTTP/1.1 {status} {'OK' if status == 200 else 'Bad Request'}\r\n"
        "Date: Mon, 02 Mar 2026 07:58:41 GMT\r\nContent-Type: application/x-amz-json-1.1\r\n"
        f"Content-Length: {len(content)}\r\nConnection: keep-alive\r\n"
        "x-amzn-RequestId: 7b2d6f0a-54c1-4d0e-9d0b-3a1f2f7c9e11\r\n\r\n"
    ).encode() + content


class Cognito:
    """What all connections share."""

    def __init__(self, folder: Path) -> None:
        self.jwks = answer(200, orjson.loads((folder / "jwks.json").read_bytes()))
        self.many = set((folder / "many.sha256").read_text().split())
        self.few_devices = answer(200, {"Devices": [device(number) for number in range(3)]})
        self.many_devices = answer(200, {"Devices": [device(number) for number in range(60)]})
        self.one_device = answer(200, {"Device": device(0)})
        self.done = answer(200, {})
        self.refused = answer(
            400, {"__type": "TooManyRequestsException", "message": "Rate exceeded"}
        )
        self.set(b"{}")

    def set(self, body: bytes) -> None:
        given = orjson.loads(body)
        self.delay, self.quota = given.get("delay", 0.0), given.get("quota")
        self.second, self.reads = 0, 0
        self.calls = self.refusals = 0

    def answer(self, head: bytes, body: bytes) -> tuple[bytes, float]:
        """The answer and the seconds to wait with it."""
        found = TARGET.search(head)
        if found is None:
            if head.startswith(b"PUT /_settings "):
                self.set(body)
            elif head.startswith(b"GET /_counts "):
                return answer(200, {"calls": self.calls, "refused": self.refusals}), 0
            return self.jwks, 0
        operation = found[1]
        self.calls += 1
        if self.quota and operation in READS and not self.allowed():
            self.refusals += 1
            return self.refused, self.delay
        if operation == b"ListDevices":
            token = TOKEN.search(body)
            digest = hashlib.sha256(token[1]).hexdigest() if token else ""
            return (self.many_devices if digest in self.many else self.few_devices), self.delay
        return (self.one_device if operation == b"GetDevice" else self.done), self.delay

    def allowed(self) -> bool:
        second = int(time.monotonic())
        if second != self.second:
            self.second, self.reads = second, 0
        self.reads += 1
        within: bool = self.reads <= self.quota
        return within


class Connection(asyncio.Protocol):
    def __init__(self, cognito: Cognito) -> None:
        self.cognito, self.buffer = cognito, b""
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            length = LENGTH.search(head)
            total = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < total:
                return
            body, self.buffer = self.buffer[end + 4 : total], self.buffer[total:]
            content, delay = self.cognito.answer(head, body)
            if delay:
                self.loop.call_later(delay, self.reply, content)
            else:
                self.reply(content)

    def reply(self, content: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(content)


async def main() -> None:
    cognito = Cognito(Path(sys.argv[1]))
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(cognito), "127.0.0.1", 0, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
