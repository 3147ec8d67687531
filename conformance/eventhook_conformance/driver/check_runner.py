"""Checks the protocol of a driver, not its bus, and reports errors in words.

It judges no bus: one client, a few events, one at a time. Each check has a process that no other check
has broken; it stops at the first thing that is wrong.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from eventhook_conformance.driver.checked_driver import CheckedDriver, Wrong
from eventhook_conformance.driver.checks import CHECKS
from eventhook_conformance.driver.errors import DriverFailed
from eventhook_conformance.driver.process import START_S, DriverProcess
from eventhook_conformance.driver.stderr import Outlet
from eventhook_conformance.driver.target import profiles_of
from eventhook_conformance.target.capabilities import Capabilities


@dataclass(frozen=True)
class CheckResult:
    """The result of one check."""

    name: str
    title: str
    wrong: str | None
    """The fault found; None if there is none."""


async def check_driver(
    command: Sequence[str], label: str, outlet: Outlet
) -> AsyncIterator[CheckResult]:
    """Runs every check; each finding comes as soon as it is known."""
    process: DriverProcess | None = None
    claims = Capabilities()
    try:
        name, title = "starts", "it starts, and `initialize` says who it is"
        process = DriverProcess(command, label, outlet)
        try:
            claims = _claims(await process.start(START_S))
        except (DriverFailed, Wrong) as error:
            yield CheckResult(name, title, str(error))
            return
        yield CheckResult(name, title, None)
        for name, title, function in CHECKS:
            if process is None or process.failure is not None or not process.alive:
                process = DriverProcess(command, label, outlet)
                try:
                    await process.start(START_S)
                except DriverFailed as error:
                    yield CheckResult(name, title, str(error))
                    return
            wrong = None
            try:
                await function(CheckedDriver(process, claims))
            except (Wrong, DriverFailed) as error:
                wrong = str(error)
                await process.kill()
            yield CheckResult(name, title, wrong)
    finally:
        if process is not None:
            await process.kill()


def _claims(about: Any) -> Capabilities:
    try:
        claims = Capabilities.from_dict(about.capabilities)
    except (TypeError, ValueError) as error:
        raise Wrong(f"`initialize` makes an impossible claim: {error}") from error
    allowed = profiles_of(about.protocol)
    if beyond := sorted(set(claims.profiles) - allowed):
        expected = ", ".join(sorted(allowed))
        raise Wrong(f"`initialize` claims {', '.join(beyond)}; expected {expected}")
    if about.capabilities.get("in_process", False):
        raise Wrong("`initialize` claims in_process; a driver is a process of its own")
    return claims
