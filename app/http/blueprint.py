"""How a route states its contract: flask-smorest's decorators, and `operation` for the rest."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask_smorest import Blueprint
from marshmallow import Schema

from app.domain.errors import ErrorCode
from app.domain.operations import Operation
from app.http.body import StrictParser

View = TypeVar("View", bound=Callable[..., Any])

FACTS = "x-facts"
"""Where `operation` leaves its facts in the document; `openapi.spec` takes them out."""


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
    each: Operation | None = None,
    errors: Mapping[str, list[str]] | None = None,
    id_at: str | None = None,
    then: Mapping[str, str] | None = None,
    **doc: Any,
) -> Callable[[View], View]:
    """Document a view: its id, and the problems that it may answer with besides those of `calls`,
    the Cognito operation that it makes. `each`: the one that it then makes for each of many.
    `errors`: an example of what `validation-failed` says. `then`: what can be done next with the id
    at `id_at` (a JSON pointer) of the answer, by operation id; a call that lists leads to its own
    next page.
    """
    facts = {
        "codes": codes,
        "calls": calls,
        "each": each,
        "errors": errors,
        "id_at": id_at,
        "then": then or {},
    }
    decorate: Callable[[View], View] = Blueprint.doc(
        operationId=operation_id, **{FACTS: facts}, **doc
    )
    return decorate


def example(of: str) -> str:
    """The place of an example, as `laptop/id`: `openapi/components.json` has the value."""
    return f"example:{of}"


def named(*names: str) -> dict[str, str]:
    """References to examples, as flask-smorest takes them: the document holds each once."""
    return {name: name for name in names}


def id_in_path(description: str, of: str) -> dict[str, Any]:
    """The parameter `id` of a path. `of`: its example."""
    return {"in": "path", "name": "id", "description": description, "example": example(of)}
