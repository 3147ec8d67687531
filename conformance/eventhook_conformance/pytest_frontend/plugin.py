"""The pytest plugin: `pytest --pyargs eventhook_conformance --target X` runs the cases in anyone's run.

pytest sees each case as a test function of its own, once per target. What a run shares (the target's
clients, what is parked) is a fixture of the session, so that the vendor's flags keep their meaning.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from eventhook_conformance.cases import instances_of
from eventhook_conformance.engine.resolve_target import TargetNotFound, find_target
from eventhook_conformance.engine.runner import not_claimed, selectable
from eventhook_conformance.engine.session import Run
from eventhook_conformance.engine.smoke_test import smoke
from eventhook_conformance.probe.client_pool import TargetUnusable
from eventhook_conformance.report.failure import failure_text
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Case, Instance

PACKAGE: Final = Path(__file__).parent.parent
CASES: Final = PACKAGE / "cases"
RUNS: Final[pytest.StashKey[dict[str, Run]]] = pytest.StashKey()
_UNJUDGED: Final[pytest.StashKey[bool]] = pytest.StashKey()
"""Set where cases were asked for, but no target."""

_TOOK: Final[pytest.StashKey[float]] = pytest.StashKey()
"""How long a case took, in seconds."""
_SCOPE_UNSET: Final = 'The configuration option "asyncio_default_fixture_loop_scope" is unset'
LEFT_OUT: Final[pytest.StashKey[Callable[[Case], bool]]] = pytest.StashKey()
"""Which cases need no test function; by default each has one, skipped where it does not apply."""


class NotConformant(Exception):
    """A case failed; the message is the whole explanation."""


class CaseModule(pytest.Module):
    """A module of cases, whose functions are cases whatever their names."""

    def _getobj(self) -> Any:
        return importlib.import_module(f"eventhook_conformance.cases.{self.path.stem}")

    def istestfunction(self, obj: object, name: str) -> bool:
        case = getattr(obj, "__case__", None)
        left_out = self.config.stash.get(LEFT_OUT, None)
        return case is not None and not (left_out and left_out(case))

    def istestclass(self, obj: object, name: str) -> bool:
        return False


def make_run(name: str, settings: Settings) -> Run:
    """The run of a target by name, its claims narrowed by the settings; nothing is opened yet.

    Raises:
        TargetNotFound: there is no such target, or it does not claim a profile that was asked for.
    """
    target = find_target(name)
    capabilities = target.capabilities
    if settings.profiles:
        try:
            capabilities = capabilities.narrowed(settings.profiles)
        except ValueError as error:
            raise TargetNotFound(f"target {name!r}: {error}") from error
    return Run(target, capabilities, settings, name)


class _Passed(pytest.Module):
    """A module of ours as pytest itself would collect it, where a vendor calls every file a test."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        return []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("eventhook-conformance")
    group.addoption(
        "--target",
        action="append",
        default=[],
        metavar="TARGET",
        help="event bus to judge: a registered name, module:attribute or driver:COMMAND "
        "(repeatable); "
        "with --pyargs eventhook_conformance",
    )
    group.addoption("--eventhook-profile", action="append", default=[], metavar="P")
    group.addoption("--eventhook-seed", type=int, default=Settings.seed, metavar="N")
    group.addoption(
        "--eventhook-timeout", type=float, default=Settings.arrival_timeout_s, metavar="SECONDS"
    )
    group.addoption("--eventhook-settle", type=float, default=Settings.settle_s, metavar="SECONDS")
    group.addoption("--eventhook-at-once", type=int, default=Settings.at_once, metavar="N")
    group.addoption("--eventhook-browser", action="store_true")
    group.addoption("--eventhook-examples", type=int, default=Settings.examples, metavar="N")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--target") or config.inipath is None:
        # Before pytest-asyncio looks: our fixtures name their loop, and a project without settings has
        # it only through us. One that has settings of its own is told in its own runs.
        warnings.filterwarnings("ignore", message=_SCOPE_UNSET)
    config.addinivalue_line(
        "markers", "needs(**capabilities): applies only where the target claims one of these values"
    )
    if RUNS in config.stash:
        return
    option = config.getoption
    settings = Settings(
        seed=option("--eventhook-seed"),
        arrival_timeout_s=option("--eventhook-timeout"),
        settle_s=option("--eventhook-settle"),
        at_once=option("--eventhook-at-once"),
        examples=option("--eventhook-examples"),
        profiles=tuple(option("--eventhook-profile")),
        selection=option("keyword") or None,
        browser=option("--eventhook-browser"),
    )
    try:
        config.stash[RUNS] = {name: make_run(name, settings) for name in option("--target")}
    except TargetNotFound as error:
        raise pytest.UsageError(str(error)) from error


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Nothing of the package but its cases is collected, whatever the vendor calls a test file."""
    if collection_path.is_file() and PACKAGE in collection_path.parents:
        return collection_path.parent != CASES or collection_path.name.startswith("_")
    return None


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    """pytest's own look at our modules finds nothing: `CaseModule` has all there is."""
    if module_path.parent != CASES:
        return None
    passed: _Passed = _Passed.from_parent(parent, path=module_path)
    return passed


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CaseModule | None:
    if file_path.parent != CASES or file_path.suffix != ".py" or file_path.name.startswith("_"):
        return None
    if not parent.config.stash[RUNS]:
        parent.config.stash[_UNJUDGED] = True
        return None
    module: CaseModule = CaseModule.from_parent(
        parent, path=file_path, nodeid=f"eventhook_conformance/cases/{file_path.name}"
    )
    return module


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if hasattr(metafunc.function, "__case__"):
        runs: dict[str, Run] = metafunc.config.stash[RUNS]
        metafunc.parametrize(
            "conformance_run", list(runs), ids=list(runs), indirect=True, scope="session"
        )


def instance_of(item: pytest.Item) -> Instance | None:
    """What the suite knows of a test function, None if it is no case."""
    if not hasattr(getattr(item, "function", None), "__case__"):
        return None
    case: Case = item.function.__case__  # type: ignore[attr-defined]  # because: just looked for
    parameters = dict(item.callspec.params)  # type: ignore[attr-defined]  # because: parametrised by us
    del parameters["conformance_run"]
    return next(one for one in instances_of(case) if one.parameters == parameters)


def run_of(item: pytest.Item) -> Run:
    """The run that a case's test function belongs to."""
    name = item.callspec.params["conformance_run"]  # type: ignore[attr-defined]  # because: as above
    return item.config.stash[RUNS][name]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Orders the cases: by target, and in their turns within each."""
    if _UNJUDGED in config.stash:
        raise pytest.UsageError("the cases need something to judge: give --target TARGET")
    runs = config.stash[RUNS]
    targets = list(runs)
    places: list[int] = []
    cases: list[tuple[tuple[int, int], pytest.Item]] = []
    for place, item in enumerate(items):
        instance = instance_of(item)
        if instance is None:
            continue
        item.extra_keyword_matches.update([*instance.case.requirements, instance.id])
        places.append(place)
        cases.append(((targets.index(run_of(item).name), instance.case.phase), item))
    for run in runs.values():
        run.result.selectable = selectable()
    cases.sort(key=lambda one: one[0])
    for place, (_, item) in zip(places, cases, strict=True):
        items[place] = item


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tells each run what it will be asked for: what was deselected is never begun."""
    planned: dict[str, list[Instance]] = {}
    for item in session.items:
        instance = instance_of(item)
        if instance is not None and instance.unmet(run_of(item).capabilities) is None:
            planned.setdefault(run_of(item).name, []).append(instance)
    for name, run in session.config.stash[RUNS].items():
        run.planned = planned.get(name, ())


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    instance = instance_of(item)
    if instance is None:
        return
    run = run_of(item)
    if run.result.unusable or run.result.silent:
        pytest.skip(f"not run: {run.result.unusable or 'the target delivers nothing'}")
    reason = instance.unmet(run.capabilities)
    if reason is not None:
        run.note(not_claimed(instance, reason))
        pytest.skip(f"not claimed: {reason}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def conformance_run(request: pytest.FixtureRequest) -> AsyncIterator[Run]:
    """The run of one target: its clients are open from the first case to the last."""
    run = request.config.stash[RUNS][request.param]
    before: dict[str, int] = {}
    try:
        try:
            await smoke(run)
        except TargetUnusable as unusable:
            run.result.unusable = f"target {run.name!r} cannot be used: {unusable}"
        yield run
        before = {case.id: len(case.violations) for case in run.result.cases}
    finally:
        await run.finish()
    late = [case for case in run.result.cases if len(case.violations) > before[case.id]]
    if late:
        raise NotConformant(
            "what came after their end fails these cases:\n\n"
            + "\n\n".join(failure_text(case, run.name) for case in late)
        )


class Judge:
    """What a case's test function gets as `probe`: the run hands its body the real one."""

    def __init__(self, run: Run, instance: Instance, item: pytest.Item) -> None:
        self._run = run
        self._instance = instance
        self._item = item

    async def judge(self) -> None:
        """Runs the case; raises what the reader of a failed test needs to see."""
        __tracebackhide__ = True
        if self._run.result.unusable or self._run.result.silent:
            pytest.fail(self._run.result.unusable or "the target delivers nothing", pytrace=False)
        result = await self._run.judge(self._instance)
        self._item.stash[_TOOK] = result.duration_s
        if result.outcome == "not_claimed":
            pytest.skip(f"not claimed: {result.message}")
        if result.outcome != "passed":
            raise NotConformant(failure_text(result, self._run.name))


@pytest.fixture
def probe(request: pytest.FixtureRequest, conformance_run: Run) -> Judge:
    """How a case acts and observes."""
    instance = instance_of(request.node)
    if instance is None:
        raise pytest.UsageError("the fixture `probe` is for cases of eventhook_conformance")
    return Judge(conformance_run, instance, request.node)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, NotConformant):
        report.longrepr = str(call.excinfo.value)
    if call.when == "call" and _TOOK in item.stash:
        # A case that began before its turn took longer than pytest waited for it.
        report.duration = item.stash[_TOOK]
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for run in config.stash[RUNS].values():
        if run.result.cases or run.result.unusable:
            terminalreporter.section(f"conformance of {run.name}")
            terminalreporter.line(f"verdict: {run.result.verdict}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A run that tested nothing, or left a claim untested, is no success."""
    runs = session.config.stash[RUNS].values()
    if exitstatus == pytest.ExitCode.OK and any(
        run.result.cases and run.result.verdict == "inconclusive" for run in runs
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
