"""Finding a target by what the user typed: a registered name, or `module:attribute`."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

from eventhook_conformance.target.definition import Target

GROUP: Final = "eventhook_conformance.targets"


class TargetNotFound(Exception):
    """No target can be had by that name; the message is one line that says what would be right."""


def registered_targets() -> dict[str, EntryPoint]:
    """The targets that installed packages register, by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda p: p.name)}


def find_target(name: str) -> Target:
    """The target of that name: registered, or `module:attribute` with the current directory first.

    Raises:
        TargetNotFound: there is none, its module raises, or the attribute is no target.
    """
    registered = registered_targets()
    if name in registered:
        return _load(name, registered[name])
    module, colon, attribute = name.partition(":")
    if not colon:
        known = ", ".join(registered) or "none"
        raise TargetNotFound(
            f"no target {name!r}: registered are {known}; or write module:attribute"
        )
    if not all(part.isidentifier() for part in [*module.split("."), *attribute.split(".")]):
        raise TargetNotFound(f"{name!r} is no target: right would be module:attribute")
    here = str(Path.cwd())
    if sys.path[:1] != [here]:
        sys.path.insert(0, here)
    return _load(name, EntryPoint(name=name, value=name, group=GROUP))


def _load(name: str, point: EntryPoint) -> Target:
    try:
        module = importlib.import_module(point.module)
    except ModuleNotFoundError as error:
        raise TargetNotFound(_explain_missing(name, point, error)) from error
    except BaseException as error:  # because: a vendor's module may raise anything, SystemExit too
        if isinstance(error, KeyboardInterrupt):
            raise
        raise TargetNotFound(
            f"target {name!r}: importing {point.module} raised {_describe(error)}"
        ) from error
    found: object = module
    for part in point.attr.split("."):
        if not hasattr(found, part):
            raise TargetNotFound(f"target {name!r}: {point.module} has no attribute {point.attr!r}")
        found = getattr(found, part)
    if not isinstance(found, Target):
        raise TargetNotFound(
            f"target {name!r}: {point.value} is of type {type(found).__name__}; "
            "right would be an eventhook_conformance.Target"
        )
    return found


def _explain_missing(name: str, point: EntryPoint, error: ModuleNotFoundError) -> str:
    if error.name is not None and (point.module + ".").startswith(error.name + "."):
        return f"target {name!r}: there is no module {error.name!r} on the path or in the current directory"
    if point.extras:
        extras = ",".join(point.extras)
        return (
            f"target {name!r} needs {error.name!r}, which is not installed: "
            f"pip install 'eventhook-conformance[{extras}]'"
        )
    return f"target {name!r}: importing {point.module} raised {_describe(error)}"


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
