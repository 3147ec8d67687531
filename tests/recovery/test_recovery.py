"""The recovery profile: its verdicts, undecided cases, order of cases, and leftovers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.contract import StreamingBackend, Unsupported
from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.faults import kinds
from eventhook_conformance.kit import NatsServer
from eventhook_conformance.results import RunResult, exit_code
from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Instance
from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import Target
from eventhook_reference import nats_targets
from eventhook_reference.mutants.base_nats import pliable_nats_target
from eventhook_reference.mutants.recovering import Reconnecting

pytestmark = [pytest.mark.nats]

IDENTIFIERS = [one.id for one in requirements().values() if one.group == "REC"]
ON_ONE_NODE = [one for one in IDENTIFIERS if one != "REC-11"]
"""REC-11 loses one node of several."""
QUICK = Settings(arrival_timeout_s=1.0, settle_s=0.0)
KILLED = "recovery::standing_subscriptions_deliver_again[killed]"
PAUSED = "recovery_lasting::a_client_works_on_after_a_call_that_timed_out"
BEFORE = "publish::first_event_is_never_lost[same]"


def some(*identifiers: str) -> list[Instance]:
    return [catalog()[one] for one in identifiers]


def outcomes(result: RunResult) -> dict[str, str]:
    return {case.id: case.outcome for case in result.cases}


def descendants() -> set[str]:
    """Returns the processes that this one has started, directly or not, and that still run."""
    parents: dict[str, str] = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit() and fields[0] != "Z":
            parents[entry.name] = fields[1]

    def ours(pid: str | None) -> bool:
        while pid is not None and pid != str(os.getpid()):
            pid = parents.get(pid)
        return pid is not None

    return {pid for pid, parent in parents.items() if ours(parent)}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to look for leftovers")
@pytest.mark.parametrize(
    "target", [nats_targets.recovery, nats_targets.cluster], ids=lambda t: t.name
)
def test_reference_recovers_and_nothing_is_left(target: Target, tmp_path: Path) -> None:
    processes, files = descendants(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # because: shorter
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(tmp_path))
        result = judge(target, instances=cases_for(IDENTIFIERS))
    claimed = IDENTIFIERS if target is nats_targets.cluster else ON_ONE_NODE
    assert {outcomes(result)[one.id] for one in cases_for(claimed)} == {"passed"}
    assert [r.requirement.id for r in result.requirement_results() if r.outcome == "passed"] == (
        claimed
    )
    assert descendants() == processes
    assert len(os.listdir("/proc/self/fd")) <= files  # noqa: PTH208  # because: shorter
    assert list(tmp_path.iterdir()) == []


def test_every_requirement_has_a_mutant_and_a_case() -> None:
    caught = {one for mutant in registered_mutants().values() for one in mutant.caught_by}
    assert set(IDENTIFIERS) <= caught
    for identifier in IDENTIFIERS:
        assert cases_for([identifier]), identifier


def test_cluster_claims_less_than_one_server() -> None:
    assert nats_targets.cluster.capabilities.activation == "client"
    assert nats_targets.recovery.capabilities.activation == "bus"


class Unkillable(NatsServer):
    """It takes the order, and lives on."""

    async def kill(self) -> None: ...
    async def restart(self) -> None: ...


class Unstoppable(NatsServer):
    async def pause(self) -> None:
        raise Unsupported("this one cannot be paused")


def test_a_fault_that_is_not_seen_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_SEEN_WITHIN_S", 0.1)
    target = replace(nats_targets.recovery, server=Unkillable)
    result = judge(target, QUICK, some(KILLED))
    (case,) = result.cases
    assert (case.outcome, case.blame) == ("error", "suite")
    assert "the server killed was asked for, but not seen" in (case.message or "")
    assert exit_code([result]) == 3


def test_what_the_server_cannot_do_is_not_claimed() -> None:
    result = judge(replace(nats_targets.recovery, server=Unstoppable), QUICK, some(PAUSED))
    (case,) = result.cases
    assert (case.outcome, case.message) == ("not_claimed", "this one cannot be paused")


def test_who_goes_round_the_proxy_is_undecided() -> None:
    address = ""

    class Known(NatsServer):
        async def __aenter__(self) -> Known:
            nonlocal address
            await super().__aenter__()
            address = self.address
            return self

    @asynccontextmanager
    async def connect(_: str) -> AsyncIterator[StreamingBackend]:
        assert nats_targets.recovery.connect is not None
        async with nats_targets.recovery.connect(address) as client:
            yield client

    target = replace(nats_targets.recovery, server=Known, connect=connect)
    (case,) = judge(target, QUICK, some(KILLED)).cases
    assert case.outcome == "error"
    assert "did not connect through the proxy" in (case.message or "")


def test_faults_come_last_when_nothing_else_is_open() -> None:
    clients = 0
    seen: list[int] = []

    class Watched(NatsServer):
        async def kill(self) -> None:
            seen.append(clients)
            await super().kill()

    @asynccontextmanager
    async def connect(address: str) -> AsyncIterator[StreamingBackend]:
        nonlocal clients
        assert nats_targets.recovery.connect is not None
        async with nats_targets.recovery.connect(address) as client:
            clients += 1
            try:
                yield client
            finally:
                clients -= 1

    target = replace(nats_targets.recovery, server=Watched, connect=connect)
    result = judge(target, QUICK, some(KILLED, BEFORE))
    assert list(outcomes(result).items()) == [(BEFORE, "passed"), (KILLED, "passed")]
    assert seen == [2, 2]
    assert clients == 0


def test_turns() -> None:
    turns = {one.case.phase for one in catalog().values()}
    assert turns == {0, 1, 2, 3}
    assert all(one.case.phase == 3 and one.case.last for one in cases_for(IDENTIFIERS))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_the_mutants_are_made_from_recovers() -> None:
    target = pliable_nats_target("reconnecting", Reconnecting)
    result = judge(target, instances=cases_for(ON_ONE_NODE))
    assert set(outcomes(result).values()) == {"passed"}
