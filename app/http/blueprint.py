"""How a route states its contract: flask-smorest's decorators, and `operation` for the rest."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask_smorest import Blueprint
from marshmallow import Schema

from app.domain.errors import ErrorCode
from app.domain.operations import Operation
from app.http.body import StrictParser

View = TypeVar("View", bound=Callable[..., Any])

FACTS = "x-facts"
"""Where `operation` leaves its facts in the document; `app.contract.spec` takes them out."""


class ApiBlueprint(Blueprint):  # type: ignore[misc]
    """flask-smorest's Blueprint, strict about what it is sent."""

    ARGUMENTS_PARSER = StrictParser()

    def arguments(self, schema: type[Schema], **options: Any) -> Any:
        """flask-smorest's, with one schema for all requests: webargs would make one for each."""
        return super().arguments(schema(), **options)


def operation(
    operation_id: str,
    *codes: ErrorCode,
    calls: Operation | None = None,
    errors: dict[str, list[str]] | None = None,
    **doc: Any,
) -> Callable[[View], View]:
    """Document a view: its id, and the problems that it may answer with besides those of `calls`,
    the Cognito operation that it makes. `errors`: an example of what `validation-failed` says."""
    facts = {"codes": codes, "calls": calls, "errors": errors}
    decorate: Callable[[View], View] = Blueprint.doc(
        operationId=operation_id, **{FACTS: facts}, **doc
    )
    return decorate
