"""LIF-13: a snapshot has the members that apply, under their names, and none that does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eventhook_conformance.sequences.finding import SequenceViolation
from eventhook_conformance.sequences.matching import Match
from eventhook_conformance.sequences.picture import named
from eventhook_conformance.sequences.scenario import ExpectedEvent, snapshot_members


def check_members(found: Match) -> Iterator[SequenceViolation]:
    """Finds members that must not be there, beside the values that are expected.

    A member that the specification does not know may be there, unless it is one in another spelling.
    """
    for expected in found.scenario.events:
        if expected.label not in found.found:
            continue
        event = found.event(expected.label)
        for member, value in event.data.items() if isinstance(event.data, dict) else ():
            problem = _problem(expected, member, value)
            if problem is not None:
                charge, right = problem
                yield SequenceViolation(
                    "snapshot",
                    charge,
                    f"{named(expected)} {right}",
                    f"data.{member} = {value!r:.120}",
                    (event,),
                )


def _problem(
    expected: ExpectedEvent, member: str, value: Any
) -> tuple[tuple[str, ...], str] | None:
    required, optional = snapshot_members()[expected.category]
    if (
        member in required | optional
        and value is None
        and expected.snapshot.get(member, 0) is not None
    ):
        return ("LIF-13",), f"without data.{member}, where there is none, and not null"
    if member in optional and member not in expected.snapshot:
        also = ("LIF-06",) if member == "suspendType" else ()
        return ("LIF-13", "LIF-03", *also), f"without data.{member}, which does not apply"
    if member not in required | optional:
        spelling = {_plain(one): one for one in required | optional}.get(_plain(member))
        if spelling is not None:
            return ("LIF-13",), f"with data.{spelling}, spelled so"
    return None


def _plain(member: str) -> str:
    return member.replace("_", "").replace("-", "").lower()
