"""The reference passes every SSE case, on both buses; and a real browser agrees."""

from __future__ import annotations

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.results import RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import Target
from eventhook_reference.servers import memory_server

SSE = [one.id for one in requirements().values() if one.group == "SSE"]
ELSEWHERE = {"SSE-23", "SSE-24", "SSE-26", "SSE-27", "SSE-28"}
"""They need replicas, or a bus that can be taken away; `nats-replicas` has both."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def broken(result: RunResult) -> list[str]:
    return [
        f"{case.id}: {case.outcome}: {case.message}"
        for case in result.cases
        if case.outcome in ("failed", "error")
    ]


def passed(target: Target, settings: Settings) -> None:
    result = judge(target, settings, cases_for(SSE))
    assert not result.unusable
    assert broken(result) == []
    outcomes = {one.requirement.id: one.outcome for one in result.requirement_results()}
    rest = {one: outcomes[one] for one in SSE if outcomes[one] != "passed"}
    assert set(rest.values()) <= {"not_claimed"}
    assert set(rest) <= ELSEWHERE


def test_memory_server_passes() -> None:
    passed(memory_server, Settings())


@pytest.mark.nats
def test_nats_server_passes() -> None:
    from eventhook_reference.nats_servers import nats_server

    passed(nats_server, Settings())


@pytest.mark.browser
def test_a_real_browser_reads_alike() -> None:
    instances = [one for one in catalog().values() if "browser_reads" in one.id]
    result = judge(memory_server, Settings(browser=True), instances)
    assert broken(result) == []
    assert result.summary["passed"] == len(instances) > 0


def test_a_missing_browser_is_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("EVENTHOOK_BROWSER", raising=False)
    instances = [one for one in catalog().values() if "browser_reads" in one.id]
    result = judge(memory_server, Settings(browser=True), instances)
    assert {case.outcome for case in result.cases} == {"error"}
    assert result.verdict == "inconclusive"
    assert "apt-get install chromium" in str(result.cases[0].message)
