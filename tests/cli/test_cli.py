"""The command line, as a process of its own: its output, streams and exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import eventhook_fixtures
from eventhook_conformance.cases import catalog
from eventhook_conformance.specification.requirements import requirements

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))

TARGETS = '''
"""Targets of a vendor."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

from eventhook_conformance import Capabilities, Target
from eventhook_reference.mutants.base import PliableBus, PliableClient, pliable_target


class Silent(PliableClient):
    def hand(self, member, event):
        pass


class Doubles(PliableClient):
    def hand(self, member, event):
        super().hand(member, event)
        super().hand(member, event)


class Talks(PliableClient):
    async def publish(self, side, event):
        print("publishing, says the bus", flush=True)
        await super().publish(side, event)


class Slow(PliableClient):
    """Leaves a file once it has seen so many tenants that several cases are over; then it takes long."""

    tenants = set()

    async def publish(self, side, event):
        self.tenants.add(getattr(event, "tenant_id", None))
        if len(self.tenants) > 20:
            Path("begun").touch()
            await asyncio.sleep(1)
        await asyncio.sleep(0.003)
        await super().publish(side, event)


def refuses():
    raise ConnectionRefusedError("nobody listens")


@asynccontextmanager
async def ends():
    raise SystemExit(0)
    yield


correct = pliable_target("correct")
silent = pliable_target("silent", Silent)
doubles = pliable_target("doubles", Doubles)
talks = pliable_target("talks", Talks)
slow = pliable_target("slow", Slow)
refusing = Target("refusing", open=refuses)
ending = Target("ending", open=ends)
no_target = "a text"
'''


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """Returns a vendor's directory."""
    (tmp_path / "bus.py").write_text(TARGETS)
    (tmp_path / "raising.py").write_text("raise RuntimeError('no\\nluck')\n")
    (tmp_path / "exiting.py").write_text("import sys\n\nsys.exit('usage: exiting FILE')\n")
    (tmp_path / "lacking.py").write_text("import a_client_that_is_not_there\n")
    # Options of the user's own pytest must not matter.
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\npython_files = *.py\n")
    (tmp_path / "conftest.py").write_text("raise SystemError('not for you')\n")
    return tmp_path


def run(
    vendor: Path, *arguments: str, timeout_s: float = 60, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=vendor,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def report(path: Path) -> dict[str, Any]:
    """Returns the JSON report, after checking that its schema holds."""
    content: dict[str, Any] = json.loads(path.read_text())
    jsonschema.Draft202012Validator(eventhook_fixtures.schema("report")).validate(content)
    return content


# Looking around


@pytest.mark.parametrize("command", [(), ("run",), ("list",), ("explain",)])
def test_help_shows_an_example_in_80_columns(vendor: Path, command: tuple[str, ...]) -> None:
    done = run(vendor, *command, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "Example" in done.stdout
    assert " ".join(["eventhook-conformance", *command]) in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_list_is_short(vendor: Path) -> None:
    done = run(vendor, "list")
    assert done.returncode == 0
    for heading in ("targets:", "profiles:", "requirements:", "cases:"):
        assert heading in done.stdout.splitlines()
    assert re.search(r"^  memory +eventhook_reference.memory:target$", done.stdout, re.MULTILINE)
    assert f"{len(requirements())} in all: eventhook-conformance list requirements" in done.stdout
    assert re.search(r"^  PUB +\d+ requirements: Publish and subscribe$", done.stdout, re.MULTILINE)
    assert len(done.stdout.splitlines()) < 50


@pytest.mark.parametrize("arguments", [("--all",), ("requirements", "cases")])
def test_list_has_every_requirement_and_case(vendor: Path, arguments: tuple[str, ...]) -> None:
    done = run(vendor, "list", *arguments)
    assert done.returncode == 0
    for identifier in requirements():
        assert f"\n  {identifier}  " in done.stdout
    for name in catalog():
        assert f"\n  {name}  (" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("baseline",)])
def test_help_comes_where_no_command_is_given(vendor: Path, arguments: tuple[str, ...]) -> None:
    done = run(vendor, *arguments)
    assert done.returncode == 2
    assert done.stdout.startswith("Usage: eventhook-conformance")
    assert len(done.stdout.splitlines()) > 5
    assert done.stderr == ""


def test_a_misspelled_name_in_a_selection_is_hinted_at(vendor: Path) -> None:
    done = run(vendor, "run", "memory", "-k", "PUB-04 or PBU-05 or publish::first_evnt")
    assert done.returncode == 0
    hints = [line for line in done.stdout.splitlines() if line.startswith("hint ")]
    assert len(hints) == 2
    assert "no such requirement; did you mean PUB-05" in hints[0]
    assert "no such case; did you mean publish::first_event_is_never_lost" in hints[1]


def test_list_of_one_kind_has_nothing_else(vendor: Path) -> None:
    lines = run(vendor, "list", "profiles").stdout.splitlines()
    assert lines[0] == "profiles:"
    assert [line.split()[0] for line in lines[1:]] == [
        *("events", "streams", "nats-wire", "lifecycle", "sse", "recovery", "replay")
    ]


def test_explain_says_all_there_is_to_know(vendor: Path) -> None:
    done = run(vendor, "explain", "pub-04")
    assert done.returncode == 0
    assert done.stdout.startswith("PUB-04 (MUST): ")
    for label in ("text", "why", "source", "since", "profile", "needs", "cases"):
        assert f"\n  {label} " in done.stdout
    assert "publish::first_event_is_never_lost[same]" in done.stdout


def test_several_are_explained_and_cases_too(vendor: Path) -> None:
    done = run(vendor, "explain", "PUB-04", "publish::first_event_is_never_lost[same]", "str-08")
    assert done.returncode == 0
    assert "PUB-04 (MUST): " in done.stdout
    assert "\npublish::first_event_is_never_lost\n" in done.stdout
    assert "Publishes as soon as entering returned" in done.stdout
    assert "\nSTR-08 (MUST): " in done.stdout
    assert "255 bytes" in done.stdout


def test_a_selection_that_matches_nothing_says_so(vendor: Path) -> None:
    done = run(vendor, "run", "memory", "-k", "nothing_like_it")
    assert done.returncode == 3
    assert "-k 'nothing_like_it' matches no case" in done.stdout


def test_an_older_specification_is_listed_and_explained_as_it_was(vendor: Path) -> None:
    listed = run(vendor, "list", "requirements", "--specification", "1.0").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == list(requirements("1.0"))
    explained = run(vendor, "explain", "PUB-05", "--specification", "1.0")
    assert " ".join(requirements("1.0")["PUB-05"].text.split()) in " ".join(
        explained.stdout.split()
    )


def test_the_words_of_the_requirements_are_explained(vendor: Path) -> None:
    done = run(vendor, "list", "words")
    assert re.search(
        r"^  fence +A matching event published after others", done.stdout, re.MULTILINE
    )
    assert max(map(len, done.stdout.splitlines())) <= 80
    done = run(vendor, "explain", "Fence")
    assert done.returncode == 0
    assert done.stdout.startswith("fence: A matching event")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_documented_completion_works(vendor: Path, shell: str) -> None:
    done = run(vendor, _EVENTHOOK_CONFORMANCE_COMPLETE=f"{shell}_source")
    assert done.returncode == 0, done.stderr
    assert "eventhook" in done.stdout
    done = run(
        vendor,
        COMP_WORDS="eventhook-conformance ba",
        COMP_CWORD="ba" if shell == "fish" else "1",
        _EVENTHOOK_CONFORMANCE_COMPLETE=f"{shell}_complete",
    )
    assert "baseline" in done.stdout


# Wrong use


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (("run",), ["Missing argument 'TARGET...'"]),
        (("run", "nosuch"), ["no target 'nosuch'", "registered are memory", "module:attribute"]),
        (("run", "bus"), ["no target 'bus'", "did you mean bus:target?"]),
        (("run", "bus.py"), ["did you mean bus:target?"]),
        (("run", "memroy"), ["did you mean memory"]),
        (("self-test", "swalows-the-first"), ["did you mean swallows-the-first"]),
        (("run", "memory", "-x", "--max-failures", "2"), ["exclude each other"]),
        (("run", "memory", "-x", "--processes", "2"), ["--processes", "exclude each other"]),
        (("run", "memory", "--in-process", "--processes", "2"), ["exclude each other"]),
        (("run", "nosuch:target"), ["'nosuch:target'", "no module 'nosuch'", "current directory"]),
        (("run", "bus.py:correct:x"), ["is no target", "module:attribute"]),
        (("run", "raising:target"), ["importing raising raised RuntimeError: no luck"]),
        (("run", "exiting:target"), ["importing exiting raised SystemExit: usage: exiting FILE"]),
        (("run", "lacking:target"), ["a_client_that_is_not_there"]),
        (("run", "bus:nothing"), ["bus has no attribute 'nothing'"]),
        (("run", "bus:no_target"), ["to be an eventhook_conformance.Target, got str"]),
        (("run", "memory", "memory"), ["'memory' is named twice"]),
        (("run", "memory", "--profile", "nosuch"), ["'nosuch' is not one of", "'events'"]),
        (("run", "memory", "--profile", "sse"), ["'sse' is not claimed", "claims events, streams"]),
        (("run", "memory", "-k", "PUB-04 or or"), ["-k", "PUB-04 or or"]),
        (("run", "memory", "-k", "("), ["-k"]),
        (("run", "memory", "--json", "no/such/report.json"), ["--json", "no directory no/such"]),
        (("run", "memory", "--json", "."), ["--json"]),
        (("run", "memory", "--timeout", "0"), ["--timeout", "0"]),
        (("run", "memory", "--settle", "soon"), ["--settle", "'soon'"]),
        (("run", "memory", "--examples", "0"), ["--examples"]),
        (("run", "memory", "--nonsense"), ["--nonsense"]),
        (("explain", "PUB-44"), ["no requirement 'PUB-44'", "did you mean PUB-"]),
        (("explain", "x"), ["no requirement 'x'", "list requirements"]),
        (("list", "nothing"), ["'nothing' is not one of", "'targets'"]),
        (("nosuch",), ["nosuch"]),
        (("run", "bus:refusing"), ["'bus:refusing' cannot be used", "nobody listens"]),
        (("run", "bus:ending"), ["'bus:ending' cannot be used", "TargetExited: SystemExit(0)"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_exits_2_with_one_line_that_says_what_is_wrong(
    vendor: Path, arguments: tuple[str, ...], fragments: list[str]
) -> None:
    done = run(vendor, *arguments)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    for fragment in fragments:
        assert fragment in lines[0]
    assert "Traceback" not in done.stdout
    assert not (vendor / "no").exists()


@pytest.mark.nats
def test_nats_server_that_is_not_there_is_said_in_one_line(vendor: Path) -> None:
    done = run(vendor, "run", "nats", "-q", timeout_s=20, NATS_URL="nats://127.0.0.1:1")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "'nats' cannot be used" in done.stderr
    assert "127.0.0.1:1" in done.stderr


# Running


def test_run_of_a_selection_passes_and_its_report_holds_to_the_schema(vendor: Path) -> None:
    done = run(vendor, "run", "memory", "-k", "PUB-04 or EVT-11", "--json", "report.json")
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1].startswith("memory: conformant: ")
    (result,) = report(vendor / "report.json")["results"]
    assert result["verdict"] == "conformant"
    assert result["settings"]["selection"] == "PUB-04 or EVT-11"
    assert result["target"]["name"] == "memory"
    outcomes = {one["id"]: one["outcome"] for one in result["requirements"]}
    assert outcomes["PUB-04"] == "passed"
    assert outcomes["PUB-02"] == "not_claimed"
    assert list(outcomes) == list(requirements())
    assert sum(result["summary"].values()) == len(result["cases"])
    assert not (vendor / "report.json.part").exists()


def test_quiet_prints_the_verdict_alone(vendor: Path) -> None:
    done = run(vendor, "run", "memory", "bus:doubles", "-k", "PUB-04", "-q")
    assert done.returncode == 1
    first, second = done.stdout.splitlines()
    assert first.startswith("memory: conformant: ")
    assert second.startswith("doubles: non-conformant: ")
    assert done.stderr == ""


def test_verbose_names_every_requirement(vendor: Path) -> None:
    done = run(vendor, "run", "memory", "-k", "PUB-04", "-v")
    assert re.search(r"^ +PUB-04  passed$", done.stdout, re.MULTILINE)
    assert re.search(r"^ +PUB-02  not selected$", done.stdout, re.MULTILINE)


def test_failure_is_explained_in_80_columns_without_colour(vendor: Path) -> None:
    done = run(vendor, "run", "bus:doubles", "-k", "PUB-04", "--json", "r.json")
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
    *lines, _verdict = done.stdout.splitlines()
    for line in lines:
        assert len(line) <= 80 or line.startswith("  again     "), line
    assert "PUB-02  FAILED" in done.stdout
    assert "  expected  " in done.stdout
    assert "  seen      " in done.stdout
    again = re.search(
        r"again     (eventhook-conformance run bus:doubles -k .*)$", done.stdout, re.MULTILINE
    )
    assert again is not None, "the command must name the target as the user did"
    (result,) = report(vendor / "r.json")["results"]
    failed = [case for case in result["cases"] if case["outcome"] == "failed"]
    assert {case["blame"] for case in failed} == {"target"}
    assert any(one["requirement"] == "PUB-02" for one in failed[0]["violations"])


def test_silent_target_fails_soon(vendor: Path) -> None:
    done = run(vendor, "run", "bus:silent", "--timeout", "0.3", "-q", "--json", "r.json")
    assert done.returncode == 1
    assert done.stdout.startswith("silent: non-conformant: ")
    (result,) = report(vendor / "r.json")["results"]
    assert [case["id"] for case in result["cases"] if case["outcome"] != "not_claimed"] == [
        "smoke::something_arrives"
    ]


def test_selection_of_nothing_is_no_verdict(vendor: Path) -> None:
    done = run(vendor, "run", "memory", "-k", "nothing_is_called_so", "--json", "r.json")
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1].startswith("memory: inconclusive: ")
    assert report(vendor / "r.json")["results"][0]["cases"] == []


def test_one_broken_target_of_two_costs_the_other_nothing(vendor: Path) -> None:
    done = run(
        vendor, "run", "bus:refusing", "bus:correct", "-k", "PUB-04", "-q", "--json", "r.json"
    )
    assert done.returncode == 2  # cannot be used comes before all else
    assert "correct: conformant: " in done.stdout
    unusable, judged = report(vendor / "r.json")["results"]
    assert unusable["verdict"] == "inconclusive"
    assert "nobody listens" in unusable["message"]
    assert judged["verdict"] == "conformant"
    assert judged["summary"]["passed"] > 0


def test_target_that_prints_does_not_disturb_what_we_print(vendor: Path) -> None:
    done = run(vendor, "run", "bus:talks", "-k", "PUB-04", "-q")
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    assert line.startswith("talks: conformant: ")


def test_interrupted_run_reports_what_it_has_and_leaves_nothing_running(vendor: Path) -> None:
    with subprocess.Popen(
        [
            *(PROGRAM, "run", "bus:correct", "bus:slow", "-k", "event::"),
            *("--at-once", "1", "--json", "r.json"),
        ],
        cwd=vendor,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while process.poll() is None and not (vendor / "begun").exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode in (1, 3)
    assert "Traceback" not in output + errors
    assert "interrupted" in output
    finished, result = report(vendor / "r.json")["results"]
    assert finished["verdict"] == "conformant"
    assert 0 < len(result["cases"]) < len(finished["cases"])
    assert result["verdict"] == "inconclusive"
    assert any(one["outcome"] == "untested" for one in result["requirements"])
