"""DELETE /devices: forget all the user's devices, or all but the one that calls."""

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from app.devices.service import LIST_CHANGED, DeviceService, ForgetPace, ForgetReport
from app.domain.access_token import AccessToken
from app.domain.devices import DeletionScope
from app.domain.errors import ErrorCode, ServiceError
from tests.api.client import ApiClient, assert_problem
from tests.api.conftest import CURRENT, FOURTH, OTHER, THIRD, Start
from tests.api.fake_cognito import Call, FakeCognito
from tests.api.tokens import SUB

Token = Callable[..., str]


def many(fake_cognito: FakeCognito, count: int, first: int = 0) -> list[str]:
    keys = [f"eu-west-1_{number:08x}-0000" for number in range(first, first + count)]
    for key in keys:
        fake_cognito.add(SUB, key)
    return keys


def test_others_forgets_all_but_the_calling_device(
    api: ApiClient, fake_cognito: FakeCognito, three_devices: tuple[str, ...]
) -> None:
    response = api.delete("/devices?scope=others")
    assert response.status_code == 200
    assert response.get_json() == {"forgotten": [OTHER, THIRD], "failed": []}
    assert set(fake_cognito.devices(SUB)) == {CURRENT}


def test_all_forgets_the_calling_device_too_and_last(
    api: ApiClient, fake_cognito: FakeCognito, three_devices: tuple[str, ...]
) -> None:
    assert api.delete("/devices?scope=all").get_json() == {
        "forgotten": [OTHER, THIRD, CURRENT],
        "failed": [],
    }
    assert fake_cognito.forgotten() == [OTHER, THIRD, CURRENT]
    assert fake_cognito.devices(SUB) == {}


def test_every_page_is_read_before_any_device_is_forgotten(
    api: ApiClient, fake_cognito: FakeCognito
) -> None:
    """A cursor points at a device, and would be stale once that is forgotten."""
    first = many(fake_cognito, 70)
    fake_cognito.add(SUB, CURRENT)
    rest = many(fake_cognito, 60, first=70)
    report = api.delete("/devices?scope=all").get_json()
    assert report == {"forgotten": [*first, *rest, CURRENT], "failed": []}
    assert fake_cognito.operations() == ["list_devices"] * 3 + ["forget_device"] * 131
    limits = {call.arguments["limit"] for call in fake_cognito.calls[:3]}
    assert limits == {60}


def test_there_may_be_nothing_to_forget(api: ApiClient, fake_cognito: FakeCognito) -> None:
    empty: dict[str, list[str]] = {"forgotten": [], "failed": []}
    assert api.delete("/devices?scope=all").get_json() == empty
    fake_cognito.add(SUB, CURRENT)
    assert api.delete("/devices?scope=others").get_json() == empty
    assert fake_cognito.forgotten() == []


def test_a_token_without_a_device_has_only_others(
    api: ApiClient, fake_cognito: FakeCognito, three_devices: tuple[str, ...], token: Token
) -> None:
    federated = api.with_token(token(device_key=...))
    assert federated.delete("/devices?scope=others").get_json()["forgotten"] == [*three_devices]


def test_a_calling_device_that_is_not_remembered_is_not_among_all(
    api: ApiClient, fake_cognito: FakeCognito
) -> None:
    fake_cognito.add(SUB, OTHER)
    assert api.delete("/devices?scope=all").get_json()["forgotten"] == [OTHER]


def test_another_users_devices_stay(api: ApiClient, fake_cognito: FakeCognito) -> None:
    fake_cognito.add("somebody-else", OTHER)
    assert api.delete("/devices?scope=all").get_json()["forgotten"] == []
    assert OTHER in fake_cognito.devices("somebody-else")


@pytest.mark.parametrize(
    "query", ["", "?scope=", "?scope=some", "?scope=ALL", "?scope=OTHERS", "?others"]
)
def test_without_a_known_scope_nothing_is_forgotten(
    api: ApiClient, fake_cognito: FakeCognito, query: str
) -> None:
    response = api.delete(f"/devices{query}")
    errors = response.get_json()["errors"]
    assert "scope" in errors
    assert_problem(response, 422, "validation-failed", errors=errors)
    assert fake_cognito.calls == []


def test_an_unknown_parameter_stops_it(api: ApiClient, fake_cognito: FakeCognito) -> None:
    """Better nothing than something else than was meant, as with `dryRun`."""
    response = api.delete("/devices?scope=all&dryRun=true")
    assert list(response.get_json()["errors"]) == ["dryRun"]
    assert fake_cognito.calls == []


def test_a_device_that_fails_is_reported_and_the_rest_goes_on(
    api: ApiClient, fake_cognito: FakeCognito, three_devices: tuple[str, ...]
) -> None:
    fake_cognito.fail("forget_device", ServiceError(ErrorCode.UPSTREAM_TIMEOUT, "Too late."))
    response = api.delete("/devices?scope=all", headers={"X-Request-ID": "req-1"})
    assert response.status_code == 200
    assert response.get_json() == {
        "forgotten": [THIRD, CURRENT],
        "failed": [
            {
                "id": OTHER,
                "problem": {
                    "type": "urn:device-bff:problem:upstream-timeout",
                    "title": "Cognito did not answer in time",
                    "status": 504,
                    "detail": "Too late.",
                    "instance": f"/devices/{OTHER}",
                    "code": "upstream-timeout",
                    "requestId": "req-1",
                },
            }
        ],
    }


def test_each_failure_is_reported_even_when_all_fail(
    api: ApiClient, fake_cognito: FakeCognito, three_devices: tuple[str, ...]
) -> None:
    fake_cognito.always_fail("forget_device", ServiceError(ErrorCode.INVALID_TOKEN, "Revoked."))
    report = api.delete("/devices?scope=all").get_json()
    assert report["forgotten"] == []
    assert [failure["id"] for failure in report["failed"]] == [OTHER, THIRD, CURRENT]
    assert {failure["problem"]["code"] for failure in report["failed"]} == {"invalid-token"}


def test_a_device_that_went_meanwhile_is_a_failure_of_its_own(
    api: ApiClient, fake_cognito: FakeCognito, three_devices: tuple[str, ...]
) -> None:
    fake_cognito.fail("forget_device", None, ServiceError(ErrorCode.DEVICE_NOT_FOUND, "Gone."))
    report = api.delete("/devices?scope=all").get_json()
    assert report["forgotten"] == [OTHER, CURRENT]
    assert [failure["problem"]["code"] for failure in report["failed"]] == ["device-not-found"]


def test_when_the_devices_cannot_be_listed_nothing_is_forgotten(
    api: ApiClient, fake_cognito: FakeCognito
) -> None:
    many(fake_cognito, 100)
    fake_cognito.fail("list_devices", None, ServiceError(ErrorCode.UPSTREAM_ERROR, "Bad page."))
    assert_problem(api.delete("/devices?scope=all"), 502, "upstream-error")
    assert fake_cognito.forgotten() == []
    assert len(fake_cognito.devices(SUB)) == 100


def test_a_list_that_changes_while_it_is_read_is_said_to_have_changed(
    api: ApiClient, fake_cognito: FakeCognito
) -> None:
    """The caller sent no cursor, and must not be told of one."""
    many(fake_cognito, 70)
    fake_cognito.fail("list_devices", None, ServiceError(ErrorCode.INVALID_PARAMETER, "Cursor."))
    problem = assert_problem(api.delete("/devices?scope=all"), 400, "invalid-parameter")
    assert problem["detail"] == LIST_CHANGED
    assert fake_cognito.forgotten() == []


def test_only_so_many_may_forget_many_at_a_time(
    start: Start, fake_cognito: FakeCognito, three_devices: tuple[str, ...]
) -> None:
    """Each holds a thread for a while: they must not take them all."""
    api = start(THREADS="8")
    answers: list[TestResponse] = []

    def meanwhile(call: Call) -> None:
        if not answers and call.operation == "forget_device":
            answers.append(api.delete("/devices?scope=all"))

    fake_cognito.before = meanwhile
    assert api.delete("/devices?scope=others").status_code == 200
    assert_problem(answers[0], 503, "upstream-unavailable", retry_after=True)
    assert api.delete("/devices?scope=all").status_code == 200


class Time:
    """A clock that only sleeping moves, and what a call is said to take."""

    def __init__(self, seconds_a_call: float = 0.0, seconds_a_page: float = 0.0) -> None:
        self.now = 1000.0
        self.seconds_a_call = seconds_a_call
        self.seconds_a_page = seconds_a_page
        self.forgot_at: list[float] = []

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def watch(self, call: Call) -> None:
        if call.operation == "forget_device":
            self.forgot_at.append(self.now - 1000)
            self.now += self.seconds_a_call
        if call.operation == "list_devices":
            self.now += self.seconds_a_page


class NoAudit:
    """Takes what happened, and keeps it to itself."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


@pytest.fixture
def forget_all(fake_cognito: FakeCognito, token: Token) -> Callable[..., ForgetReport]:
    """Forget all at the level of the service, where time can be made up."""

    def go(time: Time, *, per_second: float = 10, deadline: float = 15) -> ForgetReport:
        fake_cognito.before = time.watch
        pace = ForgetPace(per_second=per_second, deadline=deadline, at_once=1)
        service = DeviceService(
            fake_cognito, NoAudit(), pace, clock=lambda: time.now, sleep=time.sleep
        )
        caller = AccessToken(SUB, "client", CURRENT, 0, token())
        return service.forget_many(caller, DeletionScope.ALL)

    return go


def quota_exceeded(retry_after: int | None = 1) -> ServiceError:
    return ServiceError(ErrorCode.QUOTA_EXCEEDED, "Used up.", retry_after=retry_after)


def test_forgetting_keeps_to_its_share_of_cognitos_quota(
    forget_all: Callable[..., ForgetReport], fake_cognito: FakeCognito
) -> None:
    many(fake_cognito, 5)
    time = Time()
    forget_all(time, per_second=10)
    assert time.forgot_at == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_time_that_the_calls_take_is_not_waited_for_again(
    forget_all: Callable[..., ForgetReport], fake_cognito: FakeCognito
) -> None:
    many(fake_cognito, 3)
    time = Time(seconds_a_call=0.3)
    forget_all(time, per_second=10)
    assert time.forgot_at == pytest.approx([0.0, 0.3, 0.6])


def test_time_that_was_lost_is_not_made_up_in_a_burst(
    forget_all: Callable[..., ForgetReport], fake_cognito: FakeCognito
) -> None:
    many(fake_cognito, 4)
    time = Time()
    fake_cognito.fail("forget_device", quota_exceeded(5))
    forget_all(time, per_second=10)
    assert time.forgot_at == pytest.approx([0.0, 5.0, 5.1, 5.2, 5.3])


def test_gone_after_a_lost_answer_and_a_wait_for_quota_is_forgotten(
    forget_all: Callable[..., ForgetReport],
    fake_cognito: FakeCognito,
    three_devices: tuple[str, ...],
) -> None:
    lost = ServiceError(ErrorCode.QUOTA_EXCEEDED, "who knows", retry_after=1, answer_lost=True)
    gone = ServiceError(ErrorCode.DEVICE_NOT_FOUND, "no such device")
    fake_cognito.fail("forget_device", lost, gone)
    assert forget_all(Time()).forgotten == (OTHER, THIRD, CURRENT)


@pytest.mark.parametrize("then", [ErrorCode.QUOTA_EXCEEDED, ErrorCode.UPSTREAM_UNAVAILABLE])
def test_a_lost_answer_that_stays_unsettled_is_told(
    forget_all: Callable[..., ForgetReport], fake_cognito: FakeCognito, then: ErrorCode
) -> None:
    many(fake_cognito, 1)
    lost = ServiceError(ErrorCode.QUOTA_EXCEEDED, "who knows", retry_after=1, answer_lost=True)
    fake_cognito.fail("forget_device", lost)
    fake_cognito.always_fail("forget_device", ServiceError(then, "Nothing was changed."))
    (failed,) = forget_all(Time()).failed
    assert failed.error.detail == "who knows"


def test_gone_after_a_wait_for_quota_alone_is_a_failure(
    forget_all: Callable[..., ForgetReport],
    fake_cognito: FakeCognito,
    three_devices: tuple[str, ...],
) -> None:
    gone = ServiceError(ErrorCode.DEVICE_NOT_FOUND, "no such device")
    fake_cognito.fail("forget_device", quota_exceeded(1), gone)
    assert [it.id for it in forget_all(Time()).failed] == [OTHER]


def test_it_waits_when_the_quota_is_used_up_and_then_goes_on(
    forget_all: Callable[..., ForgetReport],
    fake_cognito: FakeCognito,
    three_devices: tuple[str, ...],
) -> None:
    fake_cognito.fail("forget_device", None, quota_exceeded(2), quota_exceeded(1))
    time = Time()
    report = forget_all(time, per_second=10)
    assert report == ForgetReport((OTHER, THIRD, CURRENT), ())
    assert time.forgot_at == pytest.approx([0.0, 0.1, 2.1, 3.1, 3.2])


def test_a_quota_that_names_no_wait_is_waited_for_a_second(
    forget_all: Callable[..., ForgetReport],
    fake_cognito: FakeCognito,
    three_devices: tuple[str, ...],
) -> None:
    fake_cognito.fail("forget_device", quota_exceeded(None))
    time = Time()
    assert forget_all(time).failed == ()
    assert time.forgot_at[:2] == pytest.approx([0.0, 1.0])


def test_what_there_is_no_time_for_is_reported_for_another_call(
    forget_all: Callable[..., ForgetReport], fake_cognito: FakeCognito
) -> None:
    keys = many(fake_cognito, 4)
    report = forget_all(Time(seconds_a_call=2.0), deadline=3)
    assert report.forgotten == (keys[0], keys[1])
    assert [failed.id for failed in report.failed] == keys[2:]
    assert {failed.error.code for failed in report.failed} == {ErrorCode.QUOTA_EXCEEDED}
    assert set(fake_cognito.devices(SUB)) == set(keys[2:])


@pytest.mark.parametrize(("per_second", "retry_after"), [(1, 1), (10, 4)])
def test_no_wait_goes_beyond_the_deadline(
    forget_all: Callable[..., ForgetReport],
    fake_cognito: FakeCognito,
    per_second: float,
    retry_after: int,
) -> None:
    many(fake_cognito, 40)
    fake_cognito.fail("forget_device", None, None, quota_exceeded(retry_after))
    fake_cognito.always_fail("forget_device", quota_exceeded(retry_after))
    time = Time(seconds_a_page=0.5)
    forget_all(time, per_second=per_second, deadline=5)
    assert max(time.forgot_at) <= 5
    assert time.now - 1000 <= 5


def test_the_time_that_listing_took_is_not_there_for_forgetting(
    forget_all: Callable[..., ForgetReport], fake_cognito: FakeCognito
) -> None:
    keys = many(fake_cognito, 4)
    report = forget_all(Time(seconds_a_call=2.0, seconds_a_page=3.0), deadline=6)
    assert report.forgotten == (keys[0], keys[1])


def test_a_list_that_takes_too_long_to_read_is_given_up_and_nothing_forgotten(
    forget_all: Callable[..., ForgetReport], fake_cognito: FakeCognito
) -> None:
    many(fake_cognito, 130)  # three pages
    with pytest.raises(ServiceError) as failed:
        forget_all(Time(seconds_a_page=4.0), deadline=6)
    assert failed.value.code is ErrorCode.UPSTREAM_TIMEOUT
    assert "Nothing was forgotten" in failed.value.detail
    assert fake_cognito.operations() == ["list_devices", "list_devices"]


def test_a_quota_that_stays_used_up_ends_at_the_deadline(
    forget_all: Callable[..., ForgetReport],
    fake_cognito: FakeCognito,
    three_devices: tuple[str, ...],
) -> None:
    fake_cognito.always_fail("forget_device", quota_exceeded())
    time = Time()
    report = forget_all(time, deadline=5)
    assert report.forgotten == ()
    assert [failed.id for failed in report.failed] == [OTHER, THIRD, CURRENT]
    assert time.now - 1000 <= 6


def test_a_cursor_that_comes_round_again_does_not_list_for_ever(
    api: ApiClient, fake_cognito: FakeCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_cognito.add(SUB, OTHER)
    fake_cognito.add(SUB, FOURTH)
    list_devices = fake_cognito.list_devices

    def going_round(access_token: str, limit: int, cursor: str | None) -> object:
        page = list_devices(access_token, limit, None)
        return type(page)(page.items, "after:the-same")

    monkeypatch.setattr(fake_cognito, "list_devices", going_round)
    assert api.delete("/devices?scope=all").get_json()["forgotten"] == [OTHER, FOURTH]
    assert fake_cognito.operations().count("list_devices") == 2


def test_a_scope_sent_twice_is_refused_and_nothing_forgotten(
    api: ApiClient, fake_cognito: FakeCognito, three_devices: tuple[str, ...]
) -> None:
    answer = api.delete("/devices?scope=others&scope=all")
    assert_problem(answer, 422, "validation-failed", errors={"scope": ["Send it once."]})
    assert fake_cognito.operations() == []
