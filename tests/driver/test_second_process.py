"""A second process of a target: when there is one, and the message if there is none."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from eventhook_conformance.engine.resolve_target import ResolvedTarget, resolve
from eventhook_conformance.engine.runner import cases_for, judge, judge_subject
from eventhook_conformance.report.console import claims
from eventhook_conformance.results import RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference.memory import target as memory

QUICK = Settings(arrival_timeout_s=1.0, settle_s=0.0)


def claiming(processes: bool | None) -> Target:
    return replace(memory, capabilities=Capabilities(processes=processes))


def told(result: RunResult) -> tuple[str, str]:
    """Returns the outcome of PUB-27, and why."""
    found = {one.requirement.id: one for one in result.requirement_results()}["PUB-27"]
    return found.outcome, found.reason or "; ".join(one.message or "" for one in result.cases[:1])


def test_a_bus_in_memory_is_asked_for_no_second_process() -> None:
    outcome, reason = told(judge(claiming(None), QUICK, cases_for(["PUB-27"])[:1]))
    assert (outcome, reason) == (
        "not_claimed",
        "processes: a bus without a server lives in its process",
    )


def test_a_bus_that_claims_no_processes_is_not_asked() -> None:
    result = judge(claiming(False), QUICK, cases_for(["PUB-27"])[:1])
    assert told(result) == ("not_claimed", "needs processes=True, claimed is False")


def test_a_claim_of_a_target_without_a_name_stays_undecided() -> None:
    target = replace(claiming(True), name="of no name")
    outcome, reason = told(judge(target, QUICK, cases_for(["PUB-27"])[:1]))
    assert outcome == "error"
    assert "no name by which a second process finds it" in reason


@pytest.mark.parametrize("processes", [True, False])
def test_a_claim_is_told_in_reports(processes: bool) -> None:
    assert claims(Capabilities(processes=processes)) == f"events streams, processes={processes}"
    assert claims(Capabilities()) == "events streams"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "outcome", "reason"),
    [
        (None, "not_claimed", "hears nothing of the first one"),
        (True, "failed", "which was active and asked for it"),
    ],
)
def test_a_bus_in_the_memory_of_a_driver_fails_only_if_it_claims_more(
    processes: bool | None, outcome: str, reason: str
) -> None:
    driver = resolve(f"driver:{sys.executable} -m eventhook_conformance driver memory")
    capabilities = replace(driver.capabilities, processes=processes)
    subject = ResolvedTarget(driver.name, driver.target, capabilities)
    found = told(judge_subject(subject, QUICK, cases_for(["PUB-27"])[:1]))
    assert found[0] == outcome
    assert reason in found[1]


_ENTERED_HERE = """
from contextlib import asynccontextmanager
from eventhook_conformance import Capabilities, Server, Target
from eventhook_reference.memory import MemoryBackend, MemoryBus

shared = {}

@asynccontextmanager
async def server():
    shared["bus"] = MemoryBus()
    running = Server()
    running.address = "memory://"
    yield running

@asynccontextmanager
async def connect(address):
    backend = MemoryBackend(shared["bus"])
    yield backend
    await backend.aclose()

target = Target("entered-here", server=server, connect=connect)
"""


@pytest.mark.slow
def test_a_server_in_the_memory_of_its_process_is_not_asked_for_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "entered_here.py").write_text(_ENTERED_HERE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    subject = resolve("entered_here:target")
    outcome, reason = told(judge_subject(subject, QUICK, cases_for(["PUB-27"])[:1]))
    assert outcome == "not_claimed"
    assert "no client could be opened in a second process" in reason
