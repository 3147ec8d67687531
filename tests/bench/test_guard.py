"""`benchmarks/guard.py`: accuses slower measures only, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import guard
import guard_commits
import guard_measures
from guard import Comparison
from guard_commits import CannotTell, Side

OLD = Side("base", "1" * 40, Path("old"))
NEW = Side("HEAD", "2" * 40, Path("new"))
LIMIT_S = 60
Make = Callable[..., str]


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a commit in a repository that the guard takes for its own; its hash."""

    def run_git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        ).stdout.strip()

    def make(text: str, tag: str | None = None) -> str:
        (tmp_path / "file").write_text(text)
        run_git("add", "file")
        run_git("commit", "-q", "-m", text)
        if tag is not None:
            run_git("tag", tag)
        return run_git("rev-parse", "HEAD")

    run_git("init", "-q")
    monkeypatch.setattr(guard_commits, "ROOT", tmp_path)
    return make


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Replaces the measurements by numbers; the list holds the names of the measures taken."""
    order: list[str] = []

    def put(**head: Sequence[float]) -> list[str]:
        """Sets the seconds of HEAD for each measure, round by round; the base always takes one."""
        coming = {name: iter(seconds) for name, seconds in head.items()}

        def measured(side: Side, name: str) -> float:
            order.append(f"{side.role} {name}")
            return 1.0 if side.role == "base" else next(coming[name])

        monkeypatch.setattr(guard, "measured", measured)
        monkeypatch.setattr(guard, "install", Side)
        return order

    return put


def test_what_became_slower_shows_in_the_table() -> None:
    same = Comparison("run", (1.0, 1.1), (1.05, 1.0))
    assert not same.slower(1.25)
    slower = Comparison("run", (1.0, 1.1), (1.5, 1.6))
    assert slower.slower(1.25)
    assert "over 1.25×" in guard.report([slower], 1.25)
    assert "over" not in guard.report([same], 1.25)


def test_one_slow_round_accuses_nobody() -> None:
    one = Comparison("run", (1.0, 1.0, 1.0), (9.0, 8.0, 1.0))
    assert one.ratio > 2
    assert not one.slower(1.25), "its fastest round was as fast as ever"


def test_both_are_measured_one_right_after_the_other(sides: Callable[..., list[str]]) -> None:
    order = sides(a=(2.0, 2.0), b=(2.0, 2.0))
    found = guard.compare(OLD, NEW, ("a", "b"), 2)
    assert [one.ratio for one in found] == [2.0, 2.0]
    first, second = (
        ["base a", "HEAD a", "base b", "HEAD b"],
        ["HEAD a", "base a", "HEAD b", "base b"],
    )
    assert order == first + second


def test_what_is_slower_twice_is_named_with_both_commits_and_how_to_see_it_again(
    commit: Make, sides: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = commit("one"), commit("two")
    order = sides(a=(1.0, 1.0), b=(1.5, 1.6, 1.4, 1.3))
    assert guard.guard(old, "HEAD", ("a", "b"), 2, 1.25) == 1
    assert order.count("HEAD a") == 2, "what is not slower is not measured again"
    text = capsys.readouterr().out
    assert f"SLOWER: {new[:10]} takes more than 1.25× the time of {old[:10]}, twice" in text
    assert "b: 1.35× in the median round, 1.30× in the fastest" in text
    assert f'guard.py --against {old[:10]} --head {new[:10]} --only "b"' in text


def test_what_is_slower_only_once_is_the_machine(
    commit: Make, sides: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    sides(a=(1.5, 1.6, 1.0, 1.0))
    assert guard.guard(commit("one"), commit("two"), ("a",), 2, 1.25) == 0
    assert "nothing is slower by more than 1.25×" in capsys.readouterr().out


def test_the_guard_looks_at_what_its_measures_offer() -> None:
    assert tuple(guard_measures.MEASURES) == guard.NAMES


def test_a_commit_that_is_none_is_said_in_a_line(
    commit: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    commit("one")
    for name in ("no-such-commit", "--help", " "):
        with pytest.raises(CannotTell, match=r"^there is no commit"):
            guard.guard(name, "HEAD", ("a",), 1, 1.25)
    assert capsys.readouterr().out == ""


def test_without_a_tag_it_says_what_to_give(commit: Make) -> None:
    commit("one")
    commit("two", tag="v2")
    with pytest.raises(CannotTell, match=r"no tag comes before \w{10}; .* --against HEAD~10"):
        guard.guard(None, "HEAD", ("a",), 1, 1.25)


def test_a_release_is_compared_with_the_one_before(commit: Make) -> None:
    commit("one", tag="v1")
    assert guard_commits.last_tag(commit("two", tag="v2")) == "v1"
    assert guard_commits.last_tag(commit("three")) == "v2"


def test_the_same_commit_and_a_changed_checkout_are_remarked(
    commit: Make,
    sides: Callable[..., list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sides(a=(1.0,))
    commit("one")
    (tmp_path / "file").write_text("changed")
    assert guard.guard("HEAD", "HEAD", ("a",), 1, 1.25) == 0
    remarks = capsys.readouterr().err
    assert "both are the same commit" in remarks
    assert "what is not committed is not measured" in remarks


def test_where_there_is_no_repository_git_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_commits, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(CannotTell, match="not a git repository"):
        guard.guard("HEAD", "HEAD", ("a",), 1, 1.25)


def test_a_commit_that_cannot_be_installed_is_said_in_a_line(commit: Make) -> None:
    with pytest.raises(CannotTell, match=r"^installing base: exits [1-9]"):
        guard.guard(commit("no project"), "HEAD", ("a",), 1, 1.25)


def test_what_fails_is_named_with_its_side_and_last_line() -> None:
    program = "import sys; sys.exit('first\\nlast')"
    with pytest.raises(CannotTell, match=r"^base, run nats: exits 1: last$"):
        guard_commits.run([sys.executable, "-c", program], LIMIT_S, "base, run nats")


def test_what_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """Its own child holds the pipe to its output, so that a survivor would be waited for."""
    child = "import time; time.sleep(600)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with pytest.raises(CannotTell, match="did not end within 1 s"):
        guard_commits.run([sys.executable, "-c", program], 1, "base, run nats")


INTERRUPTED = """
class Interrupted(subprocess.Popen):
    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        self.stdout.readline()
        os.kill(os.getpid(), signal.SIGTERM)

subprocess.Popen = Interrupted
"""
"""The signal comes while the process starts, before anybody has it."""


@pytest.mark.parametrize(
    ("number", "within"),
    [(signal.SIGINT, ""), (signal.SIGTERM, ""), (signal.SIGTERM, INTERRUPTED)],
    ids=["SIGINT", "SIGTERM", "SIGTERM-while-it-starts"],
)
def test_an_interrupted_guard_leaves_no_process_and_no_file(
    number: signal.Signals, within: str, tmp_path: Path
) -> None:
    """Its processes hold a connection, which ends when the last of them is gone."""
    scratch, program = tmp_path / "scratch", tmp_path / "program.py"
    scratch.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LIMIT_S)
        child = (
            "import socket, time\n"
            f"with socket.create_connection({server.getsockname()!r}):\n"
            "    print('up', flush=True)\n"
            "    time.sleep(600)"
        )
        program.write_text(
            f"import os, signal, subprocess, sys, guard\n{within}\n"
            f"guard.guard = lambda *_: guard.run([sys.executable, '-c', {child!r}], 600, 'a')\n"
            "sys.argv = ['guard.py']\n"
            "guard.main()\n"
        )
        variables = {"PYTHONPATH": str(Path(guard.__file__).parent), "TMPDIR": str(scratch)}
        with subprocess.Popen(
            [sys.executable, str(program)], env={**os.environ, **variables}, stderr=subprocess.PIPE
        ) as process:
            with server.accept()[0] as held:
                held.settimeout(LIMIT_S)
                assert within or list(scratch.iterdir())
                if not within:
                    process.send_signal(number)
                assert held.recv(1) == b""
            process.communicate(timeout=LIMIT_S)
    assert process.returncode == 128 + number
    assert list(scratch.iterdir()) == []
