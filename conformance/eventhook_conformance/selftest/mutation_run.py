"""Runs the suite against every mutant of a target's own modules; a survivor is a missing check.

The suite is loaded once. Each mutant has a process of its own, forked from there: it loads the target with
one module changed, runs the cases, and stops at the first breach.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.resolve_target import resolve
from eventhook_conformance.engine.runner import in_order
from eventhook_conformance.engine.selection import selector
from eventhook_conformance.engine.session import Session
from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.results import CaseResult
from eventhook_conformance.selftest.operators import Mutation, mutated, mutations
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import requirements

Fate: TypeAlias = Literal["killed", "survived", "timed out", "unusable"]

SETTINGS: Final = Settings(arrival_timeout_s=1.0, settle_s=0.2)
LIMIT_S: Final = 60.0
"""How long a mutant may run; one that runs longer is caught too: a run of the suite would end it."""


@dataclass(frozen=True)
class MutantFate:
    """The suite's answer to one mutant."""

    module: str
    mutation: Mutation
    fate: Fate
    reason: str
    """The requirement and the message of the first breach, or why there is none."""


class NoSource(Exception):
    """A module has no source to mutate; the message is one line."""


def examine_mutants(
    target: str,
    modules: Sequence[str],
    *,
    selection: str | None = None,
    workers: int | None = None,
    limit_s: float = LIMIT_S,
) -> Iterator[MutantFate]:
    """Examines every mutant of these modules; gives each answer as it comes.

    Args:
        target: as `run` takes it.
        modules: importable names of modules that the target is made of.
        selection: a `-k` expression that narrows the cases.
        workers: how many processes at a time; None: one for each processor.
        limit_s: how long one mutant may run, in seconds.

    Raises:
        NoSource: a module cannot be found, or is not Python source.
        WrongSelection: `selection` cannot be read.
    """
    selector(selection, target)
    tasks = [
        (module, number, mutation)
        for module in modules
        for number, mutation in enumerate(mutations(_source(module)))
    ]
    for module in modules:
        _unload(module)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        waiting = {
            pool.submit(_examine_apart, (target, module, number, selection), limit_s): (
                module,
                mutation,
            )
            for module, number, mutation in tasks
        }
        try:
            for done in as_completed(waiting):
                module, mutation = waiting[done]
                fate, reason = done.result()
                yield MutantFate(module, mutation, fate, reason)
        finally:
            pool.shutdown(cancel_futures=True)


def _source(module: str) -> str:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError) as error:
        raise NoSource(f"expected a module, got {module!r} ({error})") from error
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise NoSource(f"expected a module with Python source, got {module!r}")
    return Path(spec.origin).read_text(encoding="utf-8")


def _unload(module: str) -> None:
    """Forgets the package of a module, so that each child loads the target anew."""
    package = module.partition(".")[0]
    for name in [one for one in sys.modules if one == package or one.startswith(package + ".")]:
        del sys.modules[name]


def _examine_apart(task: tuple[str, str, int, str | None], limit_s: float) -> tuple[Fate, str]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_examine, args=(theirs, *task), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(limit_s):
            return "timed out", f"it still ran after {limit_s:g} s"
        fate: tuple[Fate, str] = ours.recv()
        return fate
    except EOFError:
        return "unusable", "its process died"
    finally:
        process.kill()
        process.join()
        ours.close()


def _examine(answer: Any, target: str, module: str, number: int, selection: str | None) -> None:
    """Runs in a child: loads the target with one module changed, and judges it."""
    os.setpgrp()
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        sys.meta_path.insert(0, _MutatedModule(module, number))
        try:
            answer.send(_judge(target, selection))
        except BaseException as error:  # because: whatever a mutant raises is an answer
            answer.send(("unusable", f"{type(error).__name__}: {error}"))
    answer.close()
    os._exit(0)


def _judge(target: str, selection: str | None) -> tuple[Fate, str]:
    subject = resolve(target)
    selects = selector(selection, target)
    cases = in_order(
        one
        for one in catalog().values()
        if one.unmet(subject.capabilities) is None and selects(one)
    )
    session = Session(subject, SETTINGS, cases, confirms=False)

    async def run_to_the_first_breach() -> None:
        try:
            await session.start()
            for case in cases:
                if session.stopped or (await session.judge(case)).violations:
                    break
        finally:
            await session.finish()

    run_in_loop(run_to_the_first_breach(), close_limit_s=1.0)
    if session.result.unusable is not None:
        return "unusable", session.result.unusable
    return _fate(session.result.cases)


def _fate(results: Sequence[CaseResult]) -> tuple[Fate, str]:
    must = {one.id for one in requirements().values() if one.level == "MUST"}
    for violation in (violation for case in results for violation in case.violations):
        if not must.isdisjoint(violation.requirements):
            return "killed", f"{', '.join(violation.requirements)}: {violation.message}"
    for case in results:
        if case.outcome == "error":
            return "unusable", case.message or "a case could not be decided"
    return "survived", "no breach was seen"


class _MutatedModule(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module with one mutation."""

    def __init__(self, module: str, number: int) -> None:
        self._module = module
        self._number = number

    def find_spec(
        self, fullname: str, path: Any = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)
        if found is None or found.origin is None:
            return None
        spec = importlib.util.spec_from_file_location(fullname, found.origin, loader=self)
        if spec is not None and found.submodule_search_locations is not None:
            spec.submodule_search_locations = found.submodule_search_locations
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        code = compile(mutated(source, self._number), str(module.__file__), "exec")
        exec(code, module.__dict__)  # noqa: S102  # because: it is the module itself, changed in one place
