"""A driver that misbehaves costs one case, says who did it, and never the run."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.hostile import after, before, by_name, evil, examine, outcomes
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.driver import process
from eventhook_conformance.engine.resolve_target import TargetNotFound, find_target
from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.probe import Probe
from eventhook_conformance.results import CaseResult, RunResult, exit_code
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import Capabilities, Target

BROKEN = Path(__file__).parent / "broken"
QUICK = Settings(arrival_timeout_s=0.6, settle_s=0.05)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortens the limits, so that a driver that hangs is noticed soon."""
    monkeypatch.setattr("eventhook_conformance.driver.target._ALIVE_S", 0.6)
    monkeypatch.setattr(process, "END_S", 1.0)
    monkeypatch.setattr(process, "_DYING_S", 0.5)


def target(name: str, *arguments: str) -> Target:
    return find_target(
        "driver:" + shlex.join([sys.executable, str(BROKEN / f"{name}.py"), *arguments])
    )


def judged(how: str, bodies: Any = (before, evil, after)) -> RunResult:
    return examine(target("evil", how), bodies, settings=QUICK)


def blamed_on_driver(result: RunResult, *words: str) -> CaseResult:
    """Returns the evil case, after checking that it alone was undecided, by the driver's fault."""
    assert outcomes(result) == {"before": "passed", "evil": "error", "after": "passed"}
    case = by_name(result)["evil"]
    assert (case.blame, case.violations) == ("driver", ())
    assert case.message is not None
    for word in ("driver skeleton ", *words):
        assert word in case.message
    # Parked subscriptions of the dead process could not be read any more.
    assert result.unaudited == ["own::before"]
    assert result.suite_failure is None
    return case


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("exits", "exited with 101, owing an answer to `publish`"),
        ("is_killed", "was ended by SIGKILL"),
        ("hangs", "hangs: a `next` was not answered"),
        ("prints", "printed 'debug: publishing', which is no JSON"),
        ("floods", "printed a line of more than 4194304 bytes"),
        ("floods_lines", "printed 'debug', which is no JSON"),
        ("long_line", "printed a line of more than 4194304 bytes"),
        ("twice", "was answered before"),
        ("strange_id", "there is no request 999999"),
        ("batch", "a batch; expected one object a line"),
        ("notifies", "a request or a notification; a driver only answers"),
        ("both", "which has a result and an error"),
        ("bad_utf8", "which is no UTF-8"),
        ("closes_output", "closed its standard output"),
        ("half_a_line", "ended in the middle of the line"),
        ("wrong_event", "answered `next` with the event"),
        ("wrong_result", "as the result of `next`; expected"),
        ("too_many", "events, asked for at most"),
        ("fault", "answered `publish` with the error -32603 (RuntimeError: index out of range)"),
    ],
)
def test_misbehaviour_costs_one_case(how: str, words: str) -> None:
    case = blamed_on_driver(judged(how), words)
    assert case.message is not None
    # A driver that fails in its library prints a traceback after its earlier output.
    told = "RuntimeError: index out of range" if how == "fault" else "evil comes"
    last = case.message.partition("its last lines: ")[2]
    assert told in last


def test_the_last_lines_of_a_flood_are_told() -> None:
    case = blamed_on_driver(judged("floods_stderr"), "exited with 1", "warning: yyy")
    assert case.message is not None
    assert len(case.message) < 1500


def test_a_publish_that_is_never_answered_is_the_buss_own_doing() -> None:
    """The driver answers all else, so nobody can tell it from a bus that hangs."""
    result = judged("never")
    assert outcomes(result) == {"before": "passed", "evil": "failed", "after": "passed"}
    assert by_name(result)["evil"].blame == "target"
    assert result.unaudited == []


async def evil_after_a_leak(probe: Probe) -> None:
    """Delivers an event that nobody published on record, before the driver dies."""
    listener = await probe.subscribe(EventPattern.all(probe.make.tenant()))
    stray = probe.make.event(listener.entry.selects.tenant_id)  # type: ignore[union-attr]
    client = await probe.client()
    await client.backend.events.publish(stray)
    await listener.read(1)
    await evil(probe)


def test_what_was_proven_before_the_driver_died_stands() -> None:
    result = judged("exits", (before, evil_after_a_leak, after))
    case = by_name(result)["evil_after_a_leak"]
    assert case.outcome == "failed"
    assert [one.kind for one in case.violations] == ["phantom"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("strict_reader", "unknown members"),
        ("leaves_out_nulls", "`next` to answer"),
        ("shouts", "`next` to answer"),
    ],
)
def test_drivers_are_held_to_the_wire_form(name: str, words: str) -> None:
    result = judge(target(name), QUICK, cases_for({"EVT-10"}))
    [requirement] = [one for one in result.requirement_results() if one.requirement.id == "EVT-10"]
    assert requirement.outcome == "failed"
    charged = [
        violation
        for case in result.cases
        for violation in case.violations
        if "EVT-10" in violation.requirements
    ]
    assert words in charged[0].message


def test_the_wire_form_is_asked_of_drivers_and_of_nats_alone() -> None:
    right = judge(target("evil", "none"), QUICK, cases_for({"EVT-10"}))
    outcomes_of = {case.id: case.outcome for case in right.cases}
    assert {one for one, what in outcomes_of.items() if what == "passed"} == {
        one for one in outcomes_of if one.startswith("driver_wire::")
    }
    assert {one.outcome for one in right.requirement_results() if one.requirement.drivers} == {
        "passed"
    }
    in_process = judge(find_target("memory"), QUICK, cases_for({"EVT-10"}))
    assert {case.outcome for case in in_process.cases} == {"not_claimed"}
    assert requirements()["EVT-10"].unmet(Capabilities()) == "profile nats-wire is not claimed"


def test_an_interrupted_run_leaves_no_process() -> None:
    program = str(Path(sys.executable).with_name("eventhook-conformance"))
    line = shlex.join([sys.executable, str(BROKEN / "evil.py"), "interrupted-by-test"])
    with subprocess.Popen(
        [program, "run", f"driver:{line}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        for _ in range(100):
            if found := _running("interrupted-by-test", besides=run.pid):
                break
            time.sleep(0.05)
        assert found
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=30)
    assert run.returncode == 3
    assert _running("interrupted-by-test", besides=run.pid) == []


def _running(word: str, besides: int) -> list[int]:
    """Returns the processes with that word on their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in words and int(folder.name) != besides:
            found.append(int(folder.name))
    return found


def test_pytest_runs_a_driver_too() -> None:
    line = shlex.join([sys.executable, str(BROKEN / "evil.py"), "none"])
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--pyargs", "eventhook_conformance", "-q"),
            *("--target", f"driver:{line}", "-k", "PUB-08 or EVT-10", "-p", "no:cacheprovider"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=BROKEN,
    )
    assert done.returncode == 0, done.stdout
    assert "verdict: conformant" in done.stdout


async def lost(probe: Probe) -> None:
    """Waits for events that the driver loses."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    missing = probe.make.event(tenant, "lost.act")
    await probe.publish(missing)
    await listener.receive(missing)


def test_cases_wait_in_vain_beside_each_other_and_a_crash_is_charged_to_its_own() -> None:
    async def waits(probe: Probe) -> None:
        await lost(probe)

    async def dies(probe: Probe) -> None:
        await evil(probe)

    result = examine(target("evil", "exits"), (lost, waits, dies, after), settings=QUICK)
    cases = by_name(result)
    assert outcomes(result)["dies"] == "error"
    assert cases["dies"].blame == "driver"
    assert outcomes(result)["after"] == "passed"
    assert (cases["waits"].outcome, cases["waits"].blame) == ("failed", "target")


def test_a_right_driver_leaves_nothing() -> None:
    result = examine(target("evil", "none"), (before, after), settings=QUICK)
    assert outcomes(result) == {"before": "passed", "after": "passed"}
    assert (result.unaudited, result.suite_failure) == ([], None)
    assert result.about.startswith("skeleton 1.0, Python, by driver: ")


def test_a_driver_that_fails_at_the_end_is_told() -> None:
    result = examine(target("fails_at_the_end"), (before,), settings=QUICK)
    assert "exited with 3 after `shutdown`; its last lines: could not" in (
        result.suite_failure or ""
    )


def test_every_process_is_ended(tmp_path: Path) -> None:
    """The failed drivers and the others, with the processes that they started."""
    script = tmp_path / "parent.sh"
    pids = tmp_path / "pids"
    line = shlex.join(["sh", str(script), sys.executable, str(BROKEN / "evil.py"), "hangs"])
    # A shell takes the input from a background job unless it is told not to.
    script.write_text(f'exec 3<&0\necho $$ >> {pids}\n"$@" <&3 & echo $! >> {pids}\nwait\n')
    examine(find_target(f"driver:{line}"), settings=QUICK)
    started = [int(one) for one in pids.read_text().split()]
    assert len(started) >= 6
    assert [pid for pid in started if _runs(pid)] == []


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "there is no command"),
        ("'", "this is no driver's command line: No closing quotation"),
        ("/no/such/program --port 1", "driver program cannot be started"),
        ("echo hello", "driver echo printed 'hello'"),
        ("true", "driver true exited with 0"),
        (
            f"{sys.executable} {BROKEN / 'claims_too_much.py'}",
            "expected events, streams of protocol 1",
        ),
        (f"{sys.executable} {BROKEN / 'other_protocol.py'}", "speaks protocol 3"),
    ],
)
def test_what_is_no_driver_is_refused_in_one_line(line: str, words: str) -> None:
    with pytest.raises(TargetNotFound) as caught:
        find_target(f"driver:{line}")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('""', Path(sys.executable).name),
        (r'"\n\u0000"', Path(sys.executable).name),
        (r'" my\u001b[31m\n bus "', "my[31m bus"),
        ('"' + 5000 * "x" + '"', 200 * "x"),
    ],
)
def test_a_driver_may_call_itself_anything(name: str, shown: str) -> None:
    named = target("named_oddly", name)
    assert named.name == shown
    assert named.about.startswith(f"{shown} , , by driver: ")


def test_a_driver_that_does_not_start_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.DriverProcess.start, "__defaults__", (0.5,))
    with pytest.raises(TargetNotFound, match="did not answer `initialize` within"):
        target("never_starts")


def test_smoke_says_who_it_was() -> None:
    result = examine(target("evil", "exits"), (evil,), settings=QUICK)
    assert exit_code([result]) == 3
    line = f"{sys.executable} {BROKEN / 'wrong_shape.py'}"
    unusable = examine(find_target(f"driver:{line}"), (before,), settings=QUICK)
    assert unusable.unusable is not None
    assert "as the result of `open`; expected" in unusable.unusable
    assert exit_code([unusable]) == 2
