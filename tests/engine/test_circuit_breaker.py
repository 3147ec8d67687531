"""A run over a target that does nothing any more ends soon, and says why."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.hostile import Hostile, before, by_name, examine, instance
from eventhook_conformance.engine.circuit_breaker import CircuitBreaker
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.results import CaseResult, RunResult, exit_code
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
BROKEN = Path(__file__).parents[1] / "driver" / "broken"
MANY = 60


def run_many(client: type[PliableClient], limits: Limits | None = None) -> RunResult:
    many = [instance(before, f"PUB-{number % 9 + 1:02}") for number in range(MANY)]
    cases = [type(one)(**{**vars(one), "id": f"own::{n}"}) for n, one in enumerate(many)]
    return examine(Hostile(client).target, cases, limits=limits)


class Breaks(PliableClient):
    """Works for six publishes of all clients, and then not any more."""

    def broken(self) -> bool:
        count = self.bus.memory["published"] = self.bus.memory.get("published", 0) + 1
        return bool(count > 6)


class RaisesFromThenOn(Breaks):
    def check(self, side: Side, event: Event) -> None:
        super().check(side, event)
        if self.broken():
            raise RuntimeError("internal error")


class HangsFromThenOn(Breaks):
    async def publish(self, side: Side, event: Event) -> None:
        if self.broken():
            await asyncio.get_running_loop().create_future()
        await super().publish(side, event)


class SilentFromThenOn(Breaks):
    def hand(self, member: Member, event: Event) -> None:
        if not self.broken():
            super().hand(member, event)


@pytest.mark.parametrize(
    ("client", "why"),
    [
        (
            RaisesFromThenOn,
            "the target stopped working (expected publish to succeed; seen: it raised",
        ),
        (HangsFromThenOn, "the target stopped working (expected publish to return"),
        (SilentFromThenOn, "the target stopped delivering anything, after own::"),
    ],
)
def test_a_target_that_works_no_more_is_not_asked_for_the_rest(
    client: type[PliableClient], why: str
) -> None:
    result = run_many(client)
    skipped = [one for one in result.cases if (one.message or "").startswith("not run: ")]
    assert len(skipped) >= MANY / 3  # some run beside each other until it is known
    assert why in (skipped[0].message or "")
    assert {(one.outcome, one.blame) for one in skipped} == {("error", "target")}
    assert result.verdict == "non-conformant"
    assert exit_code([result]) == 1


@pytest.mark.asyncio
async def test_no_case_starts_while_the_target_is_checked() -> None:
    asked = asyncio.Event()
    answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    async def check() -> str | None:
        asked.set()
        return await answer

    breaker = CircuitBreaker(check, Limits(failures_before_check=1))
    failed = CaseResult(id="own::1", requirements=("PUB-01",), outcome="failed", duration_s=0.0)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(breaker.record(failed))
        await asked.wait()
        next_one = tasks.create_task(breaker.why_open())
        await asyncio.sleep(0)
        assert not next_one.done()
        answer.set_result("it is dead")
    assert next_one.result() == "it is dead, after own::1 at the latest"


class FailsEveryCase(PliableClient):
    """Delivers all of it twice, and works on."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        super().hand(member, event)


def test_a_target_that_fails_every_case_is_judged_by_all_as_long_as_it_works() -> None:
    result = run_many(FailsEveryCase)
    assert {one.outcome for one in result.cases} == {"failed"}
    assert len(by_name(result)) == MANY


def test_one_that_is_slow_as_well_is_not() -> None:
    result = run_many(FailsEveryCase, Limits(hopeless_s=0.0))
    first = next(one for one in result.cases if one.outcome == "error")
    assert "not run: the 24 cases up to own::23 did not pass, and took 0 s" in (first.message or "")


def test_a_few_that_take_for_ever_are_enough() -> None:
    result = run_many(FailsEveryCase, Limits(slow_s=0.0))
    first = next(one for one in result.cases if one.outcome == "error")
    assert "not run: the 3 cases up to own::2 did not pass, and took 0 s" in (first.message or "")


@pytest.mark.asyncio
@pytest.mark.parametrize(("starved_s", "opens"), [(0.0, True), (10_000.0, False)])
async def test_time_without_a_processor_makes_no_target_slow(starved_s: float, opens: bool) -> None:
    async def works() -> str | None:
        return None

    readings = iter([0.0])
    limits = Limits(hopeless_cases=2, hopeless_s=60.0)
    breaker = CircuitBreaker(works, limits, lambda: next(readings, starved_s))
    for number in range(2):
        failed = CaseResult(
            id=f"own::{number}", requirements=("PUB-01",), outcome="failed", duration_s=100.0
        )
        await breaker.record(failed)
    assert (breaker.reason is not None) is opens


@pytest.mark.slow
def test_a_driver_that_fails_to_do_anything_ends_in_bounded_time(tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "run", f"driver:{sys.executable} {BROKEN / 'gives_in.py'}", "-q"],
        cwd=tmp_path,
        env={**os.environ, "GAVE_IN": str(tmp_path / "gave-in")},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode in (1, 3), done.stdout + done.stderr
    assert "skeleton: " in done.stdout
