"""The pytest plugin: `pytest --pyargs eventhook_conformance --target X` judges a target in any pytest run.

pytest sees each case as a test function of its own, once for each target. A fixture of the session keeps
the run of a target (its clients, its parked subscriptions), so that the vendor's flags keep their meaning.

Over 300 lines: pytest looks for its hooks in one module.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from eventhook_conformance.cases import instances_of
from eventhook_conformance.engine.events import INTERRUPTED, EngineEvent, ResultRevised
from eventhook_conformance.engine.resolve_target import ResolvedTarget, TargetNotFound, resolve
from eventhook_conformance.engine.runner import selectable
from eventhook_conformance.engine.session import Session
from eventhook_conformance.event_loop import complete, event_loop
from eventhook_conformance.pytest_frontend.distributed import (
    OUTPUT,
    Collected,
    case_of,
    is_controller,
    is_worker,
    mark_result,
    output_of,
    scheduler_for,
    target_of,
)
from eventhook_conformance.pytest_frontend.reporting import Reporting
from eventhook_conformance.report.failure import failure_text
from eventhook_conformance.report.pages import check_docs_url
from eventhook_conformance.report.text import counted
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Case, Instance, versions

PACKAGE: Final = Path(__file__).parent.parent
CASES: Final = PACKAGE / "cases"


@dataclass
class Judged:
    """One target in this pytest run."""

    subject: ResolvedTarget
    settings: Settings
    collected: Collected
    """Told by workers of pytest-xdist, in the process that controls them."""
    planned: list[Instance] = field(default_factory=list)
    session: Session | None = None
    revised: dict[str, CaseResult] = field(default_factory=dict)
    """Results that late arrivals changed after their test function had passed."""

    def on_event(self, event: EngineEvent) -> None:
        """Takes an event of the engine."""
        if isinstance(event, ResultRevised) and event.before.outcome == "passed":
            self.revised[event.after.id] = event.after

    def tell_late(self) -> None:
        """Tells once which cases late arrivals failed, after pytest had told that they passed.

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


JUDGED: Final[pytest.StashKey[dict[str, Judged]]] = pytest.StashKey()
_REPORTING: Final[pytest.StashKey[Reporting]] = pytest.StashKey()
_NO_TARGET: Final = "the cases need something to judge: give --target TARGET"
_UNJUDGED: Final[pytest.StashKey[bool]] = pytest.StashKey()
"""Set where cases were asked for, but no target."""
_RESULT: Final[pytest.StashKey[CaseResult]] = pytest.StashKey()
"""The result of a case."""


class NotConformant(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # because: pytest gives it no other name
    """A case failed; the message is the whole explanation.

    pytest shows no traceback of it: for one it would parse sources, at which CPython 3.11 fails now and
    then, where the collector runs meanwhile, and the run would end midway.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, pytrace=False)


class CaseModule(pytest.Module):
    """A module of cases, whose functions are cases whatever their names."""

    def _getobj(self) -> Any:
        return importlib.import_module(f"eventhook_conformance.cases.{self.path.stem}")

    def istestfunction(self, obj: object, name: str) -> bool:
        return hasattr(obj, "__case__")

    def istestclass(self, obj: object, name: str) -> bool:
        return False


class _EmptyModule(pytest.Module):
    """Empty collector that suppresses pytest's own, where a vendor's settings call every file a test."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        return []


def pytest_configure(config: pytest.Config) -> None:
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
    try:
        subjects = [resolve(name, settings.profiles) for name in option("--target")]
    except TargetNotFound as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[JUDGED] = {
        one.name: Judged(one, settings, Collected(empty_result(one, settings))) for one in subjects
    }
    if is_controller(config) and not subjects:
        raise pytest.UsageError(_NO_TARGET)
    if not is_worker(config):
        config.stash[_REPORTING] = Reporting(config, settings)
        config.pluginmanager.register(_Listener(config))


def empty_result(subject: ResolvedTarget, settings: Settings) -> RunResult:
    """The result of a target of which nothing is known yet."""
    return RunResult(
        target=subject.target.name,
        capabilities=subject.capabilities,
        settings=settings,
        invoked_as=subject.name,
        about=subject.target.about,
        selectable=selectable(),
    )


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Ignores everything in the package but its cases, whatever the vendor calls a test file."""
    if collection_path.is_file() and PACKAGE in collection_path.parents:
        return collection_path.parent != CASES or collection_path.name.startswith("_")
    return None


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    if module_path.parent != CASES:
        return None
    empty: _EmptyModule = _EmptyModule.from_parent(parent, path=module_path)
    return empty


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseModule | None:
    if file_path.parent != CASES or file_path.suffix != ".py" or file_path.name.startswith("_"):
        return None
    if not parent.config.stash[JUDGED]:
        parent.config.stash[_UNJUDGED] = True
        return None
    module: CaseModule = CaseModule.from_parent(
        parent, path=file_path, nodeid=f"eventhook_conformance/cases/{file_path.name}"
    )
    return module


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if hasattr(metafunc.function, "__case__"):
        judged: dict[str, Judged] = metafunc.config.stash[JUDGED]
        names = list(judged)
        metafunc.parametrize("conformance_run", names, ids=names, indirect=True, scope="session")


def instance_of(item: pytest.Item) -> Instance | None:
    """Returns the case of a test function, as its version of the specification asks it.

    None if the function is no case, or that version does not ask it.
    """
    if not _is_case(item):
        return None
    case: Case = item.function.__case__  # type: ignore[attr-defined]  # because: just looked for
    parameters = dict(item.callspec.params)  # type: ignore[attr-defined]  # because: parametrised by us
    del parameters["conformance_run"]
    instance = next(one for one in instances_of(case) if one.parameters == parameters)
    return instance.under(judged_by(item).settings.specification)


def _is_case(item: pytest.Item) -> bool:
    return hasattr(getattr(item, "function", None), "__case__")


def judged_by(item: pytest.Item) -> Judged:
    """Returns the target that a case's test function judges."""
    name = item.callspec.params["conformance_run"]  # type: ignore[attr-defined]  # because: as above
    return item.config.stash[JUDGED][name]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Orders the cases by target, and by phase within each; drops those that are not asked."""
    if _UNJUDGED in config.stash:
        raise pytest.UsageError(_NO_TARGET)
    newer = [item for item in items if _is_case(item) and instance_of(item) is None]
    if newer:
        config.hook.pytest_deselected(items=newer)
        items[:] = [item for item in items if item not in newer]
    judged: dict[str, Judged] = config.stash[JUDGED]
    names = list(judged)
    places: list[int] = []
    cases: list[tuple[tuple[int, int], pytest.Item]] = []
    for place, item in enumerate(items):
        instance = instance_of(item)
        if instance is None:
            continue
        item.extra_keyword_matches.update([*instance.case.requirements, instance.id])
        places.append(place)
        order = (names.index(judged_by(item).subject.name), instance.case.phase)
        cases.append((order, item))
    cases.sort(key=lambda one: one[0])
    for place, (_, item) in zip(places, cases, strict=True):
        items[place] = item


def pytest_collection_finish(session: pytest.Session) -> None:
    """Plans what each target will be asked for: a deselected case never starts early."""
    for item in session.items:
        instance = instance_of(item)
        if instance is not None:
            judged_by(item).planned.append(instance)


@pytest.fixture(scope="session")
def conformance_run(request: pytest.FixtureRequest) -> Iterator[Probing]:
    """Keeps the run of one target open from its first case to its last."""
    judged = request.config.stash[JUDGED][request.param]
    session = Session(judged.subject, judged.settings, judged.planned, (judged.on_event,))
    session.result.selectable = selectable()
    session.result.selected = frozenset(one.id for one in judged.planned)
    judged.session = session
    with event_loop() as loop:
        try:
            complete(loop, session.start())
            yield Probing(session, loop)
        except KeyboardInterrupt:
            session.interrupt(INTERRUPTED)
            raise
        finally:
            complete(loop, session.finish())
    judged.tell_late()


@dataclass(frozen=True)
class Probing:
    """The session of a target, and the event loop that it runs in."""

    session: Session
    loop: asyncio.AbstractEventLoop


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Finishes the run of a target with its last case.

    pytest would do so as it sets up the first case of the next target, which would then not be run.
    """
    judge: CaseJudge | None = getattr(item, "funcargs", {}).get("probe") if _is_case(item) else None
    last = judge is not None and judge.finish_if_last()
    yield
    if last:
        judged_by(item).tell_late()


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
            pytest.fail(session.result.unusable or "the target delivers nothing", pytrace=False)
        result = complete(loop, session.judge(self._instance))
        self._item.stash[_RESULT] = result
        if result.outcome == "not_claimed":
            pytest.skip(f"not claimed: {result.message}")
        if result.outcome != "passed":
            raise NotConformant(
                failure_text(result, session.name, session.result.settings.docs_url)
            )


@pytest.fixture
def probe(request: pytest.FixtureRequest, conformance_run: Probing) -> CaseJudge:
    """Gives a case's test function its judge."""
    instance = instance_of(request.node)
    if instance is None:
        raise pytest.UsageError("the fixture `probe` is for cases of eventhook_conformance")
    session = conformance_run.session
    reason = instance.unmet(session.capabilities)
    if reason is not None and not session.stopped:
        session.skip(instance, reason)
        pytest.skip(f"not claimed: {reason}")
    return CaseJudge(conformance_run, instance, request.node)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if instance_of(item) is None:
        return
    session = judged_by(item).session
    if session is not None and session.stopped:
        pytest.skip(f"not run: {session.result.unusable or 'the target delivers nothing'}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, NotConformant):
        report.longrepr = str(call.excinfo.value)
    if call.when == "call" and _RESULT in item.stash:
        # A case that started early took longer than pytest waited for it.
        report.duration = item.stash[_RESULT].duration_s
        if is_worker(item.config):
            mark_result(report, item.stash[_RESULT])
    return report


class _Listener:
    """Hears the reports of all tests, from workers too."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        judged: dict[str, Judged] = self._config.stash[JUDGED]
        target = target_of(report.nodeid, judged)
        if target is not None:
            judged[target].collected.take_report(report)
        elif report.failed:
            self._config.stash[_REPORTING].take_failure_of_others()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives each target to one worker, whatever `--dist` says."""
    judged: dict[str, Judged] = config.stash[JUDGED]
    return scheduler_for(config, log, list(judged))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Notes which cases the workers are to run."""
    judged: dict[str, Judged] = node.config.stash[JUDGED]
    for one in ids:
        target = target_of(one, judged)
        if target is not None:
            judged[target].collected.planned.add(case_of(one, target))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """Takes the results of a worker that came to its end."""
    judged: dict[str, Judged] = node.config.stash[JUDGED]
    output = getattr(node, "workeroutput", {}).get(OUTPUT)
    for name, content in json.loads(output).items() if output else ():
        judged[name].collected.take_output(content)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Tells results to the controller, or writes reports and decides on the exit status."""
    config = session.config
    judged: dict[str, Judged] = config.stash[JUDGED]
    if is_worker(config):
        config.workeroutput[OUTPUT] = output_of(  # type: ignore[attr-defined]  # because: a worker has it
            {name: result for name, one in judged.items() for result in one.results()}
        )
        return
    unrun = {name: missing for name, one in judged.items() if (missing := one.unrun())}
    for name, missing in unrun.items():
        for result in judged[name].results():
            result.suite_failure = (
                result.suite_failure
                or f"pytest ended early: {counted(len(missing), 'case')} not run"
            )
    reporting = config.stash[_REPORTING]
    reporting.finish([result for one in judged.values() for result in one.results()], unrun)
    session.exitstatus = reporting.exit_status(session.exitstatus)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if _REPORTING in config.stash:
        config.stash[_REPORTING].tell(terminalreporter)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Prints the verdicts where pytest ended without a summary."""
    terminal = config.pluginmanager.getplugin("terminalreporter")
    if terminal is not None and _REPORTING in config.stash:
        config.stash[_REPORTING].tell(terminal)
