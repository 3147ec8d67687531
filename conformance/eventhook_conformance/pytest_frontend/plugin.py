"""The pytest plugin: `pytest --pyargs eventhook_conformance --target X` judges a target in any pytest run.

pytest sees each case as a test function of its own, once for each target. A fixture of the session keeps
the run of a target (its clients, its parked subscriptions), so that the vendor's flags keep their meaning.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from eventhook_conformance.engine.events import INTERRUPTED
from eventhook_conformance.engine.resolve_target import TargetNotFound, resolve
from eventhook_conformance.engine.runner import selectable
from eventhook_conformance.engine.session import Session
from eventhook_conformance.event_loop import complete, event_loop
from eventhook_conformance.pytest_frontend.case_items import (
    CaseModule,
    EmptyModule,
    instance_of,
    is_case,
    judged_by,
)
from eventhook_conformance.pytest_frontend.case_judge import RESULT, CaseJudge, Probing
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
from eventhook_conformance.pytest_frontend.judged import (
    JUDGED,
    JudgedTarget,
    NotConformant,
    empty_result,
    settings_of,
)
from eventhook_conformance.pytest_frontend.reporting import Reporting
from eventhook_conformance.report.text import counted

PACKAGE: Final = Path(__file__).parent.parent
CASES: Final = PACKAGE / "cases"

_REPORTING: Final[pytest.StashKey[Reporting]] = pytest.StashKey()
_NO_TARGET: Final = "the cases need something to judge: give --target TARGET"
_UNJUDGED: Final[pytest.StashKey[bool]] = pytest.StashKey()
"""Set where cases were asked for, but no target."""


def pytest_configure(config: pytest.Config) -> None:
    settings = settings_of(config)
    try:
        subjects = [resolve(name, settings.profiles) for name in config.getoption("--target")]
    except TargetNotFound as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[JUDGED] = {
        one.name: JudgedTarget(one, settings, Collected(empty_result(one, settings)))
        for one in subjects
    }
    if is_controller(config) and not subjects:
        raise pytest.UsageError(_NO_TARGET)
    if not is_worker(config):
        config.stash[_REPORTING] = Reporting(config, settings)
        config.pluginmanager.register(_Listener(config))


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
    empty: EmptyModule = EmptyModule.from_parent(parent, path=module_path)
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
        judged: dict[str, JudgedTarget] = metafunc.config.stash[JUDGED]
        names = list(judged)
        metafunc.parametrize("conformance_run", names, ids=names, indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Orders the cases by target, and by phase within each; drops those that are not asked."""
    if _UNJUDGED in config.stash:
        raise pytest.UsageError(_NO_TARGET)
    newer = [item for item in items if is_case(item) and instance_of(item) is None]
    if newer:
        config.hook.pytest_deselected(items=newer)
        items[:] = [item for item in items if item not in newer]
    judged: dict[str, JudgedTarget] = config.stash[JUDGED]
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
    session = Session(
        judged.subject, judged.settings, judged.planned, (judged.on_event,), confirms=False
    )
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Finishes the run of a target with its last case.

    pytest would do so as it sets up the first case of the next target, which would then not be run.
    """
    judge: CaseJudge | None = getattr(item, "funcargs", {}).get("probe") if is_case(item) else None
    last = judge is not None and judge.finish_if_last()
    yield
    if last:
        judged_by(item).tell_late()


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
        pytest.skip(f"not run: {session.why_stopped}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, NotConformant):
        report.longrepr = str(call.excinfo.value)
    if call.when == "call" and RESULT in item.stash:
        # A case that started early took longer than pytest waited for it.
        report.duration = item.stash[RESULT].duration_s
        if is_worker(item.config):
            mark_result(report, item.stash[RESULT])
    return report


class _Listener:
    """Hears the reports of all tests, from workers too."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        judged: dict[str, JudgedTarget] = self._config.stash[JUDGED]
        target = target_of(report.nodeid, judged)
        if target is not None:
            judged[target].collected.take_report(report)
        elif report.failed:
            self._config.stash[_REPORTING].take_failure_of_others()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives each target to one worker, in spite of `--dist`."""
    judged: dict[str, JudgedTarget] = config.stash[JUDGED]
    return scheduler_for(config, log, list(judged))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Notes which cases the workers are to run."""
    judged: dict[str, JudgedTarget] = node.config.stash[JUDGED]
    for one in ids:
        target = target_of(one, judged)
        if target is not None:
            judged[target].collected.planned.add(case_of(one, target))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """Takes the results of a worker that came to its end."""
    judged: dict[str, JudgedTarget] = node.config.stash[JUDGED]
    output = getattr(node, "workeroutput", {}).get(OUTPUT)
    for name, content in json.loads(output).items() if output else ():
        judged[name].collected.take_output(content)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Tells results to the controller, or writes reports and decides on the exit status."""
    config = session.config
    judged: dict[str, JudgedTarget] = config.stash[JUDGED]
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
