"""JSON in and out of the `/sessions` calls."""

from typing import Annotated, Any, TypedDict

from marshmallow import fields

from app.domain.bounds import Bounds
from app.domain.sessions import EndingScope, Location, Session, SessionId, SessionPage
from app.http.blueprint import example
from app.http.problems import ProblemSchema
from app.http.schemas import CamelCaseSchema, answer_schema, cursor, enum, reason

END_MAX = 10_000
"""Cognito keeps 100 token sessions a user at most; this leaves room for sso sessions."""


class SessionQuerySchema(CamelCaseSchema):
    """Which page of the sessions."""

    cursor = cursor(example("first-page/nextCursor"))


class LinkedQuerySchema(CamelCaseSchema):
    """What else to end."""

    linked = fields.Boolean(
        load_default=False,
        truthy={"true"},
        falsy={"false"},
        metadata={
            "description": "True ends what came with the session, too: of a `token` session the "
            "browser's sign-in (`sso`) that it came through, of an `sso` session the token "
            "sessions that came through it."
        },
    )
    reason = reason()


class EndingQuerySchema(CamelCaseSchema):
    """Which sessions to end."""

    scope = enum(
        EndingScope,
        "`others`: all sessions but the one that makes this call. Required, so that no mistake "
        "ends sessions.",
        required=True,
    )
    reason = reason()


class FailedEnding(TypedDict):
    """A session that was not ended."""

    id: Annotated[SessionId, "The session that was not ended."]
    problem: Annotated[dict[str, Any], "Why, as `endSession` would have answered."]


class EndingReport(TypedDict):
    """The result of ending many sessions."""

    ended: Annotated[
        list[SessionId],
        Bounds(END_MAX),
        "The sessions that were ended, in the order it was done.",
    ]
    failed: Annotated[
        list[FailedEnding],
        Bounds(END_MAX),
        "The sessions that were not. Repeat the call for the rest; one with `session-not-found` "
        "needs none: it ended elsewhere meanwhile.",
    ]


LocationSchema = answer_schema(Location, "sessions/items/0/lastLocation")
SessionSchema = answer_schema(Session, "sessions/items/0", last_location=LocationSchema)
SessionPageSchema = answer_schema(SessionPage, "first-page", items=SessionSchema)
FailedEndingSchema = answer_schema(FailedEnding, "sessions/items/1", problem=ProblemSchema)
EndingReportSchema = answer_schema(EndingReport, "others-ended", failed=FailedEndingSchema)
