"""Values as messages show them."""

from __future__ import annotations

from eventhook_conformance.checker.violation import differing, in_full, shown


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_short_values_are_shown_whole() -> None:
    assert shown("x") == "'x'"
    assert differing("x", "y") == ("'x'", "'y'")


def test_long_values_are_cut_and_say_how_long_they_are() -> None:
    text = shown("k" * 256)
    assert len(text) < 150
    assert text.endswith("(258 characters)")
    assert len(in_full("k" * 256)) == 258


def test_what_cannot_be_printed_harms_nobody() -> None:
    assert "cannot be printed" in shown(Unprintable())


def test_two_long_texts_are_shown_from_where_they_differ() -> None:
    one, other = "a" * 500 + "X" + "b" * 500, "a" * 500 + "Y" + "b" * 500
    left, right = differing(one, other)
    assert left != right
    assert "aX" in left
    assert "aY" in right
    assert "(from character 501 of 1003)" in left
    assert max(len(left), len(right)) < 120


def test_a_text_that_was_cut_is_shown_at_its_end() -> None:
    left, right = differing("a" * 400, "a" * 300)
    assert "(from character 301 of 402)" in left
    assert "(from character 301 of 302)" in right
