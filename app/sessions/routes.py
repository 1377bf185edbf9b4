"""The `/sessions` calls: HTTP only. Each view is its contract, then one call of the service."""

from typing import Any

from flask import current_app
from flask.views import MethodView

from app.domain import operations
from app.domain.errors import ErrorCode
from app.domain.sessions import SessionPage
from app.http.blueprint import ApiBlueprint, id_in_path, named, operation
from app.http.gate import caller, caller_has_left
from app.http.links import next_page
from app.http.problems import failures
from app.sessions.schemas import (
    EndingQuerySchema,
    EndingReportSchema,
    LinkedQuerySchema,
    SessionPageSchema,
    SessionQuerySchema,
)
from app.sessions.service import SessionService

SERVICE = "session_service"
"""Where `create_app` puts the SessionService among the application's extensions."""

blueprint = ApiBlueprint("sessions", __name__, url_prefix="/sessions")


def _sessions() -> SessionService:
    service: SessionService = current_app.extensions[SERVICE]
    return service


@blueprint.route("")
class Sessions(MethodView):
    @operation(
        "listSessions",
        ErrorCode.INVALID_PARAMETER,
        calls=operations.LIST_USER_SESSIONS,
        errors={"cursor": ["Must be ASCII without blanks."]},
        id_at="/items/0/id",
        then={"endSession": "End the session."},
    )
    @blueprint.arguments(SessionQuerySchema, location="query")
    @blueprint.response(
        200,
        SessionPageSchema,
        description="A page of sessions.",
        examples=named("sessions"),
        headers={"Link": "Link"},
    )
    def get(self, query: dict[str, Any]) -> tuple[SessionPage, dict[str, str]]:
        """List where the user is signed in.

        Every kind of sign-in, federated and Hosted UI ones included, whether or not it has a
        device; Cognito does not say which device a session belongs to. Cognito must be told to
        track sessions, in the feature plans Essentials and Plus. The list lags by a few seconds.
        """
        page = _sessions().page(caller(), query["cursor"])
        return page, next_page("sessions.Sessions", page.next_cursor)

    @operation(
        "endSessions",
        ErrorCode.INVALID_PARAMETER,
        calls=operations.LIST_USER_SESSIONS,
        each=operations.REVOKE_USER_SESSION,
        errors={"scope": ["Missing data for required field."]},
    )
    @blueprint.arguments(EndingQuerySchema, location="query")
    @blueprint.response(
        200,
        EndingReportSchema,
        description="What was ended and what was not. Look at `failed`.",
        examples=named("others-ended"),
    )
    def delete(self, query: dict[str, Any]) -> dict[str, Any]:
        """End all other sessions.

        All that `listSessions` shows, but the one that makes this call. One at a time, as Cognito's
        quota allows, so that it may take some seconds. An error means that nothing was ended: the
        list is read first. A session that could not be ended does not stop the rest: it is in
        `failed`. Repeating the call is safe.
        """
        report = _sessions().end_others(caller(), query.get("reason"), caller_has_left)
        return {"ended": report.done, "failed": failures(report, "sessions.Session")}


@blueprint.route(
    "/<id>",
    endpoint="Session",
    parameters=[id_in_path("A session's `id`.", "sessions/items/1/id")],
)
class OneSession(MethodView):
    @operation(
        "endSession",
        ErrorCode.CURRENT_SESSION,
        ErrorCode.INVALID_PARAMETER,
        calls=operations.REVOKE_USER_SESSION,
        errors={"linked": ["Not a valid boolean."]},
    )
    @blueprint.arguments(LinkedQuerySchema, location="query")
    @blueprint.response(204, description="The session has ended.")
    def delete(self, query: dict[str, Any], id: str) -> None:
        """End a session.

        Its access and refresh tokens stop working at once. The device, if it has one, stays tracked
        and remembered. Cognito does not end the session that makes the call. Repeating the call is
        safe: 404 `session-not-found` then means that it is done.
        """
        _sessions().end(caller(), id, **query)
