"""The mutants of publish sites: one for each site and flaw, each wrong at its site and nowhere else."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.selftest.examine import examine
from eventhook_conformance.sequences import scenarios
from eventhook_fixtures import load
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.lifecycle.service import LifecycleService
from eventhook_reference.mutants.lifecycle_sites import (
    CHILD_CREATED,
    KINDS,
    LIFECYCLE_SITES,
    SITES,
    site_of,
)
from lifecycle.recording import RecordingBackend


def published(name: str) -> list[FlovynEvent]:
    backend = RecordingBackend()

    async def play() -> None:
        execution = await LifecycleService(backend, Registry()).prepare(
            scenarios()[name].raw, uuid4()
        )
        await execution.proceed()

    asyncio.run(play())
    return backend.told


def test_every_place_that_publishes_is_a_site() -> None:
    types = {row["event_type"] for row in load("lifecycle_names")["names"]}
    assert set(SITES) == types | {CHILD_CREATED}
    seen = {site_of(event) for name in scenarios() for event in published(name)}
    assert seen == set(SITES)


def test_every_site_has_a_mutant_for_each_flaw_that_can_show_there() -> None:
    wanted = sum(kind.applies(site) for site in SITES for kind in KINDS)
    assert len({mutant.name for mutant in LIFECYCLE_SITES}) == len(LIFECYCLE_SITES) == wanted
    assert len(KINDS) == 9
    everywhere = {kind.name for kind in KINDS if all(map(kind.applies, SITES))}
    assert everywhere == {"workflow", "snapshot", "no-twin", "twin-key", "twin-time"}


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_one_of_each_kind_is_killed(kind: str) -> None:
    mutant = next(one for one in LIFECYCLE_SITES if one.name.startswith(f"site-{kind}-task-"))
    finding = examine(mutant)
    assert finding.good, f"{finding.judgement}: charged {finding.charged}; {finding.message}"
