"""Calls under way, shared by all callers that ask for the same thing."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Flights(Generic[Result]):
    """Runs one call at a time for each `owner`.

    A caller that asks for the same `call` (by its key) while it is under way gets its result, or
    the exception that it raised.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, tuple[Hashable, Future[Result]]] = {}

    def share(self, owner: Hashable, key: Hashable, call: Callable[[], Result]) -> Result:
        """The result of `call`, made now or by another caller. Waits while the owner has another
        call under way."""
        flight = key, Future[Result]()
        while (other := self._under_way.setdefault(owner, flight)) is not flight:
            other_key, future = other
            if other_key == key:
                return future.result()
            future.exception()  # wait for its end, however it ends
        try:
            result = call()
        except BaseException as error:
            self._land(owner, flight)
            flight[1].set_exception(error)
            raise
        self._land(owner, flight)
        flight[1].set_result(result)
        return result

    def clear(self) -> None:
        """Let no further caller join the calls that are under way."""
        self._under_way.clear()

    def _land(self, owner: Hashable, flight: tuple[Hashable, Future[Result]]) -> None:
        if self._under_way.get(owner) is flight:
            del self._under_way[owner]
