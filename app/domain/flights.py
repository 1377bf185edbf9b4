"""Calls under way, shared by callers that ask for the same with the very same token."""

from collections.abc import Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Flight(Generic[Result]):
    """One call. `is_first`: this caller makes it and sets `result`; others find it set."""

    result: Result

    def __init__(self, *, is_first: bool) -> None:
        self.is_first = is_first


class Flights(Generic[Result]):
    """Gives a caller the result of the same call that is under way already.

    The access token itself is part of every key. So no caller is ever given what another token was
    answered, be it another sign-in of the same user. Nothing is kept once a call has ended.
    """

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, Hashable], Future[Result]] = {}

    @contextmanager
    def join(self, token: str, what: Hashable) -> Iterator[Flight[Result]]:
        """The first caller's flight, to be given a result; or, once that is there, the same result.

        Raises:
            Exception: what the first caller's call raised, to all that have joined it.
        """
        key, mine = (token, what), Future[Result]()
        first = self._under_way.setdefault(key, mine)
        flight = Flight[Result](is_first=first is mine)
        if not flight.is_first:
            flight.result = first.result()
            yield flight
            return
        try:
            yield flight
            mine.set_result(flight.result)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            if self._under_way.get(key) is mine:
                del self._under_way[key]

    def clear(self) -> None:
        """Let no further caller join the calls that are under way."""
        self._under_way.clear()
