"""The Authorization header: RFC 6750 section 2.1."""

from hypothesis import given
from hypothesis import strategies as st

from app.auth.bearer import bearer_token
from app.domain.errors import ErrorCode, ServiceError

DETAILS = {
    ErrorCode.MISSING_TOKEN.detail,
    "The Authorization header is malformed: send one, as 'Bearer <token>'.",
}
B64TOKEN = st.from_regex(r"[A-Za-z0-9\-._~+/]+=*", fullmatch=True)


@given(token=B64TOKEN, scheme=st.sampled_from(["Bearer", "bearer", "bEARER"]))
def test_every_token_of_rfc_6750_is_taken_as_it_is(token: str, scheme: str) -> None:
    assert bearer_token(f"{scheme} {token}") == token


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
        assert found.detail in DETAILS, "nothing of what was sent is repeated"
    else:
        assert authorization is not None
        assert authorization.endswith(f" {found}")
        assert found.isascii()
