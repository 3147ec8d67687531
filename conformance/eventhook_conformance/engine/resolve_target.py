"""Finds a target by the name that the user typed."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

from eventhook_conformance.driver.target import DriverUnusable, driver_target
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.target import Capabilities, Target

GROUP: Final = "eventhook_conformance.targets"
DRIVER: Final = "driver:"


@dataclass(frozen=True)
class ResolvedTarget:
    """A target under the name that the user typed, with the claims that are tested."""

    name: str
    target: Target
    capabilities: Capabilities

    @property
    def found_as(self) -> str | None:
        """The name by which a second process finds the target; None if there is none."""
        name = self.target.found_as or self.name
        by_name = name in registered_targets() or ":" in name
        return name if by_name and not name.startswith(DRIVER) else None


class TargetNotFound(Exception):
    """There is no target of that name; the message is one line that says what was expected."""


def registered_targets() -> dict[str, EntryPoint]:
    """Returns the targets that installed packages register, by name."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda p: p.name)}


def resolve(name: str, profiles: Sequence[str] = ()) -> ResolvedTarget:
    """Finds a target by name, and narrows its claims to the profiles given; nothing is opened yet.

    Raises:
        TargetNotFound: there is no such target, or it does not claim one of the profiles.
    """
    target = find_target(name)
    capabilities = target.capabilities
    if profiles:
        try:
            capabilities = capabilities.narrowed(tuple(profiles))
        except ValueError as error:
            raise TargetNotFound(f"target {name!r}: {error}") from error
    return ResolvedTarget(name, target, capabilities)


def find_target(name: str) -> Target:
    """Returns the target of that name: registered, `module:attribute` with the current directory first, or
    `driver:COMMAND LINE`, which is started once to ask what it claims.

    Raises:
        TargetNotFound: there is none, its module raises, the attribute is no target, or the driver
            does not answer as one.
    """
    if name.startswith(DRIVER):
        return _drive(name.removeprefix(DRIVER))
    registered = registered_targets()
    if name in registered:
        return _load(name, registered[name])
    module, colon, attribute = name.partition(":")
    if not colon:
        known = ", ".join(registered) or "none"
        raise TargetNotFound(
            f"no target {name!r}: registered are {known}; or write module:attribute"
            f"{_suggest(name, registered)}"
        )
    if not all(part.isidentifier() for part in [*module.split("."), *attribute.split(".")]):
        raise TargetNotFound(f"{name!r} is no target: expected module:attribute")
    # A target that was judged before may have removed the directory.
    with contextlib.suppress(FileNotFoundError):
        here = str(Path.cwd())
        if sys.path[:1] != [here]:
            sys.path.insert(0, here)
    return _load(name, EntryPoint(name=name, value=name, group=GROUP))


def _suggest(name: str, registered: Iterable[str]) -> str:
    """Returns a clause that suggests a name; empty if nothing is near."""
    module = name.removesuffix(".py")
    if Path(f"{module.replace('.', '/')}.py").is_file():
        return f"; did you mean {module}:target?"
    near = difflib.get_close_matches(name, list(registered), n=2)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _drive(command_line: str) -> Target:
    try:
        return driver_target(command_line)
    except DriverUnusable as error:
        raise TargetNotFound(str(error)) from error


def _load(name: str, point: EntryPoint) -> Target:
    try:
        module = importlib.import_module(point.module)
    except ModuleNotFoundError as error:
        raise TargetNotFound(_explain_missing(name, point, error)) from error
    except BaseException as error:  # because: a vendor's module may raise anything, SystemExit too
        if issubclass(type(error), KeyboardInterrupt):
            raise
        raise TargetNotFound(
            f"target {name!r}: importing {point.module} raised {describe(error)}"
        ) from error
    found: object = module
    for part in point.attr.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise TargetNotFound(
                f"target {name!r}: {point.module} has no attribute {point.attr!r}"
            ) from error
        except BaseException as error:  # because: a vendor's attribute may be computed, and raise
            if issubclass(type(error), KeyboardInterrupt):
                raise
            raise TargetNotFound(
                f"target {name!r}: reading {point.attr} of {point.module} raised {describe(error)}"
            ) from error
    if not isinstance(found, Target):
        raise TargetNotFound(
            f"target {name!r}: expected {point.value} to be an eventhook_conformance.Target, "
            f"got {type(found).__name__}"
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
    return f"target {name!r}: importing {point.module} raised {describe(error)}"
