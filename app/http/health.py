"""For those who run the service: is it alive, can it serve."""

from collections.abc import Callable
from typing import Any

from flask.views import MethodView
from marshmallow import fields

from app.http.blueprint import ApiBlueprint, operation
from app.http.schemas import AnswerSchema, answer, answer_enum

Check = Callable[[], bool]

READY = {"ready": True, "checks": {"accepting": True, "keys": True, "cognito": True}}
NOT_READY = {"ready": False, "checks": {"accepting": True, "keys": False, "cognito": True}}


class HealthSchema(AnswerSchema):
    """The process is alive."""

    status = answer_enum(["ok"], "A dead process does not answer.")


class ReadinessSchema(AnswerSchema):
    """Whether to send this process calls."""

    ready = answer(fields.Boolean, "Whether every check but `cognito` was passed.")
    checks = answer(
        fields.Dict,
        "`accepting`: the process is not being stopped. `keys`: the user pool's keys, which tokens "
        "are verified with, are at hand. `cognito`: Cognito was not found to be "
        "down.",
        keys=fields.String(),
        values=fields.Boolean(metadata={"description": "Whether it was passed."}),
        metadata={"maxProperties": 16},
    )


def health_blueprint(checks: dict[str, Check]) -> ApiBlueprint:
    """`/healthz`, which does no I/O at all, and `/readyz`, which runs `checks` (by name).

    `cognito` is told and does not count: all processes share Cognito, so sending calls elsewhere
    does not help, and the service's own 503 says more than a load balancer's.
    """
    blueprint = ApiBlueprint("health", __name__)

    @blueprint.route("/healthz")
    class Health(MethodView):
        @operation("getHealth", security=[])
        @blueprint.response(
            200, HealthSchema, description="The process is alive.", example={"status": "ok"}
        )
        def get(self) -> dict[str, str]:
            """Is the process alive?

            Looks at nothing outside of the process. Takes no token.
            """
            return {"status": "ok"}

    @blueprint.route("/readyz")
    class Readiness(MethodView):
        @operation("getReadiness", security=[])
        @blueprint.response(
            200, ReadinessSchema, description="The process can serve calls.", example=READY
        )
        @blueprint.alt_response(
            503, schema=ReadinessSchema, description="Send calls elsewhere.", example=NOT_READY
        )
        def get(self) -> tuple[dict[str, Any], int]:
            """Can the process serve?

            For load balancers. Answers at once: keys that are missing are fetched in the
            background. Takes no token.
            """
            found = {name: check() for name, check in checks.items()}
            ready = all(passed for name, passed in found.items() if name != "cognito")
            return {"ready": ready, "checks": found}, 200 if ready else 503

    return blueprint
