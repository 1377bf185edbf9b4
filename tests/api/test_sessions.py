"""/sessions: where the user is signed in, and ending it there."""

import pytest

from app.domain.errors import ErrorCode, ServiceError
from app.domain.sessions import Location, SessionType
from tests.api.client import ApiClient
from tests.api.conftest import Start
from tests.api.tokens import SUB
from tests.calls import assert_problem

HERE, PHONE, TV = (f"tkn{letter * 25}" for letter in "abc")
BROWSER = "sso" + "d" * 25
CLIENT = "1h57kf5cpq17m0eml12example"


@pytest.fixture
def sessions(api: ApiClient) -> list[str]:
    """The calling one, and two others."""
    api.cognito.add_session(PHONE, device_text="iOS Safari")
    api.cognito.add_session(HERE, current=True)
    api.cognito.add_session(TV)
    return [PHONE, HERE, TV]


def test_a_session_has_every_member_of_the_contract(start: Start) -> None:
    api = start(COGNITO_CLIENT_NAMES=f"{CLIENT}=Web shop")
    api.cognito.add_session(HERE, current=True, origin_session_id=BROWSER)
    assert api.get("/sessions").get_json() == {
        "items": [
            {
                "id": HERE,
                "sessionType": "token",
                "current": True,
                "clientId": CLIENT,
                "clientName": "Web shop",
                "displayName": "Chrome on macOS",
                "deviceType": "computer",
                "operatingSystem": "macOS",
                "browser": "Chrome",
                "lastIpAddress": "192.0.2.7",
                "lastLocation": {"city": "Dublin", "country": "Ireland"},
                "createdAt": "2026-01-02T03:04:05Z",
                "lastActiveAt": "2026-01-02T03:04:05Z",
                "originSessionId": BROWSER,
            }
        ],
        "nextCursor": None,
    }


def test_what_cognito_did_not_say_is_null(api: ApiClient) -> None:
    unknown = dict.fromkeys(
        ("client_id", "last_ip_address", "created_at", "last_active_at", "device_text")
    )
    api.cognito.add_session(
        BROWSER, session_type=SessionType.SSO, last_location=Location(), **unknown
    )
    (session,) = api.get("/sessions").get_json()["items"]
    assert session.pop("lastLocation") == {"city": None, "country": None}
    known = {name: value for name, value in session.items() if value is not None}
    assert known == {"id": BROWSER, "sessionType": "sso", "current": False}


def test_the_link_leads_through_every_page(api: ApiClient, sessions: list[str]) -> None:
    api.cognito.session_page = 2
    first = api.get("/sessions")
    address = first.headers["Link"].removeprefix("<").removesuffix('>; rel="next"')
    last = api.get(address)
    assert [it["id"] for page in (first, last) for it in page.get_json()["items"]] == sessions
    assert api.cognito.calls[1].arguments == {"cursor": first.get_json()["nextCursor"]}
    assert last.get_json()["nextCursor"] is None
    assert "Link" not in last.headers


@pytest.mark.parametrize(("query", "linked"), [("", False), ("?linked=true", True)])
def test_one_session_is_ended(
    api: ApiClient, sessions: list[str], query: str, linked: bool
) -> None:
    response = api.delete(f"/sessions/{PHONE}{query}")
    assert (response.status_code, response.data) == (204, b"")
    assert "Content-Type" not in response.headers
    assert set(api.cognito.sessions[SUB]) == {HERE, TV}
    assert api.cognito.calls[0].arguments == {"session_id": PHONE, "linked": linked}


@pytest.mark.parametrize(
    ("session_id", "status", "code", "detail"),
    [
        (HERE, 409, "current-session", ErrorCode.CURRENT_SESSION.detail),
        (PHONE, 400, "invalid-parameter", "Cognito refused to end this session."),
        (BROWSER, 404, "session-not-found", ErrorCode.SESSION_NOT_FOUND.detail),
    ],
)
def test_a_session_that_cognito_does_not_end_is_looked_up(
    api: ApiClient, sessions: list[str], session_id: str, status: int, code: str, detail: str
) -> None:
    """Cognito's refusal does not say whether it is the caller's own."""
    api.cognito.fail("revoke_user_session", ServiceError(ErrorCode.CURRENT_SESSION))
    problem = assert_problem(api.delete(f"/sessions/{session_id}"), status, code)
    assert problem["detail"] == detail


def test_ending_a_session_while_sessions_are_not_tracked_says_so(api: ApiClient) -> None:
    api.cognito.fail("revoke_user_session", ServiceError(ErrorCode.CURRENT_SESSION))
    api.cognito.fail("list_user_sessions", ServiceError(ErrorCode.SESSION_TRACKING_UNAVAILABLE))
    assert_problem(api.delete(f"/sessions/{PHONE}"), 501, "session-tracking-unavailable")


@pytest.mark.parametrize(
    "session_id", ["current", "abc" * 9, HERE + "a", HERE.upper(), f"{HERE}%0A"]
)
def test_an_id_that_cannot_be_one_is_not_forwarded(api: ApiClient, session_id: str) -> None:
    problem = assert_problem(api.delete(f"/sessions/{session_id}"), 404, "session-not-found")
    assert problem["detail"].startswith("No such session: ")
    assert api.cognito.calls == []


def test_all_others_are_ended_page_by_page(api: ApiClient, sessions: list[str]) -> None:
    api.cognito.session_page = 1
    report = api.delete("/sessions?scope=others").get_json()
    assert report == {"ended": [PHONE, TV], "failed": []}
    assert set(api.cognito.sessions[SUB]) == {HERE}
    assert api.cognito.operations() == ["list_user_sessions"] * 3 + ["revoke_user_session"] * 2
    ended = [call.arguments for call in api.cognito.calls[3:]]
    assert ended == [{"session_id": it, "linked": False} for it in (PHONE, TV)]


def test_one_that_fails_is_reported_and_the_rest_goes_on(
    api: ApiClient, sessions: list[str]
) -> None:
    api.cognito.fail("revoke_user_session", ServiceError(ErrorCode.UPSTREAM_TIMEOUT, "Too late."))
    report = api.delete("/sessions?scope=others").get_json()
    assert report["ended"] == [TV]
    (failed,) = report["failed"]
    assert (failed["id"], failed["problem"]["code"]) == (PHONE, "upstream-timeout")
    assert failed["problem"]["instance"] == f"/sessions/{PHONE}"


def test_when_the_sessions_cannot_be_listed_nothing_is_ended(
    api: ApiClient, sessions: list[str]
) -> None:
    api.cognito.session_page = 1
    api.cognito.fail("list_user_sessions", None, ServiceError(ErrorCode.UPSTREAM_ERROR))
    assert_problem(api.delete("/sessions?scope=others"), 502, "upstream-error")
    assert len(api.cognito.sessions[SUB]) == 3


def test_a_pool_that_tracks_no_sessions_says_what_would_change_it(api: ApiClient) -> None:
    api.cognito.fail("list_user_sessions", ServiceError(ErrorCode.SESSION_TRACKING_UNAVAILABLE))
    problem = assert_problem(api.get("/sessions"), 501, "session-tracking-unavailable")
    assert "SetUserPoolSessionConfiguration" in problem["detail"]
