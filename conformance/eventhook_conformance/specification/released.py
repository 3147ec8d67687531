"""The cases of released versions: a target that passed one version passes it for ever.

A new case could fail targets that passed a released version. So a released version
asks the cases that it was released with, by name, and no others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

_LINE: Final = re.compile(r"(?P<id>\S.*?)  \((?P<requirements>[^()]+)\)")


@cache
def released_cases(version: str) -> Mapping[str, tuple[str, ...]] | None:
    """Returns the requirements that each case of a released version tests, by the case's ID.

    None for a version whose cases may still grow.
    """
    data = files(__package__) / f"cases_{version.replace('.', '_')}.txt"
    if not data.is_file():
        return None
    found = (_LINE.fullmatch(line) for line in data.read_text(encoding="utf-8").splitlines())
    return {one["id"]: tuple(one["requirements"].split(", ")) for one in found if one}
