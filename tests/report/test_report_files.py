"""The files of a run: all written, whole or not at all, and refused before anything runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from eventhook_conformance.cli import _run
from eventhook_conformance.report import ctrf as ctrf_module
from eventhook_conformance.report.files import Reports
from eventhook_conformance.report.text import printable
from eventhook_conformance.report.writing import append_whole, write_whole
from report import made

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
NAMES = ("json", "junit", "html", "markdown", "ctrf", "badge")

SLOW = """
import asyncio
from eventhook_reference.mutants.base import PliableClient, pliable_target


class Slow(PliableClient):
    async def publish(self, side, event):
        print("publishing", flush=True)
        await asyncio.sleep(0.003)
        await super().publish(side, event)


target = pliable_target("slow", Slow)
"""


def options(folder: Path) -> dict[str, Path | None]:
    return {f"{name}_file": folder / f"report.{name}" for name in NAMES}


def test_all_are_written(tmp_path: Path) -> None:
    assert Reports(options(tmp_path)).write([made.of_everything()])
    assert {path.name for path in tmp_path.iterdir()} == {f"report.{name}" for name in NAMES}
    assert all(path.stat().st_size > 80 for path in tmp_path.iterdir())


def test_a_directory_that_the_target_removed_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    reports = Reports({"json_file": Path("report.json")})
    gone.rmdir()
    assert reports.write([made.all_pass()])
    assert (gone / "report.json").stat().st_size > 80


def test_a_run_without_a_result_replaces_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(_run, "judge_here", fails)
    older = tmp_path / "report.json"
    older.write_text("an older one")
    arguments = ["memory", "--in-process", "--json", str(older)]
    done = CliRunner().invoke(_run.run, arguments)
    assert isinstance(done.exception, KeyError)
    assert older.read_text() == "an older one"


def test_one_that_fails_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> str:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(ctrf_module, "ctrf", broken)
    (tmp_path / "report.ctrf").write_text("an older one")
    assert not Reports(options(tmp_path)).write([made.all_pass()])
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert (tmp_path / "report.ctrf").read_text() == "an older one"
    assert len(list(tmp_path.iterdir())) == len(NAMES)


def test_what_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match="there is no directory"):
        Reports({"html_file": tmp_path / "no" / "such.html"})
    with pytest.raises(click.BadParameter, match=r"--json names .* too"):
        Reports({"json_file": tmp_path / "a", "html_file": tmp_path / "x" / ".." / "a"})


def test_a_write_that_fails_leaves_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text("an older one")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half of it \ud800")
    assert path.read_text() == "an older one"
    with pytest.raises(UnicodeEncodeError):
        append_whole(path, "half of it \ud800")
    assert path.read_text() == "an older one"
    assert list(tmp_path.iterdir()) == [path]
    append_whole(path, ", and a newer")
    assert path.read_text() == "an older one, and a newer"


def test_a_device_is_written_to() -> None:
    write_whole(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()


def test_a_pipe_is_written_to_if_somebody_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "report"
    os.mkfifo(path)
    with pytest.raises(OSError, match="No such device"):
        write_whole(path, "text")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(path, "text")
    assert os.read(reader, 9) == b"text"
    os.close(reader)


def test_a_pipe_beside_the_report_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "report"
    os.mkfifo(tmp_path / "report.part")
    write_whole(path, "text")
    assert path.read_text() == "text"
    assert list(tmp_path.iterdir()) == [path]


def test_the_summary_of_a_step_is_added_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary.md"
    path.write_text("# of another command\n")
    reports = Reports({"markdown_file": path})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    reports.write([made.all_pass()])
    assert path.read_text().startswith("# of another command\n## Event bus conformance")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    reports.write([made.all_pass()])
    assert path.read_text().startswith("## Event bus conformance")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 🎉 text\nof two lines", "plain 🎉 text\nof two lines"),
        ("\x00\x1b[31m\t", "\\x00\\x1b[31m\\x09"),
        ("\ud800\u202e\uffff\U000e0001", "\\ud800\\u202e\\uffff\\U000e0001"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_directory_is_said_in_one_line_before_anything_runs(
    tmp_path: Path, name: str
) -> None:
    done = subprocess.run(
        [PROGRAM, "run", "memory", f"--{name}", "no/such/file"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"--{name}" in done.stderr
    assert "no directory no/such" in done.stderr


@pytest.mark.slow
def test_reports_of_an_interrupted_run_are_whole(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    files = [f"--{name}=report.{name}" for name in NAMES]
    with subprocess.Popen(
        [PROGRAM, "run", "slow:target", "memory", *files],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "of" in line)  # the first progress: it is under way
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode in (1, 3)
    for name in NAMES:
        assert (tmp_path / f"report.{name}").stat().st_size > 80
    assert "</html>" in (tmp_path / "report.html").read_text(encoding="utf-8")
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [one["target"]["name"] for one in report["results"]] == ["slow", "memory"]
    assert not list(tmp_path.glob("*.part"))
