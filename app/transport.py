"""HTTP connections whose answers end, whatever the other side sends, and free thread and socket.

urllib3 bounds neither: its read time-out counts anew from every byte that trickles in, and an
answer without an end is read for as long as it comes. Nor does it know that to connect took so long
that nobody waits any more; the request, a write perhaps, would be sent all the same.
"""

import io
import socket
import time
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Any, ClassVar

from urllib3.connectionpool import HTTPConnectionPool

from app import deadlines

PoolClasses = dict[str, type[HTTPConnectionPool]]


class AnswerTooLarge(Exception):
    """More came than is read of an answer. The connection is closed."""


def bounded(pool_classes: Mapping[str, type[HTTPConnectionPool]], max_bytes: int) -> PoolClasses:
    """urllib3's or botocore's pool classes, by scheme, made to read bounded answers.

    The read time-out is for the whole of an answer; that of a proxy which is asked for a tunnel has
    the connect time-out. `max_bytes`: of one answer, head and all, as it comes over the network.
    What takes longer raises urllib3's ReadTimeoutError, what is larger `AnswerTooLarge`; a request
    whose time was up before there was a connection is not sent, and raises `deadlines.TooLate`.
    """
    response_class = type("Response", (_BoundedResponse,), {"max_bytes": max_bytes})

    def bound(pool_class: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
        plain = pool_class.ConnectionCls
        members = {"response_class": response_class}
        connection_class = type(plain.__name__, (_PunctualConnection, plain), members)
        return type(pool_class.__name__, (pool_class,), {"ConnectionCls": connection_class})

    return {scheme: bound(pool_class) for scheme, pool_class in pool_classes.items()}


class _PunctualConnection:
    def connect(self) -> None:
        super().connect()  # type: ignore[misc] # of the class that this one is mixed into
        deadlines.check()


class _BoundedResponse(HTTPResponse):
    max_bytes: ClassVar[int]

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Answer(self.fp.detach(), sock, self.max_bytes))


class _Answer(io.RawIOBase):
    """The bytes of one answer; `raw` reads them from `sock`, whose time-out is for all of them.

    Between two reads the socket has its time-out back: a kept connection sends with it.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, max_bytes: int) -> None:
        self._raw = raw
        self._sock = sock
        self._timeout = sock.gettimeout() or 0.0  # to have none is a mistake, and fails at once
        self._ends = time.monotonic() + self._timeout
        self._left = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds = self._ends - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the answer did not end in time")
        self._sock.settimeout(seconds)
        try:
            count: int | None = self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(self._timeout)
        self._left -= count or 0
        if self._left < 0:
            raise AnswerTooLarge("answer too large")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
