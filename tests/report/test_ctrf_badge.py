"""CTRF and the badge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from checker.builder import Timeline
from eventhook_conformance.report.badge import badge
from eventhook_conformance.report.ctrf import ctrf
from eventhook_conformance.results import RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import specification_version
from eventhook_conformance.target import Capabilities
from report import made

SCHEMA = json.loads(Path(__file__).with_name("ctrf.schema.json").read_text(encoding="utf-8"))


def valid(*results: RunResult) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(ctrf(results, now_s=1_700_000_000.0))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(report, SCHEMA)
    return report


def test_ctrf_of_everything() -> None:
    report = valid(made.of_everything())["results"]
    by_name = {test["name"]: test for test in report["tests"]}
    assert by_name["made::PUB-01"]["status"] == "passed"
    assert by_name["made::PUB-01"]["duration"] == 12
    assert by_name["made::broken"]["status"] == "failed"
    assert by_name["made::broken"]["tags"] == ["PUB-02"]
    assert "again" in by_name["made::broken"]["trace"]
    assert by_name["made::undecided"]["status"] == "other"
    assert by_name["made::streams"]["status"] == "skipped"
    assert by_name["made::slow"]["status"] == "other"
    assert by_name["the suite came to its end"]["status"] == "failed"
    summary = report["summary"]
    assert summary["tests"] == len(report["tests"])
    assert sum(summary[one] for one in ("passed", "failed", "skipped", "other")) == summary["tests"]
    assert (summary["start"], summary["stop"]) == (1_699_999_998_500, 1_700_000_000_000)
    assert report["environment"]["healthy"] is False
    assert set(report["environment"]["extra"]["run"]) >= {"date", "host", "python", "versions"}


def test_ctrf_of_a_conformant_target_has_no_failure() -> None:
    report = valid(made.all_pass())["results"]
    assert report["summary"]["failed"] == report["summary"]["other"] == 0
    assert report["environment"]["healthy"] is True


def test_ctrf_of_an_unusable_target_is_not_green() -> None:
    assert valid(made.result(unusable="no"))["results"]["summary"]["failed"] == 1


@pytest.mark.parametrize(
    ("results", "message", "color"),
    [
        ([made.all_pass()], "events 1.1", "brightgreen"),
        ([made.all_pass(), made.all_pass()], "events 1.1", "brightgreen"),
        ([made.result(made.failed(Timeline()))], "events 1.1: non-conformant", "red"),
        ([made.result(unusable="no")], "events 1.1: inconclusive", "yellow"),
        ([made.all_pass(), made.result()], "events 1.1: 1 conformant, 1 inconclusive", "yellow"),
        (
            [made.all_pass(), made.result(made.failed(Timeline())), made.result()],
            "events 1.1: 1 conformant, 1 non-conformant, 1 inconclusive",
            "red",
        ),
    ],
)
def test_badge(results: list[RunResult], message: str, color: str) -> None:
    found = json.loads(badge(results))
    assert found == {
        "schemaVersion": 1,
        "label": "eventhook",
        "message": message.replace("1.1", specification_version()),
        "color": color,
    }


@pytest.mark.parametrize("narrowed", [{"selection": "PUB-01"}, {"profiles": ("events",)}])
def test_a_partial_run_earns_no_badge(narrowed: dict[str, Any]) -> None:
    result = made.all_pass()
    result.settings = Settings(**narrowed)
    assert json.loads(badge([made.all_pass(), result]))["message"] == "partial run"
    failed = made.result(made.failed(Timeline()), settings=result.settings)
    assert json.loads(badge([failed]))["message"] == "events 1.1: non-conformant"


def test_the_badge_and_ctrf_name_the_version_that_was_asked() -> None:
    older = made.result(made.passed(), settings=Settings(specification="1.0"))
    assert json.loads(badge([older]))["message"].startswith("events 1.0")
    assert valid(older)["results"]["tool"]["extra"] == {"specification": "1.0"}


def test_a_badge_names_the_profiles_that_all_claim_in_their_order() -> None:
    both = made.result(capabilities=Capabilities(profiles={"streams", "events"}))
    assert json.loads(badge([both]))["message"].startswith("events+streams 1.")
    assert json.loads(badge([both, made.all_pass()]))["message"].startswith("events 1.")
    streams = made.result(capabilities=Capabilities(profiles={"streams"}))
    assert json.loads(badge([made.all_pass(), streams]))["message"].startswith("no common profile")
