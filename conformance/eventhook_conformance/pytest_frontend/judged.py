"""A target as one pytest run judges it: its session, its plan, and its results."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final

import pytest

from eventhook_conformance.engine.events import EngineEvent, ResultRevised
from eventhook_conformance.engine.resolve_target import ResolvedTarget
from eventhook_conformance.engine.runner import selectable
from eventhook_conformance.engine.session import Session
from eventhook_conformance.pytest_frontend.distributed import Collected
from eventhook_conformance.report.failure import failure_text
from eventhook_conformance.report.pages import check_docs_url
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Instance, versions


class NotConformant(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # because: pytest gives it no other name
    """A case failed; the message is the whole explanation.

    pytest shows no traceback of it. For one it would parse sources, which sometimes fails in CPython
    3.11 while the garbage collector runs, and the run would end early.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, pytrace=False)


@dataclass
class JudgedTarget:
    """One target in this pytest run."""

    subject: ResolvedTarget
    settings: Settings
    collected: Collected
    """The results from the workers of pytest-xdist, in the process that controls them."""
    planned: list[Instance] = field(default_factory=list)
    session: Session | None = None
    revised: dict[str, CaseResult] = field(default_factory=dict)
    """Results that late arrivals changed after their test function had passed."""

    def on_event(self, event: EngineEvent) -> None:
        """Takes an event of the engine."""
        if isinstance(event, ResultRevised) and event.before.outcome == "passed":
            self.revised[event.after.id] = event.after

    def tell_late(self) -> None:
        """Names, once, the cases that passed in pytest and failed later by late arrivals.

        Raises:
            NotConformant: some did.
        """
        late = [case for case in self.revised.values() if case.outcome == "failed"]
        self.revised.clear()
        if late and self.session is not None:
            name, docs_url = self.session.name, self.settings.docs_url
            raise NotConformant(
                "late arrivals fail these cases after their end:\n\n"
                + "\n\n".join(failure_text(case, name, docs_url) for case in late)
            )

    def results(self) -> list[RunResult]:
        """Returns the result of the target, if it was judged."""
        if self.session is None:
            return self.collected.results()
        result = self.session.result
        return [result] if result.cases or result.unusable else []

    def unrun(self) -> list[str]:
        """Returns the cases that were selected and have no result, though the target works."""
        results = self.results()
        planned = {one.id for one in self.planned} | self.collected.planned
        if any(one.unusable or one.silent for one in results):
            return []
        return sorted(planned - {case.id for one in results for case in one.cases})


JUDGED: Final[pytest.StashKey[dict[str, JudgedTarget]]] = pytest.StashKey()


def empty_result(subject: ResolvedTarget, settings: Settings) -> RunResult:
    """Returns the result of a target of which nothing is known yet."""
    return RunResult(
        target=subject.target.name,
        capabilities=subject.capabilities,
        settings=settings,
        invoked_as=subject.name,
        about=subject.target.about,
        selectable=selectable(),
    )


def settings_of(config: pytest.Config) -> Settings:
    """Returns the settings of the command line's options.

    Raises:
        pytest.UsageError: an option has a value that it cannot have.
    """
    option = config.getoption
    given = {
        "specification": option("--eventhook-specification"),
        "seed": option("--eventhook-seed"),
        "arrival_timeout_s": option("--eventhook-timeout"),
        "settle_s": option("--eventhook-settle"),
        "at_once": option("--eventhook-at-once"),
        "examples": option("--eventhook-examples"),
        "depth": option("--eventhook-depth"),
        "profiles": tuple(option("--eventhook-profile")),
        "selection": option("keyword") or None,
        "browser": option("--eventhook-browser"),
        "docs_url": option("--eventhook-docs-url") or os.environ.get("EVENTHOOK_DOCS_URL"),
    }
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    if settings.specification not in versions():
        raise pytest.UsageError(
            f"--eventhook-specification: expected {' or '.join(versions())}, "
            f"got {settings.specification!r}"
        )
    try:
        check_docs_url(settings.docs_url or ".")
    except ValueError as error:
        raise pytest.UsageError(f"--eventhook-docs-url: {error}") from error
    return settings
