"""What never became a request, or broke off: answered as a problem, without the application.

gunicorn would answer in HTML, and repeat a piece of what it could not parse.
"""

import re
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from gunicorn import util
from gunicorn.http.errors import (
    ConfigurationProblem,
    InvalidHeader,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)

from app.domain.errors import ErrorCode, ServiceError
from app.http import security_headers
from app.http.problems import PROBLEM_JSON, problem
from app.http.request_ids import HEADER as REQUEST_ID
from app.observability import logs
from app.observability.calls import CognitoUse

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


def origin(head: bytes) -> str | None:
    """The Origin header in the bytes of a request that could not be parsed."""
    found = _ORIGIN.search(head)
    return found[1].decode("latin-1") if found else None


def answer(
    cause: BaseException,
    seconds: float,
    https: bool,
    more_headers: Mapping[str, str],
    address: str | None,
) -> bytes:
    """The whole HTTP response, after which the connection ends; also logs and counts it.

    No other part of the request is repeated, here or in the log. `seconds`: since it began.
    `address`: the connection's, for the log.
    """
    malformed = isinstance(cause, ParseException)
    otherwise = ErrorCode.MALFORMED_REQUEST if malformed else ErrorCode.INTERNAL_ERROR
    error = ServiceError(CODES.get(type(cause), otherwise))
    if error.code is ErrorCode.INTERNAL_ERROR:
        logger.error("unexpected_error", error=type(cause).__name__, exc_info=cause)
    request_id = str(uuid.uuid4())
    members = problem(error, f"urn:uuid:{request_id}", request_id)
    status = HTTPStatus(error.code.status)
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        use, code = CognitoUse(), error.code
        logs.record_request(
            "unparsed", "unparsed", status, seconds, use, code=code, address=address
        )
    body = orjson.dumps(members)
    headers = {
        "Content-Type": PROBLEM_JSON,
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Date": util.http_date(),
        REQUEST_ID: request_id,
        **security_headers.headers(https),
        **more_headers,
    }
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
