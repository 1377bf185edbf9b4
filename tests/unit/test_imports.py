"""The rooms' one direction: nothing imports upward, and nothing reads a library's private parts."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

APP = Path(__file__).parents[2] / "app"
RANKS = (
    {"__init__", "domain", "settings"},
    {"naming", "counters", "observability"},
    {"auth", "cognito"},
    {"http"},
    {"contract"},
    {"devices", "sessions"},
    {"factory"},
    {"doctor", "server", "wsgi"},
)
RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}


@cache
def modules() -> list[tuple[Path, ast.Module]]:
    paths = sorted(APP.rglob("*.py"))
    return [(path.relative_to(APP), ast.parse(path.read_text())) for path in paths]


def rooms_imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "app":
            for alias in node.names:
                yield alias.name if alias.name in RANK else "__init__"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app."):
            yield str(node.module).split(".")[1]


def test_nothing_imports_upward() -> None:
    upward = [
        f"{path} imports {room}"
        for path, tree in modules()
        for room in rooms_imported(tree)
        if RANK[room] > RANK[path.parts[0].removesuffix(".py")]
    ]
    assert upward == []


def test_nothing_private_of_a_library_is_touched() -> None:
    private = [
        f"{path}:{node.lineno} {ast.unparse(node)}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.endswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]
    assert private == []
