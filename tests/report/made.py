"""Hand-made results, good and bad, for the tests of the reports."""

from __future__ import annotations

from typing import Any

from checker.builder import Timeline, event
from eventhook_conformance.checker import Violation, condense
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import Capabilities

EVENTS = Capabilities(profiles={"events"})
HOSTILE = "<script>document.title='owned'</script>]]>\x00\u202e\ud800 `|*[x](y) &amp; \"'"
"""Text that a target may deliver, raise, or be called."""


def result(*cases: CaseResult, **members: Any) -> RunResult:
    """Returns a run of those cases."""
    plain = {"capabilities": EVENTS, "settings": Settings(), "target": "made", "duration_s": 1.5}
    return RunResult(cases=list(cases), **{**plain, **members})


def all_pass() -> RunResult:
    """Returns a conformant target."""
    return result(*(passed(one.id) for one in requirements().values() if one.unmet(EVENTS) is None))


def passed(identifier: str = "PUB-01") -> CaseResult:
    """Returns a case that passed."""
    return CaseResult(
        id=f"made::{identifier}", requirements=(identifier,), outcome="passed", duration_s=0.0125
    )


def failed(at: Timeline, identifier: str = "made::broken") -> CaseResult:
    """Returns a case in which an event came twice, and another never."""
    s = at.subscribe()
    first, second, third = at.publishes(3)
    at.deliver(s, first, first, third)
    at.wait_in_vain(s, second)
    violations = condense(at.judge())
    return CaseResult(
        id=identifier,
        requirements=("PUB-02",),
        outcome="failed",
        blame="target",
        message=violations[0].message,
        violations=tuple(violations),
        history=at.history,
        duration_s=0.25,
    )


def hostile(at: Timeline) -> CaseResult:
    """Returns a case in which the target delivered text that looks like code."""
    at.deliver(at.subscribe(), at.publish(), event(HOSTILE, data=HOSTILE), HOSTILE)
    violations = condense(at.judge())
    return CaseResult(
        id="made::hostile",
        requirements=("PUB-03",),
        outcome="failed",
        blame="target",
        message=HOSTILE,
        violations=(*violations, Violation("failed", ("PUB-03",), HOSTILE, HOSTILE)),
        history=at.history,
    )


def undecided() -> CaseResult:
    """Returns a case that stayed undecided."""
    return CaseResult(
        id="made::undecided",
        requirements=("PUB-05",),
        outcome="error",
        blame="driver",
        message="it died",
        decided=False,
    )


def left_out() -> CaseResult:
    """Returns a case that does not apply."""
    return CaseResult(
        id="made::streams",
        requirements=("STR-01",),
        outcome="not_claimed",
        message="profile streams is not claimed",
    )


def advisory_failure() -> CaseResult:
    """Returns a case that failed for a SHOULD alone."""
    slow = Violation("failed", ("PUB-19",), "a delay below 50 ms", "80 ms")
    return CaseResult(
        id="made::slow",
        requirements=("PUB-19",),
        outcome="failed",
        blame="target",
        message=slow.message,
        violations=(slow,),
    )


def of_everything() -> RunResult:
    """Returns a run in which every kind of outcome occurs."""
    return result(
        passed(),
        failed(Timeline()),
        hostile(Timeline()),
        undecided(),
        left_out(),
        advisory_failure(),
        target=f"bus {HOSTILE}",
        kit=("codec",),
        suite_failure="interrupted: what was not run is untested",
    )
