"""The mechanical part of the style: modules that fit on few screens, docstrings that begin plainly."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("conformance", "reference_impl", "fixtures")
MOST_LINES = 300
FEWEST_WITH_REASON = 250
"""A module that shrank below this needs its reason no more."""
REASON = re.compile(r"^Over 300 lines: \S.+\.$", re.MULTILINE)
RIDDLES = frozenset(
    {"All", "How", "That", "What", "Whatever", "Whether", "Which", "Who", "Whoever", "Whose"}
)


def modules(*folders: str) -> Iterator[tuple[str, str]]:
    """Yields the path and the text of each module under these folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def fault(text: str) -> str | None:
    """Returns what is wrong with the length of a module: a reason that lacks, or is out of date."""
    reason = REASON.search(ast.get_docstring(ast.parse(text)) or "")
    lines = text.count("\n")
    if lines > MOST_LINES and reason is None:
        return f"expected `Over 300 lines: REASON.` in its docstring, got {lines} lines without"
    if lines < FEWEST_WITH_REASON and reason is not None:
        return f"expected no reason for its length, got one for {lines} lines"
    return None


def riddles(text: str) -> list[str]:
    """Returns the first lines of docstrings that begin with a word that hides the subject or the verb."""
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = (
        ast.get_docstring(node) or "-"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, described)
    )
    return [one.partition("\n")[0] for one in docstrings if re.split(r"\W", one)[0] in RIDDLES]


def test_a_module_over_300_lines_says_why() -> None:
    assert {path: said for path, text in modules(*SOURCES) if (said := fault(text))} == {}


def test_a_long_module_without_a_reason_is_found() -> None:
    body = "x = 1\n" * MOST_LINES
    reason = '"""Does this.\n\nOver 300 lines: one table.\n"""\n'
    assert fault('"""Does this."""\n' + body) is not None
    assert fault(reason + body) is None
    assert fault(reason) is not None
    assert fault('"""Does this."""\n') is None


def test_no_docstring_begins_with_a_riddle() -> None:
    every = modules(*SOURCES, "tests", "benchmarks", "docs", "examples")
    assert {path: found for path, text in every if (found := riddles(text))} == {}


def test_a_riddle_is_found() -> None:
    assert riddles('def f():\n    """What comes of it."""\n') == ["What comes of it."]
    assert riddles('"""Who: asks."""\n') == ["Who: asks."]
    assert riddles('class A:\n    """Whole numbers.\n\n    What else.\n    """\n') == []


def test_messages_say_what_was_expected() -> None:
    old = " ".join(("right", "would", "be"))
    every = modules(*SOURCES, "tests", "benchmarks", "docs", "examples")
    assert [path for path, text in every if old in text] == []
