"""Runs the body of one case, and says how it ended."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from eventhook_conformance.engine.loop_watchdog import LoopBlocked
from eventhook_conformance.probe import CaseAborted, NotOffered, Probe, Undecided
from eventhook_conformance.probe.containment import contain, end
from eventhook_conformance.probe.failure import TargetTimeout, describe
from eventhook_conformance.probe.stacks import hung

_MOST_LIMITS: Final = 10
"""The most limits that a case may use up while its target works."""


@dataclass(frozen=True)
class Ending:
    """The end of a case's body."""

    decided: bool = True
    """It ran to its end, so that its requirements count as tested."""
    offered: bool = True
    """Whether the target's server offers what the case needs."""
    blame: Literal["driver", "suite"] | None = None
    message: str | None = None


def _nothing() -> None: ...


async def execute(
    probe: Probe,
    body: Callable[[], Awaitable[None]],
    limit_s: float,
    goes_on: Callable[[], None] = _nothing,
) -> Ending:
    """Runs a body; returns how it ended, even if it raised. Breaches go to the probe's findings.

    A body that goes on after its limit is cancelled, unless its target works, and is only slow: it has its
    limit again then, a few times. One that a target keeps from ending is abandoned, and charged: no code of
    the suite swallows a cancellation.

    Args:
        probe: the case's.
        body: what to run.
        limit_s: how long it may take.
        goes_on: called when it has its limit again.

    Raises:
        CancelledError: the run itself is cancelled.
    """
    loop, deadline = asyncio.get_running_loop(), probe.deadline
    task, began = loop.create_task(_ended(probe, body)), loop.time()
    resisted, given, moves = False, 1, deadline.moves
    try:
        # A target may end the waits of others.
        while not task.done():
            if (left_s := began + given * limit_s - loop.time()) > 0:
                await asyncio.wait({task}, timeout=left_s)
            elif given < _MOST_LIMITS and deadline.moves != moves:
                given, moves = given + 1, deadline.moves
                goes_on()
            else:
                break
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task}, timeout=probe.deadline.current_s)
        resisted = not task.done()
    finally:
        if not task.done():
            # If a run is interrupted, all cases leave at once, and each closes its own clients.
            await (end(task) if resisted else end(task, grace_s=probe.deadline.current_s))
    if resisted:
        probe.found(
            "every call to return",
            f"one had not within {given * limit_s:g} s, and did not end when it was cancelled",
        )
    message = f"the case took longer than {given * limit_s:g} s"
    return Ending(decided=False, blame="suite", message=message)


async def _ended(probe: Probe, body: Callable[[], Awaitable[None]]) -> Ending:
    hung.set(probe.hung)
    try:
        await body()
    except CaseAborted as aborted:
        if aborted.violation is not None:
            probe.violations.append(aborted.violation)
        return Ending(decided=False)
    except NotOffered as reason:
        return Ending(offered=False, message=str(reason))
    except Undecided as reason:
        return Ending(decided=False, blame=reason.blame, message=str(reason))
    except (LoopBlocked, TargetTimeout, asyncio.CancelledError) as error:
        raised = contain(error)
        if isinstance(raised, asyncio.CancelledError):
            raise
        probe.found("every call to return", str(raised))
        return Ending(decided=False)
    except Exception as error:  # because: the suite's own fault must not pass for the target's
        where = traceback.extract_tb(error.__traceback__)[-1]
        message = f"{describe(error)} ({where.name}, line {where.lineno})"
        return Ending(decided=False, blame="suite", message=message)
    return Ending()
