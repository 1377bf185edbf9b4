"""What users can do with their sessions: the use cases, free of HTTP and of boto3.

Every method takes the caller's verified access token, which it forwards, and may raise
`ServiceError` as `app.cognito.client` says.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from app.cognito.client import CognitoClient
from app.domain import operations
from app.domain.access_token import AccessToken
from app.domain.audit import AuditTrail, Reason, audited
from app.domain.bulk import Bulk, Report
from app.domain.errors import ErrorCode, ServiceError
from app.domain.sessions import Session, SessionPage, is_session_id
from app.domain.step_up import StepUp
from app.naming import describe_session

ENDED = "session.ended"


class SessionService:
    """The sessions of the token's owner. `client_names`: app client id → what people call it."""

    def __init__(
        self,
        cognito: CognitoClient,
        audit: AuditTrail,
        bulk: Bulk,
        step_up: StepUp,
        client_names: Mapping[str, str],
    ) -> None:
        self._cognito = cognito
        self._audit = audit
        self._bulk = bulk
        self._step_up = step_up
        self._client_names = client_names

    def page(self, token: AccessToken, cursor: str | None) -> SessionPage:
        """One page of the sessions.

        Raises:
            ServiceError: `session-tracking-unavailable`.
        """
        page = self._cognito.list_user_sessions(token.value, cursor)
        return replace(page, items=tuple(map(self._described, page.items)))

    def end(
        self,
        token: AccessToken,
        session_id: str,
        *,
        linked: bool,
        reason: Reason | None = None,
    ) -> None:
        """End one session: its access and refresh tokens fail at once. `linked`: end those that
        came with it, too.

        Raises:
            ServiceError: `session-not-found`, or `current-session` for the caller's own.
        """
        if not is_session_id(session_id):
            raise ServiceError(
                ErrorCode.SESSION_NOT_FOUND,
                "No such session: the id in the path is not a session id.",
            )
        with audited(self._audit, ENDED, token, session_id, reason):
            self._step_up.require(operations.REVOKE_USER_SESSION, token)
            self._revoke(token, session_id, linked=linked)

    def end_others(
        self,
        token: AccessToken,
        reason: Reason | None = None,
        has_left: Callable[[], bool] = lambda: False,
    ) -> Report:
        """End all sessions but the caller's own.

        Raises:
            ServiceError: `reauthentication-required`, or the sessions could not be listed; nothing
                was ended.
        """
        return self._bulk.run(
            token,
            ENDED,
            what="others",
            reason=reason,
            page_at=lambda cursor: self._cognito.list_user_sessions(token.value, cursor),
            choose=lambda sessions: [one.id for one in sessions if not one.current],
            call=lambda one: self._revoke(token, one),
            admit=lambda: self._step_up.require(operations.REVOKE_USER_SESSION, token),
            has_left=has_left,
        )

    def _revoke(self, token: AccessToken, session_id: str, *, linked: bool = False) -> None:
        """RevokeUserSession. Cognito does not say why it refuses a session: the list tells whether
        it is the caller's own."""
        try:
            self._cognito.revoke_user_session(token.value, session_id, linked=linked)
        except ServiceError as error:
            if error.code is not ErrorCode.CURRENT_SESSION or error.answer_lost:
                raise
            listed = self._cognito.list_user_sessions(token.value, None).items
            current = next((one.current for one in listed if one.id == session_id), None)
            if current is None:
                raise ServiceError(ErrorCode.SESSION_NOT_FOUND) from None
            if not current:
                raise ServiceError(
                    ErrorCode.INVALID_PARAMETER, "Cognito refused to end this session."
                ) from None
            raise

    def _described(self, session: Session) -> Session:
        return replace(
            session,
            client_name=self._client_names.get(session.client_id or ""),
            description=describe_session(session.device_text),
        )
