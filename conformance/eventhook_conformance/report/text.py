"""Makes text safe to show: messages quote values that a target delivers."""

from __future__ import annotations

import textwrap
from typing import Final

WIDTH: Final = 80
"""The most characters of a line."""


def printable(text: str) -> str:
    """Returns the text with invisible characters as escapes, such as `\\x00`.

    Escapes controls, lone surrogates and marks that turn the writing direction; line ends stay. The
    result can be encoded as UTF-8.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else _escape(one) for one in text)


def _escape(one: str) -> str:
    code = ord(one)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def counted(number: int, singular: str, plural: str = "") -> str:
    """Returns a number with its noun."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def shortened(text: str, most: int = 500) -> str:
    """Returns the text, without its middle if it is long: the JSON report has it in full."""
    left_out = len(text) - most
    if left_out <= 0:
        return text
    head, tail = text[: most * 2 // 3], text[-(most // 3) :]
    return f"{head.rstrip()} … ({counted(left_out, 'character')} left out) … {tail.lstrip()}"


def filled(label: str, text: str, width: int = WIDTH) -> list[str]:
    """Breaks a text into lines between words, the first with a label.

    A word is broken only if it is longer than a line.
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_on_hyphens=False,
    )
