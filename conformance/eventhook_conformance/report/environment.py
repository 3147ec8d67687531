"""Describes the time, machine and versions of a report."""

from __future__ import annotations

import datetime
import platform
import shlex
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from eventhook_conformance import __version__
from eventhook_conformance.report.text import printable

_LIBRARIES: Final = ("hypothesis", "nats-py", "pytest", "schemathesis", "starlette")
"""The libraries on which a verdict may depend."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The date, the machine, the versions and the command of a run."""

    date: str
    """In UTC, such as 2027-01-31T08:30:00Z."""
    host: str
    platform: str
    python: str
    command: str
    versions: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Returns the JSON form."""
        return {
            "date": self.date,
            "host": self.host,
            "platform": self.platform,
            "python": self.python,
            "command": self.command,
            "versions": self.versions,
        }

    @property
    def line(self) -> str:
        """The environment in one line, without the command."""
        return f"{self.date} on {self.host} ({self.platform}), {self.python}"


@cache
def environment() -> Environment:
    """Returns the environment of this process; all reports of a run carry the same one."""
    now = datetime.datetime.now(datetime.UTC)
    return Environment(
        date=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        host=printable(platform.node()) or "unknown",
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        command=printable(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])),
        versions={"eventhook-conformance": __version__, **_versions()},
    )


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
