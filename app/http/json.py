"""JSON by orjson: strict in what it reads, and fast in what it writes, enums and times included."""

from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


class OrjsonProvider(JSONProvider):
    """Flask's JSON. Times are RFC 3339 in UTC, to the second, with `Z`."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj, option=OPTIONS).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        body = args[0] if args else kwargs
        return Response(orjson.dumps(body, option=OPTIONS), content_type="application/json")


def register(app: Flask) -> None:
    """Have the application read and write JSON this way."""
    app.json = OrjsonProvider(app)
