"""The chaos table: what callers saw of each fault, a row each, printed at the end of the run."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from tests.resilience.load import Call, Load, shown

COLUMNS = ("fault", "calls", "answers", "worst latency", "recovered in", "cross-talk")


@dataclass(frozen=True)
class Outcome:
    """What came of a fault. `ended`: when it did, as `time.monotonic` tells. Durations in seconds;
    `recovered_in` is from the fault's end."""

    fault: str
    ended: float
    calls: list[Call]
    recovered_in: float
    cross_talk: int
    wrong: list[str]

    @property
    def answers(self) -> Counter[str]:
        return Counter(shown(call) for call in self.calls)

    @property
    def worst_latency(self) -> float:
        return max(call.ended - call.begun for call in self.calls)

    def row(self) -> tuple[str, ...]:
        answers = ", ".join(f"{count} x {what}" for what, count in sorted(self.answers.items()))
        return (
            self.fault,
            str(len(self.calls)),
            answers,
            f"{self.worst_latency:.2f} s",
            f"{self.recovered_in:.1f} s",
            str(self.cross_talk),
        )


@dataclass
class ChaosTable:
    """Measures faults, and keeps what it measured."""

    outcomes: list[Outcome] = field(default_factory=list)

    def measure(
        self, fault: str, load: Load, strike: AbstractContextManager[object], seconds: float
    ) -> Outcome:
        """Have the fault strike under `load` for so long, then wait for the load to be steady."""
        begun = time.monotonic()
        with strike:
            time.sleep(seconds)  # the length of the fault: the load goes on meanwhile
        ended = time.monotonic()
        recovered_in = load.until_steady(ended)
        outcome = Outcome(
            fault, ended, load.between(begun), recovered_in, load.cross_talk, load.wrong
        )
        self.outcomes.append(outcome)
        return outcome

    def lines(self) -> Iterator[str]:
        rows = [COLUMNS, *(outcome.row() for outcome in self.outcomes)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            yield " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))


@contextmanager
def at_once(*actions: object) -> Iterator[None]:
    """A fault that has happened as soon as it begins, and has no end of its own."""
    for action in actions:
        assert callable(action)
        action()
    yield
