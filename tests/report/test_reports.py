"""The excerpt, the explained failure, the JSON report, and the terminal's output."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import replace
from typing import Any
from uuid import UUID

import jsonschema
import pytest

import eventhook_fixtures
from checker.builder import KEY, TENANT, Timeline, event, token
from eventhook_conformance.checker import Violation, condense
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.report import console
from eventhook_conformance.report.excerpt import excerpt
from eventhook_conformance.report.failure import failure_text, rerun_command
from eventhook_conformance.report.json_report import json_text, to_json
from eventhook_conformance.report.steps import all_entries, cut
from eventhook_conformance.report.text import filled
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification.requirements import requirements, specification_version
from eventhook_conformance.target import Capabilities
from report import made

EVENTS = Capabilities(profiles={"events"})


@pytest.fixture
def at() -> Timeline:
    return Timeline()


def broken(at: Timeline) -> CaseResult:
    """Returns a case that saw its second event before its first, many times."""
    s = at.subscribe()
    burst = at.publishes(30)
    at.deliver(s, *burst[::-1])
    return CaseResult(
        id="publish::keeps_order[10 at once]",
        requirements=("PUB-06", "PUB-15"),
        outcome="failed",
        blame="target",
        violations=tuple(condense(at.judge())),
        history=at.history,
        duration_s=0.25,
    )


def run(*cases: CaseResult, **members: Any) -> RunResult:
    members = {"capabilities": EVENTS, "settings": Settings(), "target": "made", **members}
    return RunResult(cases=list(cases), **members)


def passed(identifier: str = "PUB-01") -> CaseResult:
    return CaseResult(id=f"made::{identifier}", requirements=(identifier,), outcome="passed")


# The excerpt


def test_an_excerpt_is_in_the_order_of_events(at: Timeline) -> None:
    s = at.subscribe(EventPattern(tenant_id=TENANT, source="suite", event_type_prefix="task"))
    a = at.publish(event(data={"n": 1}, workflow_execution_id=UUID(int=3)))
    b = at.publish(event(), outcome="refused")
    b.error, b.purpose = "InvalidEvent: no", "fence"
    at.deliver(s, a)
    at.wait_in_vain(s, b)
    lines = excerpt(at.history, all_entries(at.history))
    assert [line.split(" ms  ")[1] for line in lines] == [
        "c1   subscribe s1 to tenant 00000000: type task, source suite -> active",
        "c1   publish #1 task.created, tenant 00000000, workflow 00000000, data {'n': 1} -> ok",
        "c1   publish #2 task.created, tenant 00000000 (fence) -> refused, InvalidEvent: no",
        "s1   read #1 task.created, tenant 00000000, workflow 00000000, data {'n': 1}",
        "s1   waited 3 s for #2, which did not come",
    ]
    assert lines[0].startswith("     0.00 ms")


def test_streams_faults_and_remarks_have_their_lines(at: Timeline) -> None:
    at.deliver(at.subscribe(KEY), at.publish(token(1)), 5)
    at.over(at.fault())
    remark = at.history.remark("c2", "aclose()")
    remark.result = "closed"
    at.history.remark("c3", "open a client")
    failed = at.enter()
    failed.error = "SubscribeError: no"
    text = "\n".join(excerpt(at.history, all_entries(at.history)))
    for line in (
        "c1   subscribe s1 to the stream run-1 -> active",
        "c1   publish #1 TOKEN 'Hi' on run-1 -> ok",
        "s1   read #1 TOKEN 'Hi' on run-1",
        "s1   read 5",
        "fault begins: the server is killed",
        "fault ends: the server is killed",
        "c2   aclose() -> closed",
        "c3   open a client -> no answer",
        "subscribe s2 to tenant 00000000: all -> failed: SubscribeError: no",
    ):
        assert line in text


def test_how_a_subscription_ended_is_shown_where_it_is_all_there_is(at: Timeline) -> None:
    s = at.subscribe()
    at.close()
    at.end(s, "raised", "KeyError: 'x'")
    at.leave(s)
    lines = [line.split(" ms  ")[1] for line in excerpt(at.history, [s])]
    assert lines == [
        "c1   subscribe s1 to tenant 00000000: all -> active",
        "c1   close, with s1 open",
        "s1   reading ended: KeyError: 'x'",
        "c1   leave s1",
    ]


def test_a_subscription_that_ended_while_the_event_was_published_is_shown(at: Timeline) -> None:
    staying = at.subscribe()
    cause = at.subscribe()
    elsewhere = at.subscribe(EventPattern.all(UUID(int=9)))
    earlier = at.subscribe()
    at.leave(earlier)
    lost = at.call()
    at.leave(cause)
    at.leave(elsewhere)
    at.answer(lost)
    at.deliver(staying, at.publish())
    (violation,) = at.judge()
    lines = [line.split(" ms  ")[1] for line in excerpt(at.history, violation.entries)]
    assert "c1   leave s2" in lines
    assert not any("s3" in line or "s4" in line for line in lines)


def test_an_entry_is_shown_once(at: Timeline) -> None:
    a = at.publish()
    assert len(excerpt(at.history, [a, a, a])) == 1


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("failed: Hung: entering did not return", 37, "failed: Hung: entering did not return"),
        ("failed: Hung: entering did not return", 21, "failed: Hung…"),
        ("failed: Hung: entering did not return", 23, "failed: Hung: entering…"),
        ("a word-that-fills-all-there-is", 12, "a word-that…"),
        ("", 5, ""),
    ],
)
def test_a_line_that_is_too_long_ends_with_a_word_and_an_ellipsis(
    text: str, width: int, shown: str
) -> None:
    assert cut(text, width) == shown
    assert len(shown) <= width


def test_a_failed_entry_is_explained_in_whole_words(at: Timeline) -> None:
    s = at.enter()
    s.error = "Hung: entering did not return, and neither did what came after it"
    violation = Violation("failed", ("PUB-23",), "entering to return", "it hung", (s,))
    case = CaseResult(
        id="own::case",
        requirements=("PUB-23",),
        outcome="failed",
        violations=(violation,),
        history=at.history,
    )
    lines = failure_text(case, "bus").splitlines()
    (line,) = [line for line in lines if "subscribe s1" in line]
    assert len(line) <= 80
    assert line.endswith("failed: Hung…")


def test_a_long_excerpt_is_cut_in_the_middle(at: Timeline) -> None:
    at.publishes(100)
    lines = excerpt(at.history, all_entries(at.history))
    assert len(lines) == 25
    assert lines[12].strip() == "…     (76 more)"
    assert "#1 " in lines[0]
    assert "#100 " in lines[-1]


def test_nothing_makes_no_excerpt(at: Timeline) -> None:
    assert excerpt(at.history, []) == []


@pytest.mark.parametrize("garbage", [None, [], {}, "text", b"", object()])
def test_garbage_is_shown(at: Timeline, garbage: object) -> None:
    at.deliver(at.subscribe(), garbage)
    assert f"{garbage!r:.80}" in "\n".join(excerpt(at.history, all_entries(at.history)))


# The explained failure


def test_a_failure_explains_itself(at: Timeline) -> None:
    case = broken(at)
    text = failure_text(case, "made")
    lines = text.splitlines()
    assert lines[0] == "publish::keeps_order[10 at once]"
    assert max(map(len, lines)) <= 80
    flat = " ".join(text.split())
    assert " ".join(requirements()["PUB-06"].text.split()) in flat
    assert "expected #29 (task.created, by c1) before #30 (task.created, by c1)" in flat
    assert "seen s1 got #30 (task.created, by c1) first (the first of 29 such breaches)" in flat
    assert any(line.endswith("publish #29 task.created, tenant 00000000 -> ok") for line in lines)
    assert any("s1   read #29" in line for line in lines)
    assert lines[-1] == (
        "  again     eventhook-conformance run made -k 'publish::keeps_order[10 at once]'"
    )


def test_every_requirement_charged_has_its_text(at: Timeline) -> None:
    s = at.subscribe()
    _, b = at.publishes(2)
    at.deliver(s, b)
    case = CaseResult(
        id="x::y",
        requirements=("PUB-04",),
        outcome="failed",
        violations=tuple(at.judge()),
        history=at.history,
    )
    text = failure_text(case, "made")
    assert "  PUB-01 " in text
    assert "  PUB-04 " in text


def test_a_breach_that_names_no_entries_shows_the_whole_history(at: Timeline) -> None:
    case = broken(at)
    slow = type(case.violations[0])("failed", ("PUB-19",), "a delay below 50 ms", "80 ms")
    case = replace(case, violations=(slow,))
    text = failure_text(case, "made")
    assert "PUB-19" in text
    assert "publish #1 " in text
    assert "more)" in text


def test_an_undecided_case_names_whom_to_blame() -> None:
    case = CaseResult(
        id="x::y",
        requirements=("PUB-01",),
        outcome="error",
        blame="suite",
        message=f"the case tripped over {'something long ' * 10}",
    )
    text = failure_text(case, "made")
    assert "undecided (blame: suite): the case tripped over" in text
    assert max(map(len, text.splitlines())) <= 80
    silent = replace(case, message=None, blame=None)
    assert "undecided: no reason given" in failure_text(silent, "made")


def test_the_command_to_see_it_again_is_quoted() -> None:
    case = CaseResult(id="x::y[a b]", requirements=("PUB-01",), outcome="failed")
    command = rerun_command(case, "driver:node my bus.js")
    assert command == "eventhook-conformance run 'driver:node my bus.js' -k 'x::y[a b]'"


def test_the_smoke_step_is_not_selected() -> None:
    case = CaseResult(id="smoke::delivers", requirements=("PUB-01",), outcome="failed")
    assert rerun_command(case, "made") == "eventhook-conformance run made"


# The JSON report


def valid(*results: RunResult) -> dict[str, Any]:
    """Returns the report as a reader gets it, after checking it by its schema."""
    report: dict[str, Any] = json.loads(json.dumps(to_json(results), allow_nan=False))
    schema = eventhook_fixtures.schema("report")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(report, schema)
    return report


def test_a_report_of_everything(at: Timeline) -> None:
    undecided = CaseResult(
        id="x::undecided",
        requirements=("PUB-02",),
        outcome="error",
        blame="driver",
        message="it died",
        decided=False,
    )
    left_out = CaseResult(
        id="x::streams",
        requirements=("STR-01",),
        outcome="not_claimed",
        message="profile streams is not claimed",
    )
    result = run(passed(), broken(at), undecided, left_out, kit=("codec",), duration_s=1.5)
    report = valid(result, run(unusable="it cannot be opened"))
    assert report["schema"] == 1
    one, unusable = report["results"]
    assert one["suite"]["name"] == "eventhook-conformance"
    assert one["specification"] == {"version": specification_version()}
    assert one["target"]["name"] == "made"
    assert one["target"]["capabilities"] == EVENTS.to_dict()
    assert one["target"]["kit"] == ["codec"]
    assert one["settings"]["seed"] == 0
    assert one["settings"]["selection"] is None
    assert one["verdict"] == "non-conformant"
    assert one["summary"] == {"passed": 1, "failed": 1, "not_claimed": 1, "errors": 1}
    assert [entry["id"] for entry in one["requirements"]] == list(requirements())
    outcomes = {entry["id"]: entry["outcome"] for entry in one["requirements"]}
    assert (outcomes["PUB-01"], outcomes["PUB-02"]) == ("passed", "error")
    assert (outcomes["PUB-06"], outcomes["STR-01"]) == ("failed", "not_claimed")
    assert outcomes["PUB-03"] == "untested"
    assert unusable["verdict"] == "inconclusive"
    assert unusable["message"] == "it cannot be opened"
    assert unusable["cases"] == []


def test_a_failed_case_in_the_report(at: Timeline) -> None:
    cases = valid(run(passed(), broken(at)))["results"][0]["cases"]
    assert cases[0]["history"] is None
    assert (cases[0]["blame"], cases[0]["message"], cases[0]["violations"]) == (None, None, [])
    failed = cases[1]
    assert (failed["id"], failed["blame"]) == ("publish::keeps_order[10 at once]", "target")
    assert failed["requirements"] == ["PUB-06", "PUB-15"]
    assert failed["duration_s"] == 0.25
    assert [violation["requirement"] for violation in failed["violations"]] == ["PUB-06"]
    assert "such breaches" in failed["violations"][0]["message"]
    assert any("read #29" in line for line in failed["history"])


def test_a_violation_is_reported_for_each_requirement(at: Timeline) -> None:
    s = at.subscribe()
    _, b = at.publishes(2)
    at.deliver(s, b)
    case = replace(passed(), outcome="failed", violations=tuple(at.judge()), history=at.history)
    violations = valid(run(case))["results"][0]["cases"][0]["violations"]
    assert [one["requirement"] for one in violations] == ["PUB-01", "PUB-04"]


def test_a_report_is_one_ascii_document(at: Timeline) -> None:
    result = run(broken(at))
    text = json_text([result])
    assert json.loads(text) == json.loads(json.dumps(to_json([result])))
    assert text.isascii()
    assert text.endswith("}\n")


def test_text_that_utf8_cannot_carry_is_escaped(at: Timeline) -> None:
    at.deliver(at.subscribe(), event(source="\ud800", data="\ud800"))
    case = replace(
        passed(),
        outcome="failed",
        violations=tuple(at.judge()),
        history=at.history,
        message="\ud800",
    )
    assert "\\ud800" in json_text([run(case)])


# The terminal


def test_the_header_prints_claims_and_settings() -> None:
    result = run(
        capabilities=Capabilities(total_order=True, event_capacity=16),
        settings=Settings(seed=7, arrival_timeout_s=1.5, settle_s=0.25, selection="PUB"),
        kit=("codec", "buffer"),
    )
    lines = list(console.header(result))
    text = " ".join(" ".join(lines).split())
    assert lines[0] == f"made  (specification {specification_version()})"
    assert "claims events streams, event_capacity=16, total_order=True" in text
    assert "seed 7, timeout 1.5 s, settle 0.25 s, depth normal, only -k PUB" in text
    assert f"on {platform.node()} (" in text
    assert f"CPython {platform.python_version()}" in text
    assert "kit codec, buffer" in text
    assert max(map(len, lines)) <= 80


def test_plain_claims_are_short() -> None:
    assert console.claims(Capabilities()) == "events streams"


def test_the_body_has_a_line_for_each_group_and_every_failure_in_full(at: Timeline) -> None:
    case = broken(at)
    text = "\n".join(console.body(run(passed(), case)))
    assert "  PUB  " in text
    assert "  STR  " not in text
    assert f"       PUB-06  FAILED  {requirements()['PUB-06'].title}" in text
    assert re.search(r"^       \d+ untested: PUB-02, PUB-03, ", text, re.MULTILINE)
    assert "PUB-01" not in text
    assert "--- 1 of 1  PUB-06 ---" in text
    assert failure_text(case, "made") in text


def test_the_body_names_all_when_asked_to(at: Timeline) -> None:
    del at
    text = "\n".join(console.body(run(passed()), verbose=True))
    assert "PUB-01  passed" in text
    assert "PUB-07  not claimed: needs total_order=True, claimed is False" in text


def test_undecided_cases_are_shown_too() -> None:
    case = CaseResult(
        id="x::y", requirements=("PUB-01",), outcome="error", blame="suite", message="it tripped"
    )
    text = "\n".join(console.body(run(case)))
    assert f"PUB-01  undecided  {requirements()['PUB-01'].title}" in text
    assert "undecided (blame: suite): it tripped" in text


def test_the_verdict_is_one_line(at: Timeline) -> None:
    result = run(passed(), broken(at), duration_s=2.5)
    line = console.verdict(result)
    assert line.startswith("made: non-conformant: 2 requirements hold, 1 does not, ")
    assert "2 cases in 2.50 s" in line
    assert console.colour(result) == "red"
    assert "\n" not in line


def test_an_unusable_target_has_one_clear_line() -> None:
    result = run(unusable="target 'made' cannot be used: opening raised OSError")
    assert console.verdict(result) == "target 'made' cannot be used: opening raised OSError"
    assert console.colour(result) == "yellow"


def test_a_failure_of_the_suite_is_said() -> None:
    assert console.verdict(run(suite_failure="the server did not end")).endswith(
        "; the server did not end"
    )


def test_alike_failures_are_folded_unless_verbose(at: Timeline) -> None:
    case = broken(at)
    twins = [replace(case, id=f"order::{number}") for number in range(5)]
    text = "\n".join(console.body(run(case, *twins)))
    assert "--- 1 of 1  PUB-06  6 cases ---" in text
    assert "  and 5 more alike (-v prints them)" in text
    assert text.count("  history") == 1
    assert "\n".join(console.body(run(case, *twins), verbose=True)).count("  history") == 6


def test_a_known_failure_is_not_printed(at: Timeline) -> None:
    case = broken(at)
    result = run(passed(), case)
    lines = list(console.body(result, is_known=lambda one: one is case))
    assert "  known     1 case came out as recorded in the baseline" in lines
    assert "--- 1 of" not in "\n".join(lines)
    assert list(console.summary(result, is_known=lambda one: one is case)) == []


def test_a_silent_target_is_one_failure(at: Timeline) -> None:
    case = broken(at)
    text = "\n".join(console.body(run(case, silent=True)))
    assert "untested" not in text
    assert "Nothing that was published ever arrived" in text
    assert "--- 1 of 1" in text


def test_a_target_that_fails_nearly_everything_gets_a_hint(at: Timeline) -> None:
    case = broken(at)
    many = [replace(case, id=f"order::{number}") for number in range(9)]
    assert "  hint      Nearly all cases did not pass (10 of 11)." in "\n".join(
        console.body(run(passed(), case, *many))
    )
    assert "hint" not in "\n".join(console.body(run(passed(), case)))


def test_the_summary_names_what_failed_and_the_command(at: Timeline) -> None:
    lines = list(console.summary(run(passed(), broken(at), made.advisory_failure())))
    title = requirements()["PUB-06"].title
    assert lines[1] == f"FAILED     PUB-06  {title}, 1 case"
    assert lines[2].startswith("FAILED     PUB-19  ")
    assert "(SHOULD), 1 case" in " ".join(" ".join(lines[2:]).split())
    assert lines[-1] == "again      eventhook-conformance run made -k 'PUB-06 or PUB-19'"
    assert list(console.summary(run(passed()))) == []


def test_a_should_that_failed_is_said_so_in_the_verdict() -> None:
    result = made.all_pass()
    result.cases = [case for case in result.cases if case.requirements != ("PUB-19",)]
    result.cases.append(made.advisory_failure())
    assert re.match(r"made: conformant: \d+ requirements hold, 1 failed \(SHOULD\), ",
                    console.verdict(result))  # fmt: skip


def test_a_partial_run_says_so() -> None:
    result = run(passed(), settings=Settings(selection="PUB-01 or PUB-02"))
    assert "partial (-k 'PUB-01 or PUB-02'): 1 requirement holds, " in console.verdict(result)


def test_what_the_kit_does_is_not_counted_as_the_bus(at: Timeline) -> None:
    del at
    case = CaseResult(id="pattern::x", requirements=("PAT-01",), outcome="passed")
    ours = run(passed(), case, kit=("filtering",))
    assert ": 1 requirement holds, 1 by the kit, " in console.verdict(ours)
    assert ": 2 requirements hold, " in console.verdict(run(passed(), case))
    assert "PAT-01  passed" in "\n".join(console.body(run(passed(), case), verbose=True))


@pytest.mark.parametrize("word", ["a-word-with-hyphens", "text"])
def test_no_word_is_broken(word: str) -> None:
    for length in range(60, 80):
        lines = filled("  label  ", f"{'x' * length} {word} {word}")
        assert sum(line.split().count(word) for line in lines) == 2


def test_a_long_value_is_cut_but_for_the_json(at: Timeline) -> None:
    case = broken(at)
    long = type(case.violations[0])("failed", ("PUB-03",), "x", "y" * 5000)
    case = replace(case, violations=(long,))
    assert len(failure_text(case, "made")) < 3000
    assert "(4500 characters left out)" in " ".join(failure_text(case, "made").split())
    violation = to_json([run(case)])["results"][0]["cases"][0]["violations"][0]
    assert "y" * 5000 in violation["message"]
    at.deliver(at.subscribe(), "z" * 5000)
    assert max(map(len, excerpt(at.history, all_entries(at.history)))) < 300


def test_an_older_specification_is_named_and_asked_again() -> None:
    case = replace(made.failed(Timeline()), specification="1.0")
    older = made.result(case, settings=Settings(specification="1.0"))
    (one,) = to_json([older])["results"]
    assert one["specification"] == {"version": "1.0"}
    assert [entry["id"] for entry in one["requirements"]] == list(requirements("1.0"))
    assert "(specification 1.0)" in next(iter(console.header(older)))
    assert rerun_command(case, "x") == (
        "eventhook-conformance run x --specification 1.0 -k made::broken"
    )


def test_a_run_that_drew_by_a_seed_or_went_deep_says_so_in_its_command() -> None:
    options = Settings(seed=3, depth="deep").repeat_options
    case = CaseResult(id="m::c", requirements=("PUB-01",), outcome="failed", repeat_options=options)
    command = rerun_command(case, "made")
    assert command == "eventhook-conformance run made --seed 3 --depth deep -k m::c"
    assert Settings().repeat_options == ""


def test_a_fault_that_nobody_recovered_from_has_its_beginning_and_its_lifting(at: Timeline) -> None:
    s, window = at.subscribe(), at.fault()
    at.lift(window)
    violation = Violation("failed", ("REC-02",), "s1 to deliver again", "nothing", (s, window))
    case = CaseResult(
        id="own::case",
        requirements=("REC-02",),
        outcome="failed",
        violations=(violation,),
        history=at.history,
    )
    text = failure_text(case, "bus")
    assert text.index("fault begins: the server is killed") < text.index("fault lifted: the server")
    assert "fault ends" not in text


def test_the_json_says_that_nothing_was_tested() -> None:
    assert "nothing was tested" in to_json([made.result()])["results"][0]["message"]
    assert "nothing was tested" in to_json([made.result(made.left_out())])["results"][0]["message"]
    assert to_json([made.all_pass()])["results"][0]["message"] is None
