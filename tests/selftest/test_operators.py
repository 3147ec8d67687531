"""Mutants of a module's code: each differs in one place, in code with an effect."""

from __future__ import annotations

import ast

import pytest

from eventhook_conformance.selftest.operators import mutated, mutations


def changes(source: str) -> list[tuple[str, str]]:
    return [(one.before, one.after) for one in mutations(source)]


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        ("a == b", "a == b", "a != b"),
        ("a < b", "a < b", "a <= b"),
        ("a is None", "a is None", "a is not None"),
        ("a in b", "a in b", "a not in b"),
        ("a and b", "a and b", "a or b"),
        ("not a", "not a", "a"),
        ("a + b", "a + b", "a - b"),
        ("a += b", "a += b", "a -= b"),
        ("a += b", "a += b", "pass"),
        ("f(True)", "True", "False"),
        ("f(7)", "7", "8"),
        ("f('t')", "'t'", "'Xt'"),
        ("if a: f()", "if a: f()", "if not a: f()"),
        ("def f(): return a", "return a", "return None"),
        ("while a: break", "break", "continue"),
        ("raise error", "raise error", "pass"),
        ("f()", "f()", "pass"),
        ("async def g(): await f()", "await f()", "pass"),
        ("a = b", "a = b", "pass"),
        ("del a", "del a", "pass"),
    ],
)
def test_each_kind_of_change_is_made(source: str, before: str, after: str) -> None:
    assert (before, after) in changes(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "def f() -> 'int':\n    '''A docstring.'''",
        "import a",
        "raise ValueError('a message', 7)\n",
        "logger.debug('a message')",
        "__all__ = ['a']",
        "T = TypeVar('T')",
        "a: 'Final[int]'",
        "@cache(7)\nclass A(B, metaclass=C): ...",
        "return_none = lambda: None",
    ],
)
def test_what_no_observer_sees_stays(source: str) -> None:
    assert {after for _, after in changes(source)} <= {"pass"}


def test_a_mutant_differs_in_the_one_place_and_is_named_by_it() -> None:
    source = "class A:\n\n    def f(self, n):\n        if n > 1:\n            n = n + 1\n        return n"
    found = mutations(source)
    assert {one.function for one in found} == {"A.f"}
    original = ast.unparse(ast.parse(source)).splitlines()
    for number, one in enumerate(found):
        lines = ast.unparse(mutated(source, number)).splitlines()
        assert len(lines) == len(original)
        changed = [
            place
            for place, pair in enumerate(zip(original, lines, strict=True))
            if pair[0] != pair[1]
        ]
        assert changed == [one.line - 1], one


def test_an_unknown_mutant_is_refused() -> None:
    with pytest.raises(IndexError):
        mutated("a = 1", 7)
