"""What a probe is, and what it may write down."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from conformance.target import Target

ANYTHING = re.compile(".*", re.DOTALL)
"""For what is not documented at all."""


@dataclass(frozen=True)
class Probe:
    """One sentence on Cognito. `expected`: the answers that agree with it, as texts or patterns;
    more than one where AWS does not document which."""

    id: str
    sentence: str
    source: str
    expected: tuple[str | re.Pattern[str], ...]
    run: Callable[[Target], str]
    undocumented: bool

    def agrees(self, seen: str) -> bool:
        return any(
            one.fullmatch(seen) if isinstance(one, re.Pattern) else one == seen
            for one in self.expected
        )


PROBES: list[Probe] = []
"""In the order in which they run."""


def probe(
    id: str,  # noqa: A002
    sentence: str,
    source: str,
    *expected: str | re.Pattern[str],
    undocumented: bool = False,
) -> Callable[[Callable[[Target], str]], Callable[[Target], str]]:
    """Make a function a probe. It returns what it saw, made by the functions below."""

    def register(run: Callable[[Target], str]) -> Callable[[Target], str]:
        PROBES.append(Probe(id, sentence, source, expected, run, undocumented))
        return run

    return register


# What may be written into a report: kinds of errors and their messages, names of members, yes and
# no, and counts. Never an id, a token, an address or a name of a user.

_SECRETS = re.compile(
    r"[\w-]+_[0-9a-f]{8}-[0-9a-f-]{27}"  # device keys
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}"  # subs
    r"|[a-z]{2}(?:-[a-z]+)+-\d_\w+"  # pool ids
    r"|arn:\S+|\S+@\S+|\b\d+\.\d+\.\d+\.\d+\b|\b[0-9a-z]{26}\b|[\w-]{40,}"
)


def scrubbed(text: str) -> str:
    return _SECRETS.sub("…", text)


def refusal(call: Callable[..., object], **params: object) -> str:
    """Make a call that should fail: "Kind: message", or "no error"."""
    try:
        call(**params)
    except ClientError as error:
        told = error.response["Error"]
        return scrubbed(f"{told['Code']}: {told['Message']}")
    return "no error"


def names(members: Iterable[str]) -> str:
    """Names of members or claims, sorted."""
    return ", ".join(sorted(members))


def yes(fact: object) -> str:
    return "yes" if fact else "no"
