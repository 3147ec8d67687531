"""The mechanical part of the style: modules that fit on few screens, docstrings that begin plainly."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("conformance", "reference_impl", "fixtures")
EVERYWHERE = (*SOURCES, "tests", "benchmarks", "docs", "examples", ".ci")
MOST_LINES = 300
FEWEST_WITH_REASON = 250
"""A module that shrank below this needs its reason no more."""
REASON = re.compile(r"^Over 300 lines: \S.+\.$", re.MULTILINE)
RIDDLES = frozenset(
    {"All", "How", "That", "What", "Whatever", "Whether", "Which", "Who", "Whoever", "Whose"}
)

NO_VERBS = frozenset(
    {"As", "Channels", "Events", "Fields", "Ids", "Its", "Milliseconds", "Programs"}
    | {"Seconds", "Several", "Steps", "Tasks", "Texts", "This", "Those"}
)
"""Words that end like a verb, begin a docstring easily, and are none."""
STATES = ("property",)
"""Parts of decorators of functions that state a value."""


def modules(*folders: str) -> Iterator[tuple[str, str]]:
    """Yields the path and the text of each module under these folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def fault(text: str) -> str | None:
    """Returns the error in a module's length: a missing reason, or an outdated one."""
    reason = REASON.search(ast.get_docstring(ast.parse(text)) or "")
    lines = text.count("\n")
    if lines > MOST_LINES and reason is None:
        return f"expected `Over 300 lines: REASON.` in its docstring, got {lines} lines without"
    if lines < FEWEST_WITH_REASON and reason is not None:
        return f"expected no reason for its length, got one for {lines} lines"
    return None


def riddles(tree: ast.Module) -> list[str]:
    """Returns the first lines of docstrings that begin with a word that hides the subject or the verb."""
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = (
        ast.get_docstring(node) or "-" for node in ast.walk(tree) if isinstance(node, described)
    )
    return [one.partition("\n")[0] for one in docstrings if re.split(r"\W", one)[0] in RIDDLES]


def verbless(tree: ast.Module) -> list[str]:
    """Returns the first lines of functions' docstrings that do not begin with a verb."""
    found: list[str] = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        line = (ast.get_docstring(node) or "Is").partition("\n")[0]
        verb = re.match(r"True\b|(Never [a-z]|[A-Z])[a-z]*(?<!s)s\b", line)
        if (verb and verb[0] not in NO_VERBS) or node.name.startswith("test_"):
            continue
        decorators = " ".join(map(ast.unparse, node.decorator_list))
        if not any(part in decorators for part in STATES):
            found.append(line)
    return found


def doubled(tree: ast.Module) -> list[int]:
    """Returns the lines of strings that follow another string: one of them describes nothing."""
    return [
        later.lineno
        for node in ast.walk(tree)
        if isinstance(body := getattr(node, "body", None), list)  # a lambda's is no list
        for one, later in pairwise(body)
        if is_text(one) and is_text(later)
    ]


def is_text(node: ast.AST) -> bool:
    """Returns whether a statement is a string alone."""
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


Look: TypeAlias = Callable[[ast.Module], Sequence[object]]
Found: TypeAlias = Mapping[Look, Mapping[str, Sequence[object]]]


@pytest.fixture(scope="module")
def looked_at() -> Found:
    """Returns the findings of each look by module: parsing takes longer than looking."""
    found: dict[Look, dict[str, Sequence[object]]] = {riddles: {}, verbless: {}, doubled: {}}
    for path, text in modules(*EVERYWHERE):
        tree = ast.parse(text)
        for look, places in found.items():
            if here := look(tree):
                places[path] = here
    return found


def test_a_module_over_300_lines_says_why() -> None:
    assert {path: said for path, text in modules(*SOURCES) if (said := fault(text))} == {}


def test_a_long_module_without_a_reason_is_found() -> None:
    body = "x = 1\n" * MOST_LINES
    reason = '"""Does this.\n\nOver 300 lines: one table.\n"""\n'
    assert fault('"""Does this."""\n' + body) is not None
    assert fault(reason + body) is None
    assert fault(reason) is not None
    assert fault('"""Does this."""\n') is None


def test_no_docstring_begins_with_a_riddle(looked_at: Found) -> None:
    assert looked_at[riddles] == {}


def test_a_riddle_is_found() -> None:
    assert riddles(ast.parse('def f():\n    """What comes of it."""\n')) == ["What comes of it."]
    assert riddles(ast.parse('"""Who: asks."""\n')) == ["Who: asks."]
    assert riddles(ast.parse('class A:\n    """Whole numbers.\n\n    What else.\n    """\n')) == []


def test_docstrings_of_functions_begin_with_a_verb(looked_at: Found) -> None:
    assert looked_at[verbless] == {}


def test_a_docstring_without_a_verb_is_found() -> None:
    assert verbless(ast.parse('def f():\n    """The filter."""\n')) == ["The filter."]
    assert verbless(ast.parse('async def f():\n    """Seconds until it ends."""\n')) != []
    assert verbless(ast.parse('@case("PUB-01")\ndef f():\n    """Once and in order."""\n')) != []
    assert verbless(ast.parse('def f():\n    """Returns the filter."""\n')) == []
    assert verbless(ast.parse('def f():\n    """Never returns."""\n')) == []
    assert verbless(ast.parse('@property\ndef f():\n    """The filter."""\n')) == []
    assert verbless(ast.parse("def f(): ...\n")) == []


def test_each_string_describes_something(looked_at: Found) -> None:
    assert looked_at[doubled] == {}


def test_a_string_after_a_string_is_found() -> None:
    assert doubled(ast.parse('a = 1\n"""One."""\n"""Two."""\n')) == [3]
    assert doubled(ast.parse('"""One."""\na = 1\n"""Two."""\n')) == []


def test_messages_say_what_was_expected() -> None:
    old = " ".join(("right", "would", "be"))
    every = modules(*EVERYWHERE)
    assert [path for path, text in every if old in text] == []
