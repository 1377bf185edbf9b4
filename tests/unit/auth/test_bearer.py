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


@given(st.text() | st.builds("Bearer {}".format, st.text()) | st.none())
def test_anything_is_a_token_or_a_missing_token(authorization: str | None) -> None:
    try:
        found = bearer_token(authorization)
    except ServiceError as error:
        assert error.code is ErrorCode.MISSING_TOKEN
        assert error.detail in DETAILS, "nothing of what was sent is repeated"
    else:
        assert authorization is not None
        assert authorization.endswith(f" {found}")
        assert found.isascii()
