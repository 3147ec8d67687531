"""A case's history is judged twice: as the case ends, and when all it will ever get is in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from eventhook_conformance.checker import MISSING, Violation, check
from eventhook_conformance.engine.parking import Parked
from eventhook_conformance.history import History, Ledger
from eventhook_conformance.probe import Probe
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.specification import Case
from eventhook_conformance.target import Capabilities

_LOOK_S: Final = 0.02


class Oracle:
    """What the checker makes of cases, charged to their requirements too where it shows them broken.

    Args:
        capabilities: what the target claims.
        ledger: what the whole run published.
        on_failure: told why, should the checker itself fail; the run must not end by that.
    """

    def __init__(
        self, capabilities: Capabilities, ledger: Ledger, on_failure: Callable[[str], None]
    ) -> None:
        self._capabilities = capabilities
        self._ledger = ledger
        self._on_failure = on_failure

    async def first(
        self, probe: Probe, history: History, case: Case | None = None
    ) -> list[Violation]:
        """As the case ends, after a look at what may have been overtaken.

        A case ends with what it awaited; what that overtook stands right behind it, and is not lost.
        """
        charged = self._charged(history, case) or []
        short = {violation.entries[0] for violation in charged if violation.kind in MISSING}
        behind = [one for one in probe.listeners if one.entry in short and one.open]
        if not behind:
            return charged
        await asyncio.gather(*(one.drain_for(_LOOK_S) for one in behind))
        return self._charged(history, case) or []

    def last(self, parked: Parked, leaving: Sequence[Violation]) -> list[Violation] | None:
        """When its subscriptions have left; None if that changes nothing.

        What was taken for lost and came after all is charged as what it is, and not as lost too.

        Args:
            parked: the case, and what was found when it ended.
            leaving: what went wrong in leaving.
        """
        now = self._charged(parked.history, parked.case)
        if now is None:
            return None
        stand = [one for one in parked.charged if one.kind not in MISSING or one in now]
        known = {*parked.charged, *parked.stated}
        late = [one for one in (*now, *leaving) if one not in known]
        if not late and len(stand) == len(parked.charged):
            return None
        return [*stand, *parked.stated, *late]

    def _charged(self, history: History, case: Case | None) -> list[Violation] | None:
        try:
            found = check(history, self._capabilities, self._ledger)
        except Exception as error:  # because: a checker that fails must not take the run with it
            self._on_failure(f"the checker failed on {history.case}: {describe(error)}")
            return None
        if case is None:
            return found
        return [
            violation.charging(case.requirements)
            if violation.kind in case.implicates
            else violation
            for violation in found
        ]
