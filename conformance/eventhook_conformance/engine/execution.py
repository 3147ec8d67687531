"""Acting out one case, and what it comes to."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import Final

from eventhook_conformance.checker import Violation
from eventhook_conformance.engine.loop_watchdog import LoopBlocked
from eventhook_conformance.probe import CaseAborted, Client, NotOffered, Probe, Undecided
from eventhook_conformance.probe.containment import contain
from eventhook_conformance.probe.context_task import TargetTimeout
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification import Instance

_CASE_LIMIT_S: Final = 120.0


async def act(probe: Probe, body: Callable[[], Awaitable[None]], result: CaseResult) -> None:
    """Runs the body; every way in which it can end becomes part of the result."""
    try:
        async with asyncio.timeout(_CASE_LIMIT_S):
            await body()
    except CaseAborted as aborted:
        result.decided = False
        if aborted.violation is not None:
            probe.violations.append(aborted.violation)
    except (NotOffered, Undecided) as reason:
        _call_off(result, reason)
    except (LoopBlocked, TargetTimeout, asyncio.CancelledError) as error:
        raised = contain(error)
        if isinstance(raised, asyncio.CancelledError):
            raise  # the run itself is cancelled
        result.decided = False
        probe.found("every call to return", str(raised))
    except TimeoutError:
        result.decided = False
        result.blame, result.message = "suite", f"the case took longer than {_CASE_LIMIT_S:g} s"
    except Exception as error:  # because: the suite's own fault must not pass for the target's
        result.decided = False
        where = traceback.extract_tb(error.__traceback__)[-1]
        result.blame = "suite"
        result.message = f"{describe(error)} ({where.name}, line {where.lineno})"


_PROVEN: Final = frozenset(
    {
        *("leaked", "phantom", "altered", "crossed", "unmatched", "refused-seen", "replayed"),
        *("after-leaving", "repeated", "reordered", "disordered", "acausal"),
    }
)
"""What is shown by events that were delivered, whatever became of the driver afterwards."""


def stands(violation: Violation, fault: str | None) -> bool:
    """Whether a breach is one although something broke between the suite and the bus."""
    return fault is None or violation.kind in _PROVEN


def _call_off(result: CaseResult, reason: NotOffered | Undecided) -> None:
    result.message = str(reason)
    if isinstance(reason, NotOffered):
        result.outcome = "not_claimed"
    else:
        result.decided, result.blame = False, reason.blame


def decide(result: CaseResult) -> None:
    """Sets the outcome by what was found."""
    if result.violations:
        result.outcome = "failed"
        result.blame = "target"
        result.message = result.violations[0].message
    elif result.outcome == "not_claimed":
        result.blame = None
    elif result.message is not None or not result.decided:
        result.outcome = "error"
        result.blame = result.blame or "suite"
        result.message = result.message or "the case ended early, and its history shows no breach"
    else:
        result.outcome = "passed"


def not_run(instance: Instance, why: str) -> CaseResult:
    """The result of a case after the target stopped working."""
    return CaseResult(
        id=instance.id,
        requirements=instance.case.requirements,
        outcome="error",
        blame="target",
        message=f"not run: {why}",
        decided=False,
    )


def closing_violation(client: Client, problem: str) -> Violation:
    """That a client could not be closed in order."""
    return Violation(
        "failed", ("PUB-17",), f"closing {client.name} to succeed", f"it raised {problem}"
    )
