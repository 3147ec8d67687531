"""The mechanical part of the style: docstrings that begin plainly."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("conformance", "reference_impl", "fixtures")
RIDDLES = frozenset(
    {"All", "How", "That", "What", "Whatever", "Whether", "Which", "Who", "Whoever", "Whose"}
)


def modules(*folders: str) -> Iterator[tuple[str, str]]:
    """Yields the path and the text of each module under these folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def riddles(text: str) -> list[str]:
    """Returns the first lines of docstrings that begin with a word that hides the subject or the verb."""
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = (
        ast.get_docstring(node) or "-"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, described)
    )
    return [one.partition("\n")[0] for one in docstrings if re.split(r"\W", one)[0] in RIDDLES]


def test_no_docstring_begins_with_a_riddle() -> None:
    every = modules(*SOURCES, "tests", "benchmarks", "docs", "examples")
    assert {path: found for path, text in every if (found := riddles(text))} == {}


def test_a_riddle_is_found() -> None:
    assert riddles('def f():\n    """What comes of it."""\n') == ["What comes of it."]
    assert riddles('"""Who: asks."""\n') == ["Who: asks."]
    assert riddles('class A:\n    """Whole numbers.\n\n    What else.\n    """\n') == []
