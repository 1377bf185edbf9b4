"""OpenTelemetry traces, when there is somewhere to send them. OpenTelemetry reads OTEL_* itself.

Requests and Cognito calls become spans of the caller's trace. They say what is given here and
nothing else: no address, header, query, path with a device in it, or message. Without a collector
only the API is loaded, and no span is made.
"""

import re
from contextlib import AbstractContextManager, ExitStack, nullcontext

from flask import Flask, Response, g, request
from opentelemetry import trace
from opentelemetry.context import Context

TRACED = "traced"
"""The extension, True where spans are sent on."""

PROBES = ("/healthz", "/readyz", "/metrics")
"""Routes that machines ask all day, and that would drown everything else."""

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
"""Any other is a caller's invention."""

TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)
"""W3C Trace Context, section 3.2; what comes later belongs to later versions."""

tracer = trace.get_tracer(__name__)


def register(app: Flask, *, traced: bool) -> None:
    """Make a span of each request, if spans are to be sent on."""
    app.extensions[TRACED] = traced
    if not traced:
        return
    from opentelemetry import propagate  # reads OTEL_PROPAGATORS, which the settings have checked

    @app.before_request
    def begin() -> None:
        if request.path in PROBES:
            return
        method = request.method if request.method in METHODS else "_OTHER"
        said = {"http.request.method": method, "url.scheme": request.scheme}
        name = "HTTP"
        if request.url_rule:
            said["http.route"] = request.url_rule.rule
            name = f"{method} {request.url_rule.rule}"
        g.trace = ExitStack()
        caller = _plain(propagate.extract(request.headers))
        span = tracer.start_as_current_span(
            name, caller, kind=trace.SpanKind.SERVER, attributes=said
        )
        g.span = g.trace.enter_context(span)

    @app.after_request
    def end(response: Response) -> Response:
        if "span" in g:
            g.span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                g.span.set_attribute("error.type", str(response.status_code))
                g.span.set_status(trace.StatusCode.ERROR)
        return response

    @app.teardown_request
    def leave(error: BaseException | None) -> None:
        if "trace" in g:
            g.trace.close()


def _plain(context: Context) -> Context:
    """The caller's span, without W3C's tracestate and baggage, which can hold anything."""
    sent = trace.get_current_span(context).get_span_context()
    plain = trace.SpanContext(sent.trace_id, sent.span_id, True, sent.trace_flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(plain), Context())


def start(app: Flask) -> None:
    """Begin to send spans on, if any are to be: a provider that is forked would work with threads
    in the fork, and take another `service.instance.id` than OTEL_RESOURCE_ATTRIBUTES has."""
    if app.extensions[TRACED]:
        from app.observability import spans

        spans.start()


def cognito_span(operation: str) -> AbstractContextManager[trace.Span | None]:
    """The span of one attempt, named as OpenTelemetry's conventions for calls of AWS have it."""
    if not trace.get_current_span().is_recording():
        return nullcontext()
    return tracer.start_as_current_span(
        f"Cognito Identity Provider.{operation}",
        kind=trace.SpanKind.CLIENT,
        attributes={
            "rpc.system": "aws-api",
            "rpc.service": "Cognito Identity Provider",
            "rpc.method": operation,
        },
        record_exception=False,  # it has a message
    )


def trace_id() -> str | None:
    """The request's trace in hex, for its log line: the caller's, where we do not trace."""
    if "span" in g:
        return trace.format_trace_id(g.span.get_span_context().trace_id)
    sent = TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    return sent[1] if sent else None
