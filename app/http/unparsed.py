"""What never became a request, or broke off: answered as a problem, without a view.

gunicorn would answer in HTML, and repeat a piece of what it could not parse.
"""

import re
from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, g
from gunicorn import util
from gunicorn.http.errors import (
    ConfigurationProblem,
    InvalidHeader,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)

from app.domain.errors import ErrorCode, ServiceError
from app.http.problems import problem_response
from app.observability.logs import UNPARSED

logger = structlog.get_logger(__name__)

REQUEST_LINE_MAX_BYTES = 8190

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:\d*)?")
"""RFC 3986, section 3.2.2. It may be empty: RFC 9110, section 7.2."""
_ORIGIN = re.compile(rb"\r\norigin:[ \t]*([^\r\n]+?)[ \t]*\r\n", re.IGNORECASE)


class RequestTimeout(BaseException):
    """A request that began and did not end in time.

    Not an Exception: the application, which may be reading the body, leaves it to the server.
    """


CODES: Mapping[type[BaseException], ErrorCode] = {
    LimitRequestLine: ErrorCode.URI_TOO_LONG,
    LimitRequestHeaders: ErrorCode.HEADERS_TOO_LARGE,
    RequestTimeout: ErrorCode.REQUEST_TIMEOUT,
    ConfigurationProblem: ErrorCode.INTERNAL_ERROR,
}


def check(request: Any) -> None:
    """Check what gunicorn has parsed against RFC 9112.

    Raises:
        InvalidHeader: there is not one Host header, or no host in it (section 3.2).
    """
    hosts = [value for name, value in request.headers if name == "HOST"]
    if not all(map(_HOST.fullmatch, hosts)) or (request.version >= (1, 1) and len(hosts) != 1):
        raise InvalidHeader("HOST", req=request)
    options = ",".join(value for name, value in request.headers if name == "CONNECTION").lower()
    if "close" in map(str.strip, options.split(",")):  # gunicorn knows it alone and first only
        request.headers.insert(0, ("CONNECTION", "close"))
    request.path = request.path or "/"  # RFC 9110, section 4.2.3


def environ(head: bytes, address: Any, scheme: str) -> dict[str, Any]:
    """A WSGI environment for what could not be parsed. Of its `head`, all that was read, nothing
    gets into it but the Origin. `address`: the connection's, empty for a Unix socket."""
    found = _ORIGIN.search(head)
    return {
        "REQUEST_METHOD": UNPARSED,
        "PATH_INFO": f"/{UNPARSED}",
        "SERVER_NAME": UNPARSED,
        "SERVER_PORT": "",
        "REMOTE_ADDR": str(address[0]) if address else None,
        "wsgi.url_scheme": scheme,
        **({"HTTP_ORIGIN": found[1].decode("latin-1")} if found else {}),
    }


def answer(app: Flask, environ: dict[str, Any], cause: BaseException, seconds: float) -> bytes:
    """The whole HTTP response, after which the connection ends. The application adds its headers,
    and logs and counts it. `seconds`: since the request began."""
    malformed = isinstance(cause, ParseException)
    otherwise = ErrorCode.MALFORMED_REQUEST if malformed else ErrorCode.INTERNAL_ERROR
    error = ServiceError(CODES.get(type(cause), otherwise))
    with app.request_context(environ):
        app.preprocess_request()
        g.route = UNPARSED
        g.started -= seconds
        if error.code is ErrorCode.INTERNAL_ERROR:
            logger.error("unexpected_error", error=type(cause).__name__, exc_info=cause)
        response = app.process_response(problem_response(error, f"urn:uuid:{g.request_id}"))
        response.headers["Connection"] = "close"
        response.headers["Date"] = util.http_date()
        head = f"HTTP/1.1 {response.status}\r\n{response.get_wsgi_headers(environ)}"
        return head.encode("latin-1") + response.get_data()
