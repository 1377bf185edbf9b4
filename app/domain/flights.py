"""Calls under way, shared by callers that ask for the same with the very same token."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Flights(Generic[Result]):
    """Gives a caller the result of the same call that is under way already.

    The access token itself is part of every key. So no caller is ever given what another token was
    answered, be it another sign-in of the same user. Nothing is kept once a call has ended.
    """

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, Hashable], Future[Result]] = {}

    def share(self, token: str, what: Hashable, call: Callable[[], Result]) -> Result:
        """The result of `call`, or of the same call (`token` and `what`) that is under way.

        Raises:
            Exception: what the call raised, to all that share it.
        """
        key, flight = (token, what), Future[Result]()
        if (other := self._under_way.setdefault(key, flight)) is not flight:
            return other.result()
        try:
            flight.set_result(call())
        except BaseException as error:
            flight.set_exception(error)
            raise
        finally:
            if self._under_way.get(key) is flight:
                del self._under_way[key]
        return flight.result()

    def clear(self) -> None:
        """Let no further caller join the calls that are under way."""
        self._under_way.clear()
