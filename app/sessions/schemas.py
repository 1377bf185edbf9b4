"""JSON in and out of the `/sessions` calls."""

from functools import partial
from typing import Any

from marshmallow import fields, validate

from app.domain.sessions import (
    SESSION_ID_LENGTH,
    SESSION_ID_PATTERN,
    SESSIONS_MAX,
    EndingScope,
    SessionType,
)
from app.http.blueprint import example
from app.http.problems import ProblemSchema
from app.http.schemas import (
    AnswerSchema,
    CamelCaseSchema,
    DescribedSchema,
    Matches,
    answer,
    answer_enum,
    answer_list,
    answer_text,
    cursor,
    enum,
    ip_address,
    moment,
    next_cursor,
    reason,
)

END_MAX = 10_000
"""Cognito keeps 100 token sessions a user at most; this leaves room for sso sessions."""


def session_id(description: str, of: str = "sessions/items/1/id", *, nullable: bool = False) -> Any:
    """A session id in an answer."""
    return answer_text(
        description,
        example(of),
        nullable=nullable,
        validate=[
            validate.Length(min=SESSION_ID_LENGTH, max=SESSION_ID_LENGTH),
            Matches(SESSION_ID_PATTERN),
        ],
    )


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


class LocationSchema(AnswerSchema):
    """Where a session was last active, as Cognito estimates it from the address."""

    city = answer_text("In English; null when Cognito does not know.", "Dublin", nullable=True)
    country = answer_text("In English; null when Cognito does not know.", "Ireland", nullable=True)


class SessionSchema(DescribedSchema):
    """A place where the user is signed in."""

    id = session_id("The session id, Cognito's own.")
    session_type = answer_enum(
        SessionType,
        "`token`: an app's sign-in, which holds tokens. `sso`: a browser's "
        "managed login, through which several token sessions may come.",
    )
    current = answer(fields.Boolean, "Whether it is the session that makes this call.")
    client_id = answer_text(
        "The app client that the user signed in to.", "1h57kf5cpq17m0eml12EXAMPLE", nullable=True
    )
    client_name = answer_text(
        "What the operator of this service calls that app client; null when it has no name.",
        "Web shop",
        nullable=True,
    )
    last_ip_address = ip_address("The address that the session was last active from.")
    last_location = answer(partial(fields.Nested, LocationSchema), "Where that was.")
    created_at = moment("When the user signed in.", "2026-11-12T08:30:05Z")
    last_active_at = moment("When the session last refreshed its tokens.", "2026-11-26T07:58:41Z")
    origin_session_id = session_id(
        "The `sso` session that a token session came through; null where there is none.",
        "sessions/items/1/originSessionId",
        nullable=True,
    )


class SessionPageSchema(AnswerSchema):
    """One page of the user's sessions."""

    items = answer_list(SessionSchema, SESSIONS_MAX, "The sessions, in Cognito's order.")
    next_cursor = next_cursor(example("first-page/nextCursor"))


class FailedEndingSchema(AnswerSchema):
    """A session that was not ended."""

    id = session_id("The session that was not ended.")
    problem = answer(
        partial(fields.Nested, ProblemSchema), "Why, as `endSession` would have answered."
    )


class EndingReportSchema(AnswerSchema):
    """The result of ending many sessions."""

    ended = answer_list(
        session_id("A session id."),
        END_MAX,
        "The sessions that were ended, in the order it was done.",
    )
    failed = answer_list(
        FailedEndingSchema,
        END_MAX,
        "The sessions that were not. Repeat the call for the rest; one with "
        "`session-not-found` needs none: it ended elsewhere meanwhile.",
    )
