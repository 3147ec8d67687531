"""Suggests names for misspelled ones."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from eventhook_conformance.specification.requirements import requirements

_IDENTIFIER = re.compile(r"\b[A-Za-z]{3}-\d\d\b")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns a clause that suggests the nearest names; empty if none is near."""
    near = difflib.get_close_matches(name, list(known), n=3)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def unknown_in_selection(selection: str | None, specification: str) -> list[str]:
    """Returns a line for each requirement or case ID in a `-k` expression that does not exist."""
    known = requirements(specification)
    lines = [
        f"-k names {word}, but there is no such requirement{did_you_mean(word.upper(), known)}"
        for word in dict.fromkeys(_IDENTIFIER.findall(selection or ""))
        if word.upper() not in known
    ]
    words = dict.fromkeys(re.findall(r"\w+::[^\s()]+", selection or ""))
    if not words:
        return lines
    from eventhook_conformance.cases import catalog  # takes long to import

    cases = catalog()
    lines += [
        f"-k names {word}, but there is no such case{did_you_mean(word, cases)}"
        for word in words
        if not any(word.lower() in one.lower() for one in cases)
    ]
    return lines
