"""The round trip on the command line: save, run against it, worse, better, stale, expired, diff."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from eventhook_conformance.report.json_report import json_text
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import specification_version
from report import made

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
TARGET = """
import os

from eventhook_conformance import Capabilities
from eventhook_reference.mutants.base import PliableClient, pliable_target


class Sometimes(PliableClient):
    def hand(self, member, event):
        super().hand(member, event)
        if os.environ.get("DOUBLES"):
            super().hand(member, event)


# One side is enough, and takes half the time.
claims = Capabilities(profiles={"events"}, total_order=True, causal_order=True)
target = pliable_target("ours", Sometimes, claims)
"""
EXITING = """
import os

from eventhook_reference.mutants.base import PliableClient, pliable_target


class Exits(PliableClient):
    async def publish(self, side, event):
        os._exit(0)


exits = pliable_target("exits", Exits)
"""
ONLY = ("-k", "each_matching_subscription_gets_it_once", "-q")


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    (tmp_path / "ours.py").write_text(TARGET)
    return tmp_path


def program(
    vendor: Path, *arguments: str, doubles: bool = False
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(vendor), "DOUBLES": "1" if doubles else ""}
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=vendor,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def run(vendor: Path, *more: str, doubles: bool = False) -> subprocess.CompletedProcess[str]:
    return program(
        vendor, "run", "ours:target", *ONLY, "--baseline", "known.toml", *more, doubles=doubles
    )


@pytest.fixture
def reports(vendor: Path) -> Path:
    """Writes `good.json` and `bad.json`; returns their folder."""
    for name, doubles in (("good", False), ("bad", True)):
        done = program(
            vendor, "run", "ours:target", *ONLY, "--json", f"{name}.json", doubles=doubles
        )
        assert done.returncode == int(doubles)
    return vendor


@pytest.mark.slow
def test_round_trip(reports: Path) -> None:
    vendor = reports
    assert program(vendor, "baseline", "save", "known.toml", "--from", "good.json").returncode == 0
    worse = run(vendor, "--json", "r.json", "--markdown", "r.md", "--html", "r.html", doubles=True)
    assert worse.returncode == 1
    assert re.search(r"^worse +ours publish::each_matching.* PUB-02: ", worse.stdout, re.MULTILINE)
    assert "worse" in (vendor / "r.md").read_text()
    assert "Against the baseline" in (vendor / "r.html").read_text(encoding="utf-8")

    saved = program(
        vendor, "baseline", "save", "known.toml", "--from", "r.json", "--reason", "being fixed"
    )
    assert saved.returncode == 0
    counts = re.fullmatch(r"known\.toml: 1 target, (.+ in 2 cases)\n", saved.stdout)
    assert counts, saved.stdout
    again = run(vendor, "--json", "again.json", doubles=True)
    assert again.returncode == 0
    assert (
        f"known      {counts[1]}"
        in program(vendor, "baseline", "diff", "known.toml", "again.json").stdout.splitlines()
    )

    better = run(vendor)
    assert better.returncode == 1
    assert re.search(
        r"^stale .*passes now: remove the entry \(line \d+\)$", better.stdout, re.MULTILINE
    )
    assert re.search(r"^better +ours PUB-02 \(.*\) holds now$", better.stdout, re.MULTILINE)

    path = vendor / "known.toml"
    text = path.read_text()
    path.write_text(text.replace('"being fixed"', '"being fixed"\nexpires = 2020-01-01'))
    expired = run(vendor, doubles=True)
    assert expired.returncode == 1
    assert re.search(r"^expired .*2020-01-01.*being fixed", expired.stdout, re.MULTILINE)

    path.write_text(text.replace("publish::", "publsh::", 1))
    unknown = run(vendor, doubles=True)
    assert unknown.returncode == 1
    assert "there is no such case" in unknown.stdout

    path.write_text(text.replace("[[known]]", "[[flaky]]"))
    assert run(vendor).returncode == run(vendor, doubles=True).returncode == 0


@pytest.mark.slow
def test_save_runs_the_targets_and_then_those_of_the_file(vendor: Path) -> None:
    first = program(vendor, "baseline", "save", "known.toml", "ours:target", doubles=True)
    assert first.returncode == 0, first.stderr
    text = (vendor / "known.toml").read_text()
    assert 'run = "ours:target"' in text
    assert text.count("[[known]]") > 20
    (vendor / "known.toml").write_text(f"# Read me.\n{text}")
    again = program(vendor, "baseline", "save", "known.toml")
    assert again.returncode == 0, again.stderr
    text = (vendor / "known.toml").read_text()
    assert text.startswith("# Read me.\n")
    assert "\n[[known]]" not in text


@pytest.mark.slow
def test_a_target_that_ends_its_process_makes_no_baseline_and_no_success(vendor: Path) -> None:
    (vendor / "exiting.py").write_text(EXITING)
    done = program(vendor, "baseline", "save", "known.toml", "exiting:exits")
    assert done.returncode == 2
    assert "exits has no result to record: " in done.stderr
    assert "its process with exit status 0" in done.stderr
    assert not (vendor / "known.toml").exists()


def test_diff_of_reports_and_baselines(reports: Path) -> None:
    vendor = reports

    def diff(one: str, other: str) -> subprocess.CompletedProcess[str]:
        return program(vendor, "baseline", "diff", one, other)

    worse = diff("good.json", "bad.json")
    assert worse.returncode == 1
    assert worse.stdout.startswith("worse ")
    better = diff("bad.json", "good.json")
    assert better.returncode == 0
    assert re.search(r"^better .*PUB-02", better.stdout, re.MULTILINE)
    assert diff("bad.json", "bad.json").returncode == 0
    for name in ("good", "bad"):
        program(vendor, "baseline", "save", f"{name}.toml", "--from", f"{name}.json")
    assert diff("bad.toml", "bad.json").returncode == 0
    stale = diff("bad.toml", "good.json")
    assert stale.returncode == 1
    assert stale.stdout.startswith("stale ")
    assert diff("good.toml", "bad.toml").returncode == 1
    assert diff("good.toml", "good.toml").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("run", "ours:target", "--baseline", "no.toml"), "no.toml cannot be read"),
        (("run", "ours:target", "--baseline", "broken.toml"), "broken.toml: expected TOML"),
        (("run", "memory", "memory", "--baseline", "empty.toml"), "named twice"),
        (("baseline", "save", "new.toml"), "name the TARGETs to run, or give --from"),
        (("baseline", "save", "new.toml", "nosuch"), "no target 'nosuch'"),
        (("baseline", "save", "reported.toml"), "reported.toml was saved from a report: name the"),
        (("baseline", "save", "no/such.toml", "memory"), "no directory no"),
        (("baseline", "save", "broken.toml", "memory"), "expected TOML"),
        (("baseline", "save", "new.toml", "--from", "broken.toml"), "expected a JSON report"),
        (("baseline", "save", "new.toml", "--from", "void.json"), "nothing was tested"),
        (("baseline", "save", "new.toml", "memory", "--from", "void.json"), "either TARGETs"),
        (("baseline", "diff", "broken.toml", "void.json"), "expected TOML"),
        (("baseline", "diff", "void.json"), "Missing argument 'B'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_exits_2_with_one_line(
    vendor: Path, arguments: tuple[str, ...], reason: str
) -> None:
    (vendor / "broken.toml").write_text("schema = ")
    (vendor / "empty.toml").write_text('schema = 1\nspecification = "1.0"\n')
    reported = '[[target]]\nname = "acme"\nclaims.profiles = ["events"]\n'
    (vendor / "reported.toml").write_text(f'schema = 1\nspecification = "1.0"\n{reported}')
    (vendor / "void.json").write_text(json_text([made.result()]))
    done = program(vendor, *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert reason in done.stderr
    assert not (vendor / "new.toml").exists()
    assert (vendor / "broken.toml").read_text() == "schema = "


def test_a_baseline_of_another_specification_is_refused_with_how_to_renew_it(
    vendor: Path,
) -> None:
    old = made.result(made.passed(), settings=Settings(specification="1.0"))
    (vendor / "old.json").write_text(json_text([old]))
    (vendor / "now.json").write_text(json_text([made.all_pass()]))
    assert program(vendor, "baseline", "save", "known.toml", "--from", "old.json").returncode == 0
    for command in (
        ("run", "ours:target", *ONLY, "--baseline", "known.toml"),
        ("baseline", "diff", "known.toml", "now.json"),
    ):
        done = program(vendor, *command)
        assert done.returncode in (1, 2)
        assert len(done.stderr.splitlines()) == 1, done.stderr
        newest = specification_version()
        assert f"expected specification {newest}, got 1.0; renew it: " in done.stderr
        assert f"baseline save known.toml --specification {newest}" in done.stderr


def test_a_baseline_is_renewed_whole_or_not_at_all(vendor: Path) -> None:
    old = made.result(made.passed(), settings=Settings(specification="1.0"))
    (vendor / "old.json").write_text(json_text([old, replace(old, target="other")]))
    (vendor / "part.json").write_text(json_text([made.all_pass()]))
    (vendor / "whole.json").write_text(
        json_text([made.all_pass(), replace(made.all_pass(), target="other")])
    )
    assert program(vendor, "baseline", "save", "known.toml", "--from", "old.json").returncode == 0
    part = program(vendor, "baseline", "save", "known.toml", "--from", "part.json")
    assert part.returncode != 0
    assert "record other in the same command" in part.stderr
    assert 'specification = "1.0"' in (vendor / "known.toml").read_text()
    assert program(vendor, "baseline", "save", "known.toml", "--from", "whole.json").returncode == 0
    assert f'specification = "{specification_version()}"' in (vendor / "known.toml").read_text()


def test_a_report_of_two_specifications_makes_no_baseline(vendor: Path) -> None:
    old = made.result(made.passed(), settings=Settings(specification="1.0"))
    (vendor / "both.json").write_text(json_text([old, replace(made.all_pass(), target="other")]))
    done = program(vendor, "baseline", "save", "known.toml", "--from", "both.json")
    assert done.returncode != 0
    assert "expected one specification, got 1.0 and 1.1" in done.stderr
