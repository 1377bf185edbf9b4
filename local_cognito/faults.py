"""Misbehaviour on demand, for the next calls of an operation.

A fault names an operation (or ``*`` for all of them, or ``jwks``), a kind, and how many times it
strikes. The oldest fault that fits strikes; after its last time it is gone. The kinds are the keys
of `KINDS`.
"""

from __future__ import annotations

import errno
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from werkzeug.wrappers import Response

from local_cognito.errors import CognitoError
from local_cognito.http import aws_error, aws_json

EVERY_OPERATION = "*"
JWKS = "jwks"
HUGE_BYTES = 5 * 1024 * 1024
MAX_SECONDS = 600

Answer = Callable[[], Response]


class HangupError(ConnectionResetError):
    """Ends the connection without (more of) an answer.

    gunicorn takes this errno from an application as a client that went away: it closes the socket
    and sends nothing.
    """

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "told to hang up")


@dataclass
class Fault:
    """`times` is how often it will still strike; None is for ever."""

    operation: str
    fault: str
    times: int | None = 1
    seconds: float = 1.0
    type: str = "InternalErrorException"
    message: str = "Told to fail."
    status: int = 400
    body: Any = None

    def fits(self, operation: str) -> bool:
        every = self.operation == EVERY_OPERATION and operation != JWKS
        return every or self.operation == operation

    def shown(self) -> dict[str, Any]:
        fields = ("operation", "fault", "times", *KINDS[self.fault].fields)
        return {name: value for name, value in asdict(self).items() if name in fields}


class Faults:
    """The faults that are set, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def shown(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.shown() for fault in self._faults]

    def answer(self, operation: str, connection: socket.socket | None, answer: Answer) -> Response:
        """The operation's answer, or what a fault makes of it. Raises HangupError."""
        fault = self._strike(operation)
        if fault is None:
            return answer()
        return KINDS[fault.fault].strike(fault, connection, answer)

    def _strike(self, operation: str) -> Fault | None:
        with self._lock:
            fault = next((one for one in self._faults if one.fits(operation)), None)
            if fault is not None and fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
            return fault


def _throttle(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    return aws_error(CognitoError("TooManyRequestsException", "Rate exceeded"))


def _error(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    return aws_error(CognitoError(fault.type, fault.message, fault.status))


def _internal_error(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    return aws_error(CognitoError("InternalErrorException", "Something went wrong", 500))


def _delay(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    time.sleep(fault.seconds)
    return answer()


def _hang(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    time.sleep(fault.seconds)
    raise HangupError


def _drop(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    raise HangupError


def _lose_answer(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    answer()
    raise HangupError


def _reset(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    body = answer().get_data()
    if connection is not None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body) + 2}\r\n\r\n".encode()
        connection.sendall(head + body[: len(body) // 2])
        # Lingering for zero seconds makes the close an RST instead of a FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise HangupError


def _truncate(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    body = answer().get_data()
    return aws_json(body[: len(body) // 2] or b"{")


def _html(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    page = "<!doctype html><title>Welcome</title><h1>This is not Cognito</h1>"
    return Response(page, content_type="text/html; charset=utf-8")


def _empty(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    return aws_json(b"")


WRONG_SHAPE = {
    "Device": "not a device",
    "Devices": {"not": "a list"},
    "PaginationToken": 7,
    "UserConfirmationNecessary": "perhaps",
    "AuthenticationResult": [],
    "keys": "not keys",
}


def _wrong_shape(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    return aws_json(json.dumps(WRONG_SHAPE if fault.body is None else fault.body).encode())


def _huge(fault: Fault, connection: socket.socket | None, answer: Answer) -> Response:
    body = answer().get_data().strip() or b"{}"
    padding = b'"Padding":"' + b"x" * HUGE_BYTES + b'"'
    separator = b"," if body != b"{}" else b""
    return aws_json(body[:-1] + separator + padding + b"}")


@dataclass(frozen=True)
class Kind:
    """What a kind of fault does, and which fields it takes beside `times`."""

    strike: Callable[[Fault, socket.socket | None, Answer], Response]
    fields: tuple[str, ...] = ()


KINDS = {
    # Answers without doing the operation.
    "throttle": Kind(_throttle),
    "error": Kind(_error, ("type", "message", "status")),
    "internal_error": Kind(_internal_error),
    "html": Kind(_html),
    "empty": Kind(_empty),
    "wrong_shape": Kind(_wrong_shape, ("body",)),
    # Closes the connection without doing the operation.
    "hang": Kind(_hang, ("seconds",)),
    "drop": Kind(_drop),
    # Does the operation, and then spoils the answer.
    "delay": Kind(_delay, ("seconds",)),
    "lose_answer": Kind(_lose_answer),
    "reset": Kind(_reset),
    "truncate": Kind(_truncate),
    "huge": Kind(_huge),
}
