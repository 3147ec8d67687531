"""The accounts of a run: charges, late arrivals, and cases that never run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.hostile import (
    Hostile,
    after,
    before,
    by_name,
    examine,
    instance,
    new_session,
    outcomes,
)
from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.engine.events import (
    CaseFinished,
    CaseGoesOn,
    CaseStarted,
    EngineEvent,
    ResultRevised,
    RunFinished,
)
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.engine.runner import judge_cases
from eventhook_conformance.engine.session import Session
from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.probe import Probe
from eventhook_conformance.probe.starvation import StarvationMeter
from eventhook_conformance.results import exit_code
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Exclusive
from eventhook_conformance.target import Capabilities
from eventhook_reference.mutants.base import Event, Member, PliableClient

PATIENT = Settings(arrival_timeout_s=0.3, settle_s=0.3)


async def listen(probe: Probe) -> None:
    """Hears one event and stays."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    await probe.publish(probe.make.event(tenant, "late.event"))
    await probe.fence(listener)


# Silence


class Silent(PliableClient):
    def hand(self, member: Member, event: Event) -> None:
        """Loses it."""


def test_silent_target_breaks_pub_01_and_nothing_else_is_run() -> None:
    hostile = Hostile(Silent)
    result = examine(hostile.target)
    (smoke,) = result.cases
    assert smoke.id == "smoke::something_arrives"
    assert smoke.outcome == "failed"
    assert smoke.blame == "target"
    assert smoke.requirements == ("PUB-01",)
    assert "nothing was delivered, so nothing else was run" in (smoke.message or "")
    assert result.silent
    assert result.unusable is None
    assert result.verdict == "non-conformant"
    assert exit_code([result]) == 1
    assert hostile.opened == hostile.closed == 1


def test_silent_target_without_events_breaks_str_06() -> None:
    claims = Capabilities(profiles={"streams"})
    result = examine(Hostile(Silent, capabilities=claims).target, [])
    assert result.cases[0].violations[0].requirements == ("STR-06",)


def test_target_that_loses_the_first_event_only_is_not_silent() -> None:
    class Sleepy(PliableClient):
        awake = False

        def hand(self, member: Member, event: Event) -> None:
            if self.awake:
                super().hand(member, event)
            self.awake = True

    result = examine(Hostile(Sleepy).target)
    assert not result.silent
    assert set(outcomes(result).values()) == {"passed"}


# Late arrivals


class RepeatsLater(PliableClient):
    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if getattr(event, "event_type", "") == "late.event":
            asyncio.get_running_loop().call_later(0.1, member.channel.push, event)


def test_late_repeat_is_charged_to_its_case_by_the_audit() -> None:
    result = examine(Hostile(RepeatsLater).target, [before, listen, after], settings=PATIENT)
    assert outcomes(result) == {"before": "passed", "listen": "failed", "after": "passed"}
    case = by_name(result)["listen"]
    assert [one.requirements for one in case.violations] == [("PUB-02",)]
    assert case.blame == "target"
    assert "delivered again" in (case.message or "")
    assert case.decided


class Overtaken(PliableClient):
    """One event is set aside, and comes when others have passed it; or never, where it waits for ever."""

    waits_s: float | None = 0.0
    aside = False

    def hand(self, member: Member, event: Event) -> None:
        mine = getattr(event, "event_type", "") == "late.event"
        if mine and self.waits_s != 0:
            if self.waits_s is not None:
                loop = asyncio.get_running_loop()
                loop.call_later(self.waits_s, super().hand, member, event)
        elif mine:
            self.aside = True
            self.kept = event
        else:
            super().hand(member, event)
            if self.aside:
                self.aside = False
                super().hand(member, self.kept)


def overtaken(waits_s: float | None) -> Hostile:
    made = type("Made", (Overtaken,), {"waits_s": waits_s})
    return Hostile(made)


@pytest.mark.parametrize("exclusive", [None, "counts"], ids=["parked", "alone"])
def test_what_stands_right_behind_its_overtaker_is_reordered_and_not_lost(
    exclusive: Exclusive | None,
) -> None:
    case = instance(listen, "PUB-12", implicates={"lost", "lost-first"}, exclusive=exclusive)
    result = examine(overtaken(0.0).target, [case], settings=PATIENT)
    (found,) = by_name(result)["listen"].violations
    assert found.requirements == ("PUB-06",)
    assert "got #2 (suite.fence, by c1) first" in found.message


def test_what_comes_to_a_parked_subscription_is_not_charged_as_lost_any_more() -> None:
    case = instance(listen, "PUB-12", implicates={"lost", "lost-first"})
    result = examine(overtaken(0.1).target, [case], settings=PATIENT)
    (found,) = by_name(result)["listen"].violations
    assert found.requirements == ("PUB-06",)
    assert by_name(result)["listen"].message == found.message


def test_what_never_comes_stays_lost() -> None:
    result = examine(overtaken(None).target, [listen], settings=PATIENT)
    (found,) = by_name(result)["listen"].violations
    assert found.requirements == ("PUB-01", "PUB-04")
    assert "came instead" in found.message


async def wait_for_it(probe: Probe) -> None:
    """Waits for the one event that it publishes."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    event = probe.make.event(tenant, "late.event")
    await probe.publish(event)
    await listener.receive(event)


def test_what_comes_after_the_time_it_was_given_stays_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # On a busy machine the time that it is given would be longer, and is still far below two seconds.
    monkeypatch.setattr(StarvationMeter, "read", lambda _: 0.0)
    short = Settings(arrival_timeout_s=0.1, settle_s=2.2)
    result = examine(overtaken(2.0).target, [wait_for_it], settings=short)
    (found,) = by_name(result)["wait_for_it"].violations
    assert found.requirements == ("PUB-01", "PUB-04")
    assert "nothing of it within 0.1 s" in found.message


def test_what_the_case_found_itself_is_never_withdrawn() -> None:
    async def states(probe: Probe) -> None:
        await listen(probe)
        probe.found("something else", "nothing", charge=("PUB-19",))

    result = examine(overtaken(0.1).target, [instance(states)], settings=PATIENT)
    charged = [one.requirements for one in by_name(result)["states"].violations]
    assert sorted(charged) == [("PUB-06",), ("PUB-19",)]


class LeaksLater(PliableClient):
    """Delivers each tenant's events to the first tenant that ever subscribed too, 100 ms later."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if getattr(event, "event_type", "") == "late.event":
            elsewhere = self.bus.members[0]
            if elsewhere is not member:
                asyncio.get_running_loop().call_later(0.1, elsewhere.channel.push, event)


def test_late_leak_between_cases_names_both() -> None:
    result = examine(Hostile(LeaksLater).target, [before, listen, after], settings=PATIENT)
    assert outcomes(result) == {"before": "failed", "listen": "passed", "after": "passed"}
    case = by_name(result)["before"]
    assert case.violations[0].requirements == ("TEN-01",)
    assert "published by the case own::listen" in (case.message or "")


def test_settling_time_is_what_catches_it() -> None:
    short = Settings(arrival_timeout_s=0.3, settle_s=0.0)
    result = examine(Hostile(RepeatsLater).target, [listen], settings=short)
    assert outcomes(result) == {"listen": "passed"}


# Parking


def test_parked_subscriptions_keep_to_the_budget_and_the_oldest_leave_first() -> None:
    hostile = Hostile(capabilities=Capabilities(max_subscriptions=20))
    parked_at_start: list[int] = []
    tenants: list[list[object]] = []

    async def six(probe: Probe) -> None:
        parked_at_start.append(len(hostile.bus.members))
        tenants.append([member.selects.tenant_id for member in hostile.bus.members])
        tenant = probe.make.tenant()
        for _ in range(6):
            await probe.subscribe(EventPattern.all(tenant))

    examine(hostile.target, [instance(six)] * 4)
    assert parked_at_start == [0, 6, 6, 6]
    assert all(len(set(parked)) == 1 for parked in tenants[1:])
    assert len({parked[0] for parked in tenants[1:]}) == 3
    assert hostile.bus.members == []


def test_case_that_runs_alone_finds_nothing_parked_and_leaves_nothing() -> None:
    hostile = Hostile()
    seen: list[tuple[str, int]] = []

    async def together(probe: Probe) -> None:
        seen.append(("together", len(hostile.bus.members)))
        await listen(probe)

    async def exclusive(probe: Probe) -> None:
        seen.append(("exclusive", len(hostile.bus.members)))
        await listen(probe)

    async def in_order() -> None:
        run = new_session(hostile.target)
        await run.start()
        for body in (together, together, exclusive):
            await run.judge(instance(body, exclusive="counts" if body is exclusive else None))
        seen.append(("end", len(hostile.bus.members)))
        await run.finish()

    asyncio.run(in_order())
    assert seen == [("together", 0), ("together", 1), ("exclusive", 0), ("end", 0)]


def test_what_is_late_for_a_case_that_runs_alone_is_caught_by_its_leaving() -> None:
    """Audits parked subscriptions before such a case; they are no part of its own history."""
    hostile = Hostile(RepeatsLater)

    async def wait_for_the_repeat(probe: Probe) -> None:
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.2, done.set_result, None)
        await done

    async def in_order() -> Session:
        run = new_session(hostile.target)
        await run.start()
        await run.judge(instance(listen))
        await run.judge(instance(wait_for_the_repeat))
        await run.judge(instance(before, exclusive="counts"))
        assert by_name(run.result)["listen"].outcome == "failed"
        await run.finish()
        return run

    result = asyncio.run(in_order()).result
    assert outcomes(result) == {
        "listen": "failed",
        "wait_for_the_repeat": "passed",
        "before": "passed",
    }


def test_cases_that_run_alone_come_first() -> None:
    order: list[str] = []

    async def first(probe: Probe) -> None:
        order.append("first")

    async def second(probe: Probe) -> None:
        order.append("second")

    async def third(probe: Probe) -> None:
        order.append("third")

    examine(Hostile().target, [first, instance(second, exclusive="counts"), third])
    assert order == ["second", "first", "third"]


# Bugs of the suite


async def wrong_case(probe: Probe) -> None:
    """Raises, as a case with a bug does."""
    await listen(probe)
    raise ValueError("no such thing")


def test_bug_of_a_case_is_blamed_on_the_suite() -> None:
    result = examine(Hostile().target, [before, wrong_case, after])
    assert outcomes(result) == {"before": "passed", "wrong_case": "error", "after": "passed"}
    case = by_name(result)["wrong_case"]
    assert case.blame == "suite"
    assert case.message is not None
    assert case.message.startswith("ValueError: no such thing (wrong_case, line ")
    assert case.violations == ()
    assert result.verdict == "inconclusive"
    assert exit_code([result]) == 3


def test_breach_that_a_broken_case_saw_is_the_targets_all_the_same() -> None:
    class Doubles(PliableClient):
        def hand(self, member: Member, event: Event) -> None:
            super().hand(member, event)
            super().hand(member, event)

    result = examine(Hostile(Doubles).target, [wrong_case])
    (case,) = result.cases
    assert case.outcome == "failed"
    assert case.blame == "target"
    assert case.violations[0].requirements == ("PUB-02",)


def test_case_that_never_ends_is_blamed_on_the_suite() -> None:
    async def endless(probe: Probe) -> None:
        await asyncio.get_running_loop().create_future()

    result = examine(Hostile().target, [before, endless, after], limits=Limits(case_s=0.2))
    assert outcomes(result) == {"before": "passed", "endless": "error", "after": "passed"}
    assert by_name(result)["endless"].message == "the case took longer than 0.2 s"
    assert by_name(result)["endless"].blame == "suite"


def publishing_for(duration_s: float) -> Callable[[Probe], Awaitable[None]]:
    async def busy(probe: Probe) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + duration_s
        while loop.time() < until:
            await probe.publish(probe.make.event(probe.make.tenant()))
            await asyncio.sleep(0.001)

    return busy


def test_case_that_takes_long_goes_on_while_its_target_works_and_says_so() -> None:
    told: list[EngineEvent] = []
    cases = [instance(publishing_for(0.7))]
    limits = Limits(case_s=0.5)
    session = new_session(Hostile().target, limits=limits, subscribers=[told.append])
    asyncio.run(judge_cases(session, cases))
    assert outcomes(session.result) == {"busy": "passed"}
    assert [one.case for one in told if isinstance(one, CaseGoesOn)] == [cases[0].id]


def test_case_that_goes_on_and_on_ends() -> None:
    result = examine(Hostile().target, [publishing_for(60)], limits=Limits(case_s=0.03))
    (case,) = result.cases
    assert case.outcome == "error"
    assert (case.message or "").startswith("the case took longer than 0.")


def test_target_that_keeps_a_case_from_ending_is_charged_and_the_run_goes_on() -> None:
    async def swallow() -> None:
        while True:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                continue

    async def kept(probe: Probe) -> None:
        await swallow()

    settings = Settings(arrival_timeout_s=0.2, settle_s=0.0)
    session = new_session(Hostile().target, settings, limits=Limits(case_s=0.2))
    cases = [instance(before), instance(kept), instance(after)]
    run_in_loop(judge_cases(session, cases), close_limit_s=0.2)
    assert outcomes(session.result) == {"before": "passed", "kept": "failed", "after": "passed"}
    message = by_name(session.result)["kept"].message or ""
    assert "one had not within 0.2 s, and did not end when it was cancelled" in message


def test_checker_that_fails_takes_the_verdict_but_not_the_run() -> None:
    def check(*_: object) -> list[Violation]:
        raise IndexError("off by one")

    session = new_session(Hostile().target, checker=check)
    asyncio.run(judge_cases(session, [instance(before), instance(after)]))
    result = session.result
    assert len(result.cases) == 2
    assert result.suite_failure is not None
    assert "IndexError: off by one" in result.suite_failure
    assert result.verdict == "inconclusive"


def test_work_that_a_case_leaves_behind_is_ended() -> None:
    ended: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    async def leaves_work(probe: Probe) -> None:
        probe.spawn(work())
        await asyncio.sleep(0)

    result = examine(Hostile().target, [leaves_work, after])
    assert ended == [True]
    assert set(outcomes(result).values()) == {"passed"}


# Claims, clients and the end


def test_case_that_does_not_apply_is_noted_with_its_reason_and_not_run() -> None:
    claims = Capabilities(in_process=False)
    result = examine(Hostile(capabilities=claims).target, [instance(before, "PUB-14"), after])
    assert outcomes(result) == {"before": "not_claimed", "after": "passed"}
    assert by_name(result)["before"].message == "needs in_process=True, claimed is False"


def test_cases_share_two_clients_and_own_ones_are_closed_with_their_case() -> None:
    hostile = Hostile()

    async def own_client(probe: Probe) -> None:
        client = await probe.open_client()
        tenant = probe.make.tenant()
        listener = await probe.subscribe(EventPattern.all(tenant), via=client)
        await probe.publish(probe.make.event(tenant), via="other")
        await probe.fence(listener)
        assert hostile.opened - hostile.closed == 3

    async def how_many(probe: Probe) -> None:
        assert hostile.opened - hostile.closed == 2

    result = examine(hostile.target, [own_client, how_many])
    assert outcomes(result) == {"own_client": "passed", "how_many": "passed"}
    assert hostile.opened == hostile.closed == 3


def test_finishing_twice_is_fine_and_told_once() -> None:
    hostile = Hostile()
    told: list[EngineEvent] = []

    async def twice() -> None:
        session = new_session(hostile.target, subscribers=[told.append])
        await judge_cases(session, [instance(before)])
        await session.finish()

    asyncio.run(twice())
    assert len([event for event in told if isinstance(event, RunFinished)]) == 1
    assert hostile.opened == hostile.closed == 1


def test_late_arrivals_revise_a_result_by_an_event_of_their_own() -> None:
    told: list[EngineEvent] = []
    session = new_session(Hostile(RepeatsLater).target, PATIENT, subscribers=[told.append])
    asyncio.run(judge_cases(session, [instance(listen)]))
    started, finished, revised = told[1:4]
    assert isinstance(started, CaseStarted)
    assert isinstance(finished, CaseFinished)
    assert isinstance(revised, ResultRevised)
    assert finished.result.outcome == "passed"
    assert revised.before is finished.result
    assert revised.after.outcome == "failed"
    assert session.result.cases == [revised.after]
