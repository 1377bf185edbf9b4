"""Reads a Dockerfile: instructions, and what they take from the build context."""

import json
import re
import shlex
from pathlib import Path

Instruction = tuple[str, str]


def instructions(dockerfile: Path) -> list[Instruction]:
    """Keyword and rest of each instruction; comments gone, continued lines joined."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(words[0], words[1]) for line in lines if (words := line.split(maxsplit=1))]


def values(dockerfile: Path, keyword: str) -> list[str]:
    """The rest of every `keyword` instruction."""
    return [rest for word, rest in instructions(dockerfile) if word == keyword]


def environment(dockerfile: Path) -> dict[str, str]:
    """What ENV sets."""
    pairs = (pair for rest in values(dockerfile, "ENV") for pair in shlex.split(rest))
    return dict(pair.split("=", 1) for pair in pairs)


def command(dockerfile: Path, keyword: str = "CMD") -> list[str]:
    """The words of an exec-form CMD, or of the HEALTHCHECK's."""
    (rest,) = values(dockerfile, keyword)
    words: list[str] = json.loads(rest[rest.index("[") :])
    return words


def context_paths(dockerfile: Path) -> set[str]:
    """The paths of the build context that are copied, or lent to a RUN."""
    copied = {
        path
        for rest in values(dockerfile, "COPY")
        if not rest.startswith("--from=")
        for path in rest.split()[:-1]
    }
    lent = re.findall(r"--mount=type=bind,source=([^,\s]+)", dockerfile.read_text())
    return copied | set(lent)


def allowed_paths(dockerignore: Path) -> set[str]:
    """What an allow-list lets into the build context.

    Raises:
        AssertionError: it is none, for it does not begin by excluding all.
    """
    lines = [
        line for line in dockerignore.read_text().splitlines() if not line.startswith(("#", "**"))
    ]
    assert lines[0] == "*"
    assert all(line.startswith("!") for line in lines[1:])
    return {line.removeprefix("!") for line in lines[1:]}
