"""Text from outside, made fit to be shown: a target may deliver anything, and messages quote it."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with every character that a reader could not see or a format not carry written out.

    Controls, lone surrogates, characters that turn the writing direction, and the like become
    escapes such as `\\x00`; line ends and plain text stay. The answer can be encoded as UTF-8.
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
    """A number with its noun."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"
