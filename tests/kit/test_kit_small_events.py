"""Small events: a bus with a low claimed size, as PostgreSQL's NOTIFY has, gets no larger ones."""

from __future__ import annotations

from eventhook_conformance import Capabilities
from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.runner import judge
from kit.callbacks import callbacks_target


def test_bus_of_small_events_is_accused_of_nothing() -> None:
    cases = [one for one in catalog().values() if {"EVT-08", "STR-05"} & set(one.case.requirements)]
    result = judge(callbacks_target(Capabilities(max_event_bytes=7999)), instances=cases)
    accused = [
        f"{case.id}: {violation.message}" for case in result.cases for violation in case.violations
    ]
    assert accused == []
    assert result.summary["passed"] > 2
