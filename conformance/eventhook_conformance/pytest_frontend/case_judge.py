"""Judges one case for its test function."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import pytest

from eventhook_conformance.engine.session import Session
from eventhook_conformance.event_loop import complete
from eventhook_conformance.pytest_frontend.case_items import judged_by
from eventhook_conformance.pytest_frontend.judged import NotConformant
from eventhook_conformance.report.failure import failure_text
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification import Instance

RESULT: Final[pytest.StashKey[CaseResult]] = pytest.StashKey()
"""The result of a case."""


@dataclass(frozen=True)
class Probing:
    """The session of a target, and the event loop that it runs in."""

    session: Session
    loop: asyncio.AbstractEventLoop


class CaseJudge:
    """The `probe` of a case's test function: the engine hands the case's body the real one."""

    def __init__(self, probing: Probing, instance: Instance, item: pytest.Item) -> None:
        self._probing = probing
        self._instance = instance
        self._item = item

    def finish_if_last(self) -> bool:
        """Finishes the run if this was the last case of its target; returns whether it was."""
        last = judged_by(self._item).planned[-1] == self._instance
        if last:
            complete(self._probing.loop, self._probing.session.finish())
        return last

    def judge(self) -> None:
        """Runs the case.

        Raises:
            NotConformant: it failed, or could not be decided.
        """
        __tracebackhide__ = True
        session, loop = self._probing.session, self._probing.loop
        if session.stopped:
            pytest.fail(session.why_stopped, pytrace=False)
        result = complete(loop, session.judge(self._instance))
        self._item.stash[RESULT] = result
        if result.outcome == "not_claimed":
            pytest.skip(f"not claimed: {result.message}")
        if result.outcome != "passed":
            raise NotConformant(
                failure_text(result, session.name, session.result.settings.docs_url)
            )
