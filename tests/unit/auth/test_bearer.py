"""The Authorization header: RFC 6750 section 2.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.bearer import bearer_token
from app.domain.errors import ServiceError, ErrorCode

B64TOKEN = st.from_regex(r"[A-Za-z0-9\-._~+/]+=*", fullmatch=True)


@given(
    token=B64TOKEN,
    scheme=st.sampled_from(["Bearer", "bearer", "BEARER", "bEARER"]),
    blanks=st.integers(1, 3),
)
def test_every_token_of_rfc_6750_is_taken_as_it_is(token: str, scheme: str, blanks: int) -> None:
    assert bearer_token(f"{scheme}{' ' * blanks}{token}") == token


def judged(authorization: str | None) -> str | ServiceError:
    """The token, or the refusal; any other exception is a failure of its own."""
    try:
        return bearer_token(authorization)
    except ServiceError as error:
        return error


@given(st.text() | st.builds("Bearer {}".format, st.text()) | st.none())
def test_anything_is_a_token_or_a_missing_token(authorization: str | None) -> None:
    found = judged(authorization)
    if isinstance(found, ServiceError):
        assert found.code is ErrorCode.MISSING_TOKEN
        assert found.detail
    else:
        assert authorization is not None
        assert authorization.endswith(f" {found}")
        assert found.isascii()
        assert " " not in found


@given(st.text(min_size=1))
def test_what_is_refused_is_not_repeated(junk: str) -> None:
    refused = judged(f"Secret: {junk}")
    assert isinstance(refused, ServiceError)
    assert f"Secret: {junk}" not in refused.detail


def test_no_header_is_told_from_a_malformed_one() -> None:
    details = set()
    for authorization in (None, "Basic x"):
        with pytest.raises(ServiceError) as refused:
            bearer_token(authorization)
        details.add(refused.value.detail)
    assert len(details) == 2
