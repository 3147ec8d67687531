"""The check of a driver's protocol: correct drivers pass, and each broken one gets its error."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from eventhook_conformance.driver import (
    check_runner,
    checked_driver,
    checks,
    process,
    request_checks,
)
from eventhook_conformance.driver.check_runner import CheckResult, check_driver
from eventhook_conformance.driver.stderr import Outlet

BROKEN = Path(__file__).parent / "broken"
SKELETON = Path(__file__).parents[2] / "examples" / "drivers" / "skeleton" / "driver.py"
PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))


# These drivers let a wait run out, which therefore has to be short; a wait that is over when the answer
# comes may be long, and has to be where a machine is busy.
NEVER_START = ("never_starts",)
NEVER_ANSWER = ("one_at_a_time", "left_hanging", "streams_wait_for_events")
NEVER_END = ("stays",)


@pytest.fixture(autouse=True)
def limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for what never comes end soon, all others late."""
    params = getattr(request.node, "callspec", None)
    name = params.params.get("name", "") if params is not None else ""
    monkeypatch.setattr(checked_driver, "ANSWER_S", 1.5 if name in NEVER_ANSWER else 20.0)
    monkeypatch.setattr(check_runner, "START_S", 1.5 if name in NEVER_START else 30.0)
    end_s = 0.6 if name in NEVER_END else 10.0
    monkeypatch.setattr(request_checks, "END_S", end_s)
    monkeypatch.setattr(process, "END_S", end_s)


def findings(*command: str) -> list[CheckResult]:
    async def look() -> list[CheckResult]:
        return [one async for one in check_driver(command, Path(command[-1]).stem, Outlet())]

    return asyncio.run(look())


@pytest.mark.parametrize(
    "command",
    [
        (sys.executable, str(SKELETON)),
        (sys.executable, str(BROKEN / "right_but_late.py")),
        (sys.executable, str(BROKEN / "right_but_unordered.py")),
        (PROGRAM, "driver", "memory"),
    ],
)
def test_a_right_driver_passes_every_check(command: tuple[str, ...]) -> None:
    found = findings(*command)
    assert [one.wrong for one in found if one.wrong] == []
    assert len(found) == len(checks.CHECKS) + 1


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("greets", "starts", "printed 'Listening on port 4222', which is no JSON"),
        ("claims_too_much", "starts", "claims nats-wire; expected events, streams"),
        ("other_protocol", "starts", "speaks protocol 3; expected 1 or 2"),
        ("never_starts", "starts", "did not answer `initialize` within 1.5 s"),
        ("text_ids", "starts", "whose id is '1'; expected the request's id, an integer"),
        ("wrong_shape", "unknown_names", ""),
        ("wrong_shape", "publishes", 'as the result of `open`; expected {"client": "c1"}'),
        ("one_at_a_time", "next_waits_aside", "while a `next` waits, `publish` was not answered"),
        (
            "streams_wait_for_events",
            "next_holds_up_no_call",
            "while a `next` waits, `publish_stream` was not answered",
        ),
        ("impatient_next", "next_times_out", "it has to wait for an event until its time is over"),
        ("greedy_next", "next_takes_what_is_there", "`next` with max 2 answered 5 events"),
        ("repeats_the_first", "next_takes_what_is_there", "whose id is"),
        ("left_hanging", "unsubscribe_ends", "but the waiting `next` was not answered"),
        ("remembers_left", "unsubscribe_ends", "of a subscription that was left was answered with"),
        ("discards_on_close", "close_drains", "`next` answered ended, where"),
        ("ends_with_the_last", "close_drains", "`next` answered events beside ended true"),
        ("streams_by_the_first", "close_leaves_others", "`publish_stream` with"),
        ("closes_once", "closed_client", "`close` with"),
        ("validates_first", "closed_client", "answered with the error -32001"),
        ("wrong_code", "invalid_is_refused", "the error -32603"),
        ("strict_reader", "lenient_reading", "unknown members: ['newer']"),
        (
            "leaves_out_nulls",
            "event_arrives",
            "in the wire form absent optionals are null",
        ),
        ("takes_surrogates", "surrogates", 'of a source "\\ud800", a lone surrogate was answered'),
        ("stays", "shuts_down", "did not end within 0.6 s of `shutdown`"),
        ("stays", "ends_with_its_input", "did not exit within 0.6 s of the end of its input"),
        ("fails_at_the_end", "shuts_down", "exited with 3 after `shutdown`"),
        ("fails_at_the_end", "shuts_down", "its last lines: could not flush the log"),
        ("fails_at_the_end", "ends_with_its_input", "it exited with 3 at the end of its input"),
    ],
)
def test_a_broken_driver_is_told_what_is_wrong(name: str, check: str, words: str) -> None:
    wrong = {one.name: one.wrong for one in findings(sys.executable, str(BROKEN / f"{name}.py"))}
    if not words:
        assert wrong[check] is None
        return
    assert words in (wrong[check] or "nothing"), wrong
    near = [one for one, text in wrong.items() if text]
    assert len(near) <= 4 or name == "wrong_shape", near


def test_a_program_that_is_not_there() -> None:
    [found] = findings("/no/such/program")
    assert found.wrong is not None
    assert "driver program cannot be started" in found.wrong


def command_line(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "driver-check", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_says_it_all() -> None:
    done = command_line(sys.executable, str(SKELETON))
    assert done.returncode == 0
    assert done.stdout.endswith(f"all {len(checks.CHECKS) + 1} checks hold\n")
    broken = command_line(f"{sys.executable} {BROKEN / 'greedy_next.py'}")
    assert broken.returncode == 1
    assert "WRONG  `next` answers what is there, at most `max`" in broken.stdout
    assert all(len(line) <= 100 for line in broken.stdout.splitlines())
    assert command_line().returncode == 2
