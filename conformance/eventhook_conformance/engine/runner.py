"""Judging a target without pytest, for those who judge many: the zoo, the benchmark of the suite."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.session import Run
from eventhook_conformance.engine.smoke_test import smoke
from eventhook_conformance.probe.client_pool import TargetUnusable
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Instance
from eventhook_conformance.target import Target


def cases_for(identifiers: Collection[str]) -> list[Instance]:
    """The cases made for any of those requirements."""
    return [
        instance
        for instance in catalog().values()
        if not set(identifiers).isdisjoint(instance.case.requirements)
    ]


def judge(
    target: Target, settings: Settings | None = None, instances: Iterable[Instance] | None = None
) -> RunResult:
    """Runs cases (all, if none are given) against a target, in an event loop of its own."""
    chosen = list(catalog().values() if instances is None else instances)
    run = Run(target, target.capabilities, settings or Settings())
    run.result.selectable = selectable()
    asyncio.run(judge_in_loop(run, chosen))
    return run.result


def selectable() -> dict[str, list[str]]:
    """The cases that there are for each requirement."""
    found: dict[str, list[str]] = {}
    for instance in catalog().values():
        for identifier in instance.case.requirements:
            found.setdefault(identifier, []).append(instance.id)
    return found


async def judge_in_loop(run: Run, instances: Iterable[Instance]) -> None:
    """Runs cases in the running loop, in their turns; the result is in the run."""
    try:
        try:
            await smoke(run)
        except TargetUnusable as unusable:
            run.result.unusable = f"target {run.name!r} cannot be used: {unusable}"
        ordered = sorted(instances, key=lambda one: one.case.phase)
        run.planned = [one for one in ordered if one.unmet(run.capabilities) is None]
        for instance in ordered:
            if run.result.unusable or run.result.silent:
                break
            reason = instance.unmet(run.capabilities)
            if reason is None:
                await run.judge(instance)
            else:
                run.note(not_claimed(instance, reason))
    finally:
        await run.finish()


def not_claimed(instance: Instance, reason: str) -> CaseResult:
    """The result of a case that does not apply."""
    return CaseResult(
        id=instance.id,
        requirements=instance.case.requirements,
        outcome="not_claimed",
        message=reason,
    )
