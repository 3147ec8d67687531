"""Concurrent cases: the promises to a target, and to a reader, still hold."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engine.hostile import CLAIMS, Hostile, before, instance, new_session
from eventhook_conformance.contract import EventPattern, StreamingBackend
from eventhook_conformance.engine.events import CaseFinished, CaseStarted, EngineEvent
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.engine.resolve_target import ResolvedTarget, find_target
from eventhook_conformance.engine.runner import (
    cases_for,
    in_order,
    judge,
    judge_cases,
    judge_subject,
)
from eventhook_conformance.engine.scheduler import Scheduler
from eventhook_conformance.engine.session import Session
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Probe
from eventhook_conformance.probe.turns import lending
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Body, Instance
from eventhook_conformance.target import Target
from eventhook_reference.memory import target as memory
from eventhook_reference.mutants import ZOO
from eventhook_reference.mutants.base import Event, Member, PliableBus, PliableClient

SKELETON = Path(__file__).parents[2] / "examples/drivers/skeleton/driver.py"
_CROWDED = Settings(at_once=12)


def named(identifier: str, body: Body, clients: int = 0) -> Instance:
    """Returns a case made by hand, one of several of the same body."""
    made = instance(body)
    return replace(made, id=identifier, case=replace(made.case, clients=clients))


class FarClient(PliableClient):
    """A client whose publish takes some time, as over a network."""

    under_way = 0
    most = 0

    async def publish(self, side: Side, event: Event) -> None:
        FarClient.under_way += 1
        FarClient.most = max(FarClient.most, FarClient.under_way)
        try:
            await asyncio.sleep(0.006)
            await super().publish(side, event)
        finally:
            FarClient.under_way -= 1


@pytest.mark.slow
def test_same_verdict_is_reached_however_many_run_at_once() -> None:
    alone, together = judge(memory), judge(memory, _CROWDED)
    assert together.verdict == "conformant", [c.message for c in together.cases if c.message]
    assert {case.id: case.outcome for case in together.cases} == {
        case.id: case.outcome for case in alone.cases
    }


@pytest.mark.parametrize(
    "name", ["swallows-the-first", "hears-others-twice", "loses-every-hundredth"]
)
def test_broken_bus_is_caught_at_the_same_requirement(name: str) -> None:
    mutant = next(one for one in ZOO if one.name == name)
    cases = cases_for(mutant.caught_by)
    result = judge(mutant.target(), Settings(arrival_timeout_s=1.0, at_once=12), cases)
    failed = {one.requirement.id for one in result.requirement_results() if one.outcome == "failed"}
    assert set(mutant.caught_by) <= failed


def test_target_whose_round_trip_is_long_meets_several_at_once() -> None:
    FarClient.most = 0
    bus = PliableBus()

    @asynccontextmanager
    async def open_client() -> AsyncIterator[StreamingBackend]:
        yield FarClient(bus)

    async def publish(probe: Probe) -> None:
        await probe.publish(probe.make.event(probe.make.tenant()))

    cases = [named(f"own::case_{n}", publish) for n in range(8)]
    run = new_session(Target("far", open=open_client), Settings(settle_s=0.0), cases)
    asyncio.run(judge_cases(run, cases))
    assert run.result.verdict != "non-conformant"
    assert FarClient.most > 1


async def _cancel_once(run: Session, cases: list[Instance], begun: asyncio.Event) -> None:
    judging = asyncio.create_task(judge_cases(run, cases))
    await begun.wait()
    judging.cancel()
    await asyncio.wait({judging})


def test_interrupted_run_reports_cases_that_are_through_though_one_before_them_is_not() -> None:
    all_but_one = asyncio.Event()

    async def publish(probe: Probe) -> None:
        if probe.history.case == "own::case_0":
            await asyncio.Event().wait()
        await probe.publish(probe.make.event(probe.make.tenant()))

    async def last(probe: Probe) -> None:
        await publish(probe)
        all_but_one.set()

    cases = [named(f"own::case_{n}", publish) for n in range(4)]
    cases.append(named("own::last", last))
    run = new_session(memory, Settings(at_once=5, settle_s=0.0), cases)
    asyncio.run(_cancel_once(run, cases, all_but_one))
    assert {one.id for one in run.result.cases} >= {f"own::case_{n}" for n in range(1, 4)}
    assert {one.outcome for one in run.result.cases} == {"passed"}
    assert run.result.verdict == "inconclusive"


def test_near_target_meets_one_case_at_a_time() -> None:
    inside: list[str] = []

    async def body(probe: Probe) -> None:
        inside.append(probe.history.case)
        assert len(inside) == 1
        await probe.publish(probe.make.event(probe.make.tenant()))
        inside.pop()

    cases = [named(f"own::case_{n}", body) for n in range(3)]
    run = new_session(Hostile().target, Settings(settle_s=0.0), cases)
    asyncio.run(judge_cases(run, cases))
    assert [case.outcome for case in run.result.cases] == ["passed"] * 3


@pytest.mark.parametrize(("at_once", "most"), [(None, 3), (2, 2), (1, 1)])
def test_cases_of_http_streams_wait_side_by_side_however_near(
    at_once: int | None, most: int
) -> None:
    inside: list[int] = [0]

    async def body(probe: Probe) -> None:
        inside.append(inside[-1] + 1)
        for _ in range(3):
            await probe.publish(probe.make.event(probe.make.tenant()))
            await asyncio.sleep(0)
        inside.append(inside[-1] - 1)

    async def alone(probe: Probe) -> None:
        assert inside[-1] == 0
        await body(probe)

    streams = [named(f"own::stream_{n}", body) for n in range(3)]
    streams = [replace(s, case=replace(s.case, requirements=("SSE-01",))) for s in streams]
    counting = named("own::counts", alone)
    counting = replace(counting, case=replace(counting.case, exclusive="counts"))
    claims = replace(CLAIMS, profiles={*CLAIMS.profiles, "sse"})
    target = replace(Hostile().target, capabilities=claims)
    cases = in_order([*streams, counting, named("own::other", alone)])
    run = new_session(target, Settings(settle_s=0.0, at_once=at_once), cases)
    asyncio.run(judge_cases(run, cases))
    assert {case.id: case.outcome for case in run.result.cases} == {
        **{one.id: "passed" for one in (*streams, counting)},
        "own::other": "passed",
    }
    assert max(inside) == most


def test_cases_of_http_streams_that_wait_give_their_places_to_others() -> None:
    together = asyncio.Barrier(4)

    async def body(probe: Probe) -> None:
        with lending(0.0):
            await asyncio.wait_for(together.wait(), 20)

    streams = [named(f"own::stream_{n}", body) for n in range(4)]
    streams = [replace(s, case=replace(s.case, requirements=("SSE-01",))) for s in streams]
    claims = replace(CLAIMS, profiles={*CLAIMS.profiles, "sse"})
    target = replace(Hostile().target, capabilities=claims)
    run = new_session(target, Settings(settle_s=0.0), streams, limits=Limits(stream_cases=2))
    asyncio.run(judge_cases(run, streams))
    assert {case.outcome for case in run.result.cases} == {"passed"}


@pytest.mark.parametrize("claimed", [4, 8])
def test_no_more_clients_are_open_than_a_target_claims_to_bear(claimed: int) -> None:
    hostile = Hostile(capabilities=replace(CLAIMS, max_clients=claimed))
    most = 0

    async def open_two(probe: Probe) -> None:
        nonlocal most
        await probe.publish(probe.make.event(probe.make.tenant()), via="other")
        await probe.open_client()
        await probe.open_client()
        for _ in range(20):  # turns in which the others may open theirs
            most = max(most, hostile.opened - hostile.closed)
            await asyncio.sleep(0)

    cases = [named(f"own::case_{n}", open_two, clients=2) for n in range(5)]
    run = new_session(hostile.target, Settings(settle_s=0.0, at_once=5), cases)
    asyncio.run(judge_cases(run, cases))
    assert [case.outcome for case in run.result.cases] == ["passed"] * 5
    assert most == claimed
    assert hostile.opened == hostile.closed


def test_case_is_judged_again_where_another_broke_its_client() -> None:
    breaking = asyncio.Event()
    tries = 0

    async def hang(probe: Probe) -> None:
        client = await probe.client()
        client.distrust("publish hung", probe.history)
        breaking.set()
        probe.found("publish to return", "it does not")

    async def suffer(probe: Probe) -> None:
        nonlocal tries
        tries += 1
        client = await probe.client("other")  # the other case's first client
        await breaking.wait()
        if client.tainted:
            probe.found("an event to come", "nothing of it")

    cases = [named("own::suffers", suffer), named("own::hangs", hang)]
    run = new_session(Hostile().target, Settings(settle_s=0.0, at_once=2), cases)
    asyncio.run(judge_cases(run, cases))
    assert {case.id: case.outcome for case in run.result.cases} == {
        "own::suffers": "passed",
        "own::hangs": "failed",
    }
    assert tries == 2


def test_what_nobody_asks_for_is_ended() -> None:
    ended: list[str] = []

    async def wait(probe: Probe) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(probe.history.case)

    async def pass_(probe: Probe) -> None:
        await probe.subscribe(EventPattern.all(probe.make.tenant()))

    hostile = Hostile()
    planned = [named("own::first", pass_), named("own::second", wait)]
    run = new_session(hostile.target, Settings(settle_s=0.0, at_once=2), planned)

    async def stopped_early() -> None:
        try:
            await run.start()
            assert (await run.judge(planned[0])).outcome == "passed"
        finally:
            await run.finish()

    asyncio.run(stopped_early())
    assert ended == ["own::second"]
    assert [case.id for case in run.result.cases] == ["own::first"]
    assert hostile.opened == hostile.closed


@pytest.mark.parametrize("together", [True, False])
def test_cases_under_way_when_a_driver_fails_run_alone_once_more(together: bool) -> None:
    first, second = (named(f"own::case_{n}", before) for n in range(2))

    async def run() -> list[bool]:
        ends: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def judge_one(one: Instance) -> CaseResult:
            if together and one is first:
                with lending(0.0):  # so that the second begins
                    await ends
            if one is second:
                scheduler.disturb()
                ends.set_result(None)
            return CaseResult(id=one.id, requirements=(), outcome="failed")

        scheduler = Scheduler(judge_one, 1, 1, 2, 100, 2, multi_client=True)
        scheduler.start([first, second])
        return [scheduler.doubts(one, await scheduler.result(one)) for one in (first, second)]

    assert asyncio.run(run()) == [together, together]


@pytest.mark.parametrize("in_a_hurry", [False, True])
def test_case_starts_beside_a_busy_one_only_where_most_waits_are_in_vain(in_a_hurry: bool) -> None:
    async def publish(probe: Probe) -> None:
        raise NotImplementedError

    waits, busy, third = (named(f"own::{name}", publish) for name in ("waits", "busy", "third"))

    async def run() -> list[str]:
        begun: list[str] = []
        end = asyncio.Event()

        async def judge_one(one: Instance) -> CaseResult:
            begun.append(one.id)
            if one is waits:
                for _ in range(2):  # each begins a case, if one may begin
                    with lending(0.0):
                        for _ in range(5):
                            await asyncio.sleep(0)
                seen.extend(begun)
                end.set()
            elif one is busy:
                await end.wait()
            return CaseResult(id=one.id, requirements=(), outcome="failed")

        seen: list[str] = []
        scheduler = Scheduler(
            judge_one, 1, 1, 3, 100, 2, multi_client=True, in_a_hurry=lambda: in_a_hurry
        )
        scheduler.start([waits, busy, third])
        for one in (waits, busy, third):
            await scheduler.result(one)
        return seen

    assert ("own::third" in asyncio.run(run())) is in_a_hurry


def test_driver_meets_one_case_at_a_time_however_many_were_asked_for() -> None:
    at_once, most = 0, 0

    async def body(probe: Probe) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await probe.publish(probe.make.event(probe.make.tenant()))
        at_once -= 1

    skeleton = find_target(f"driver:{sys.executable} {SKELETON}")
    cases = [named(f"own::case_{n}", body) for n in range(4)]
    run = new_session(skeleton, Settings(settle_s=0.0, at_once=4), cases)
    asyncio.run(judge_cases(run, cases))
    assert [case.outcome for case in run.result.cases] == ["passed"] * 4
    assert most == 1


class NeverArrives(PliableClient):
    """The first event arrives, and no event of a case."""

    def hand(self, member: Member, event: Event) -> None:
        if event.event_type != "lost.one":
            super().hand(member, event)


async def waits_for_what_is_lost(probe: Probe) -> None:
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    event = probe.make.event(tenant, "lost.one")
    await probe.publish(event)
    await listener.receive(event)


def overlapping(target: Target, count: int, settings: Settings) -> tuple[RunResult, int]:
    """Runs cases whose waits run out; returns the most that ran at once."""
    under_way = most = 0

    def watch(event: EngineEvent) -> None:
        nonlocal under_way, most
        under_way += isinstance(event, CaseStarted) - isinstance(event, CaseFinished)
        most = max(most, under_way)

    cases = [named(f"own::{number}", waits_for_what_is_lost) for number in range(count)]
    subject = ResolvedTarget(target.name, target, target.capabilities)
    return judge_subject(subject, settings, cases, [watch]), most


@pytest.mark.parametrize(("at_once", "most"), [(None, 4), (1, 1)], ids=["overlap", "asked-not-to"])
def test_waits_of_different_cases_on_a_near_target_overlap(at_once: int | None, most: int) -> None:
    settings = Settings(arrival_timeout_s=2.0, settle_s=0.0, at_once=at_once)
    count = 5 if most > 1 else 2
    result, seen = overlapping(Hostile(NeverArrives).target, count, settings)
    assert [case.outcome for case in result.cases] == ["failed"] * count
    assert seen >= most if most > 1 else seen == 1


def test_a_case_that_others_may_have_helped_runs_again_alone() -> None:
    """A bus that hands an event over with the next publish loses the last one, whatever runs beside."""

    class HandsOverWithTheNext(PliableClient):
        def hand(self, member: Member, event: Event) -> None:
            held = self.bus.memory.setdefault("held", [])
            if event.event_type == "lost.one":
                held.append((member, event))
                return
            for one in held:
                super().hand(*one)
            held.clear()
            super().hand(member, event)

    async def publishes(probe: Probe) -> None:
        tenant = probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant))
        event = probe.make.event(tenant, "next.one")
        await probe.publish(event)
        await listener.receive(event)

    target = Hostile(HandsOverWithTheNext).target
    lost = [named(f"own::lost-{number}", waits_for_what_is_lost) for number in range(2)]
    cases = [*lost, named("own::next", publishes)]
    subject = ResolvedTarget(target.name, target, target.capabilities)
    result = judge_subject(subject, Settings(arrival_timeout_s=2.0, settle_s=0.0), cases)
    assert {case.id: case.outcome for case in result.cases} == {
        "own::lost-0": "failed",
        "own::lost-1": "failed",
        "own::next": "passed",
    }
