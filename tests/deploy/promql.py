"""Reads PromQL, and tells whether it asks for what the service exports."""

from collections.abc import Iterator

import promql_parser
from prometheus_client.metrics import MetricWrapperBase

from app.observability import metrics

SCRAPE_LABELS = {"job", "instance"}
"""What Prometheus adds to every series."""

PROMETHEUS_OWN = {"up": SCRAPE_LABELS}
"""Series that Prometheus makes of the scrape itself, of every service: ask by the job."""

SAMPLES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "gauge": ("",)}
"""What follows a metric's name in the names of its series, by its kind."""


def exported() -> dict[str, set[str]]:
    """Name → labels of every series that the service exports."""
    series = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            for suffix in SAMPLES[family.type]:
                labels = {*metric._labelnames, *SCRAPE_LABELS}
                series[family.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return series


def mistakes(expression: str) -> Iterator[str]:
    """Series that are not exported, and labels that none of those asked for has.

    Raises:
        ValueError: it is not PromQL.
    """
    series = exported() | PROMETHEUS_OWN
    known: set[str] = set()
    asked: set[str] = set()
    for node in nodes(promql_parser.parse(expression)):
        if isinstance(node, promql_parser.VectorSelector):
            if node.name not in series:
                yield f"no series {node.name}"
                continue
            known |= series[node.name]
            labels = {matcher.name for matcher in node.matchers.matchers}
            yield from (f"{node.name} has no {name}" for name in labels - series[node.name])
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            asked |= set(node.modifier.labels)
    yield from (f"nothing asked for has {name}" for name in asked - known)


def nodes(expression: promql_parser.Expr) -> list[promql_parser.Expr]:
    """The expression and all within it."""
    found: list[promql_parser.Expr] = []
    promql_parser.walk(expression, found.append)
    return found
