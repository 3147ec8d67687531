"""The table of hostile targets and drivers: `run` always ends with a verdict or a named reason.

`pytest -m hostile` runs all rows, in about five minutes on two processors. Each is a whole command, a few
at a time; a test waits for its row. A slice of one row of each kind runs with the other tests.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import fromstring

import jsonschema
import pytest

import eventhook_fixtures
from engine.misdeeds import LIES, MISDEEDS, tampering

PROGRAM: Final = str(Path(sys.executable).with_name("eventhook-conformance"))
TESTS: Final = Path(__file__).parents[1]
DRIVER: Final = TESTS / "driver" / "broken" / "hostile.py"
AT_ONCE: Final = 4
_STANDS_STILL: Final = re.compile(
    "closes_all|mutes|stop|block|spin|hang|cannot|never|deep|much|without_an_end|swell"
)
LIMIT_S: Final = 420.0
"""No claim of speed: alone, a row takes some seconds; one that stands still half a minute, or five."""
REPORTS: Final = ("json", "junit", "html")
CONFORMANT: Final = frozenset({0})
BROKEN: Final = frozenset({1})
UNDECIDED: Final = frozenset({3})
UNUSABLE: Final = frozenset({2})
ANY_TROUBLE: Final = frozenset({1, 3})


@dataclass(frozen=True)
class Row:
    """One hostile target."""

    target: str
    codes: frozenset[int]
    """The exit codes that are right."""
    word: str = ""
    """A pattern that the output or the JSON report has."""
    name: str = field(default="")


@dataclass(frozen=True)
class Ended:
    """The end of the command."""

    code: int
    output: str
    errors: str
    reports: dict[str, str]
    left: list[str]


def _row(place: str, misdeed: str, codes: frozenset[int], word: str = "") -> Row:
    name = f"{place}__{misdeed}"
    return Row(f"engine.hostile_targets:{name}", codes, word, name)


PROCESS: Final[dict[str, tuple[frozenset[int], str]]] = {
    "exits_0": (UNDECIDED, "exit status 0"),
    "exits_1": (UNDECIDED, "exit status 1"),
    "crashes": (UNDECIDED, "SIGSEGV, in string_at"),
    "aborts": (UNDECIDED, "SIGABRT, in aborts"),
    "kills_itself": (UNDECIDED, "SIGKILL"),
    "stops_itself": (UNDECIDED, "blocked the interpreter"),
    "stops_its_supervisor": (CONFORMANT, ""),
    "interrupts_itself": (UNDECIDED, "interrupted"),
    "replaces_itself": (UNDECIDED, "exit status 0"),
    "exits_at_exit": (CONFORMANT, ""),
    "hangs_at_exit": (CONFORMANT, ""),
    "forks": (CONFORMANT, ""),
    "forks_and_stays": (CONFORMANT, "1 child process"),
    "blocks_in_c": (ANY_TROUBLE, "blocked.* in blocks_in_c"),
    "swallows_interruptions": (ANY_TROUBLE, "blocked.* in swallows_interruptions"),
    "spins": (ANY_TROUBLE, "blocked.* in spins"),
    "reads_standard_input": (CONFORMANT, ""),
    "locks_itself_up": (ANY_TROUBLE, "blocked.* in locks_itself_up"),
    "spins_in_a_thread": (CONFORMANT, "1 thread"),
    "spins_in_daemon_threads": (CONFORMANT | ANY_TROUBLE, ""),
    "never_switches_threads": (ANY_TROUBLE, ""),
    "spins_beyond_signals": (ANY_TROUBLE, "blocked.* in spins"),
    "swells": (UNDECIDED, "MiB of memory"),
    "swells_in_a_thread": (CONFORMANT | UNDECIDED, ""),
    "ends_its_group": (UNDECIDED, "SIGTERM"),
    "exits_for_each_signal": (UNDECIDED, "exit status 0"),
    "exits_for_each_exception": (CONFORMANT | UNDECIDED, ""),
    "crashes_at_exit": (CONFORMANT, ""),
    "fails_at_exit": (CONFORMANT, ""),
    "exits_in_a_callback": (UNDECIDED, r"raised SystemExit\(0\)"),
    "interrupts_in_a_callback": (UNDECIDED, "interrupted"),
    "fails_in_a_callback": (CONFORMANT, ""),
    "exits_in_a_task": (UNDECIDED, r"raised SystemExit\(0\)"),
    "stops_the_loop": (UNDECIDED, "stopped the event loop"),
    "closes_the_loop": (UNDECIDED, ""),
    "forgets_the_loop": (CONFORMANT | UNDECIDED, ""),
    "stops_the_clock_of_the_loop": (CONFORMANT | UNDECIDED, ""),
    "clears_the_schedule": (UNDECIDED, ""),
    "breaks_the_exception_handler": (CONFORMANT | UNDECIDED, ""),
    "cancels_its_caller": (ANY_TROUBLE, ""),
    "cancels_all": (UNDECIDED, "cancelled the tasks of the suite"),
    "closes_all_coroutines": (UNDECIDED, ""),
    "closes_the_run": (UNDECIDED, "closed the coroutine of the run|closed a coroutine"),
    "mutes_all_tasks": (UNDECIDED, "blocked the event loop|took away the wake-up"),
    "never_returns": (BROKEN, "did not"),
    "cannot_be_cancelled": (BROKEN, "did not"),
    "cannot_be_closed": (BROKEN, "did not"),
    "never_pauses": (ANY_TROUBLE, "did not"),
    "floods_the_loop": (CONFORMANT | ANY_TROUBLE, ""),
    "closes_outputs": (CONFORMANT, ""),
    "puts_others_in_place_of_descriptors": (UNDECIDED, ""),
    "replaces_asyncio": (UNDECIDED, ""),
    "replaces_warnings": (CONFORMANT, ""),
    "replaces_the_collector": (CONFORMANT, ""),
    "replaces_files": (CONFORMANT | UNDECIDED, ""),
    "replaces_threads": (CONFORMANT | UNDECIDED, ""),
    "replaces_signals": (UNDECIDED, ""),
    "clears_all_modules": (CONFORMANT | UNDECIDED, ""),
    "changes_the_locale": (CONFORMANT, ""),
    "traces": (ANY_TROUBLE, ""),
    "profiles_slowly": (CONFORMANT | ANY_TROUBLE, ""),
    "limits_processor_time": (UNDECIDED, "SIGKILL|SIGXCPU"),
    "limits_stack_and_processes": (CONFORMANT | UNDECIDED, ""),
    "lifts_the_recursion_limit": (UNDECIDED, ""),
    "replaces_the_import": (CONFORMANT | UNDECIDED, ""),
    "leaks_a_daemon": (CONFORMANT, ""),
    "closes_all_descriptors": (UNDECIDED, "closed the descriptor"),
    "closes_standard_streams": (CONFORMANT, ""),
    "writes_garbage_everywhere": (CONFORMANT, ""),
    "floods_the_console": (CONFORMANT, ""),
    "replaces_json": (CONFORMANT, ""),
    "replaces_time": (CONFORMANT, ""),
    "replaces_builtins": (UNDECIDED, "TypeError"),
    "replaces_random": (CONFORMANT | BROKEN, ""),
    "replaces_streams": (CONFORMANT, ""),
    "replaces_os": (CONFORMANT, ""),
    "ignores_signals": (CONFORMANT, ""),
    "disables_faulthandler": (UNDECIDED, "exit status 7"),
    "changes_directory": (CONFORMANT, ""),
    "removes_the_working_directory": (CONFORMANT, ""),
    "removes_the_temporary_folder": (CONFORMANT, ""),
    "limits_descriptors": (CONFORMANT | UNDECIDED, ""),
    "limits_file_size": (CONFORMANT, ""),
    "limits_memory": (CONFORMANT | ANY_TROUBLE, ""),
    "limits_recursion": (CONFORMANT | ANY_TROUBLE, ""),
    "turns_warnings_into_errors": (CONFORMANT | ANY_TROUBLE, ""),
    "clears_modules": (CONFORMANT, ""),
    "clears_the_environment": (CONFORMANT, ""),
    "forbids_files_and_processes_for_good": (CONFORMANT | UNDECIDED, ""),
    "makes_outputs_non_blocking": (CONFORMANT, ""),
    "lets_an_alarm_kill_it": (UNDECIDED, "SIGALRM"),
    "raises_in_a_handler_again_and_again": (ANY_TROUBLE | CONFORMANT, ""),
    "shuts_the_executor_down": (CONFORMANT, ""),
    "reads_what_is_meant_for_others": (CONFORMANT | UNDECIDED, ""),
    "replaces_the_handlers_of_threads": (UNDECIDED, "exit status 0"),
    "ends_its_parent": (UNDECIDED, ""),
    "signals_its_parent": (UNDECIDED, "interrupted"),
    "leaks_tasks": (CONFORMANT, "100 tasks"),
    "leaks_a_task_that_cannot_be_cancelled": (CONFORMANT, "1 task"),
    "leaks_threads": (CONFORMANT, "10 threads"),
    "leaks_a_process": (CONFORMANT, "1 child process"),
    "leaks_a_session": (CONFORMANT, "1 child process"),
    "leaks_descriptors": (CONFORMANT, "100 open descriptors"),
}
"""The outcome of each misdeed in `publish`; each other place has a few of them."""
TAMPERING: Final = tuple(
    name for name, one in MISDEEDS.items() if one.__module__ == tampering.__name__
)
CHANGED: Final = "the target changed .* of the suite"
RAISED: Final = {
    "raises_SystemExit": (BROKEN, "TargetExited"),
    "raises_CancelledError": (BROKEN, "TargetCancelled"),
    "raises_KeyboardInterrupt": (UNDECIDED, "interrupted"),
    "raises_GeneratorExit": (UNDECIDED, "GeneratorExit"),
    "raises_Codeless": (BROKEN, "TargetExited"),
    "raises_Unprintable": (BROKEN, "Unprintable: its text cannot be read"),
}


TOLD: Final = {
    # Both are large beyond all measure: the process may not be able to bear them.
    "delivers_deep_data": ANY_TROUBLE,
    "delivers_much_data": ANY_TROUBLE,
    "delivers_data_without_an_end": ANY_TROUBLE,
}
"""Outcomes of lies about deliveries, if they are not certainly a verdict."""


def _rows() -> Iterator[Row]:
    for name in MISDEEDS:
        if name.startswith("raises_"):
            kind = name.removeprefix("raises_").partition("_")[0]
            yield _row("publish", name, *RAISED.get(name, (BROKEN, kind)))
        elif name in TAMPERING:
            yield _row("publish", name, UNDECIDED, CHANGED)
        else:
            yield _row("publish", name, *PROCESS[name])
    for name in TAMPERING:
        yield _row("import", name, UNDECIDED, CHANGED)
    for name in LIES:
        yield _row("deliver", name, TOLD.get(name, BROKEN))
    for place in ("import", "open"):
        yield _row(place, "exits_0", UNUSABLE, "exit status 0")
        yield _row(place, "crashes", UNUSABLE, "SIGSEGV")
        yield _row(place, "raises_ValueError", UNUSABLE, "ValueError: no")
        yield _row(place, "raises_SystemExit", UNUSABLE, "SystemExit")
        yield _row(place, "raises_Odd", UNUSABLE, "Odd: no")
        yield _row(place, "raises_Closed", UNUSABLE, "raised.* Closed|: Closed")
        yield _row(place, "closes_all_descriptors", UNUSABLE | UNDECIDED)
        yield _row(place, "replaces_json", CONFORMANT | UNUSABLE | ANY_TROUBLE)
    yield _row("open", "raises_GeneratorExit", UNUSABLE, "entering did not come to an end")
    for place in ("subscribe", "read", "leave", "close"):
        yield _row(place, "raises_ValueError", BROKEN, "ValueError: no")
        yield _row(place, "raises_GeneratorExit", ANY_TROUBLE, "GeneratorExit|come to an end")
        yield _row(place, "raises_Odd", BROKEN, "Odd: no")
        yield _row(place, "raises_SystemExit", BROKEN, "SystemExit")
        yield _row(place, "exits_0", UNDECIDED, "exit status 0")
        yield _row(place, "spins", ANY_TROUBLE | CONFORMANT, "")


def _driver_row(method: str, misdeed: str, codes: frozenset[int], word: str = "") -> Row:
    command = shlex.join([sys.executable, str(DRIVER), method, misdeed])
    return Row(f"driver:{command}", codes, word, f"driver__{method}__{misdeed}")


DEADLY: Final = {
    "exits_0": "exited with 0",
    "exits_3": "exited with 3",
    "is_killed": "SIGKILL",
    "stops": "",
    "blocks": "",
    "never_answers": "",
    "closes_output": "closed its standard output",
    "prints": "no JSON",
    "prints_half": "",
    "answers_a_stranger": "999999",
    "answers_null": "",
    "floods": "4194304 bytes",
    "prints_what_is_no_text": "",
    "answers_in_depth": "",
    "answers_with_a_huge_number": "",
    "answers_with_a_list": "",
    "answers_nobody": "",
    "fails_without_a_code": "",
    "goes_deaf": "closed its standard input",
    "leaves_its_output_to_a_daemon": "exited with 0",
}
"""Misdeeds that cost a driver at least the case."""
NOT_THE_BUS: Final = frozenset(DEADLY) - {"stops", "blocks", "never_answers"}
"""Misdeeds that are surely the driver's own: no requirement is charged with them."""
HARMLESS: Final = (
    *("floods_errors", "leaves_a_child", "forks", "ignores_signals"),
    *("closes_input", "closes_errors", "drips", "swells"),
)
DRIVEN: Final = CONFORMANT | ANY_TROUBLE


def _driver_rows() -> Iterator[Row]:
    for method in ("publish", "subscribe", "next"):
        for misdeed, word in DEADLY.items():
            own = method == "publish" and misdeed in NOT_THE_BUS
            yield _driver_row(method, misdeed, UNDECIDED if own else ANY_TROUBLE, word)
    for misdeed in HARMLESS:
        # A driver that does not end, or whose child holds its output, leaves the run undecided.
        yield _driver_row("publish", misdeed, CONFORMANT | UNDECIDED)
    yield _driver_row("publish", "raises", ANY_TROUBLE)
    yield _driver_row("publish", "refuses", ANY_TROUBLE)
    yield _driver_row("publish", "answers_twice", ANY_TROUBLE)
    for misdeed in ("exits_0", "is_killed", "prints", "closes_output", "floods"):
        yield _driver_row("initialize", misdeed, UNUSABLE, DEADLY[misdeed])
        yield _driver_row("open", misdeed, UNUSABLE | ANY_TROUBLE)
        yield _driver_row("unsubscribe", misdeed, ANY_TROUBLE)
        yield _driver_row("close", misdeed, DRIVEN)


ROWS: Final = tuple(_rows())
DRIVERS: Final = tuple(_driver_rows())


def run_row(row: Row, folder: Path, limit_s: float = LIMIT_S) -> Ended:
    """Runs the command on a row in a folder of its own, and lists its leftovers."""
    (folder / "tmp").mkdir(parents=True)
    mark = uuid.uuid4().hex
    done = subprocess.run(
        [
            *(PROGRAM, "run", row.target, "-q", "--timeout", "0.3", "--examples", "1"),
            *("-k", "PUB-08 or PUB-09 or PUB-11"),
            *(f"--{name}=report.{name}" for name in REPORTS),
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(TESTS),
            "TMPDIR": str(folder / "tmp"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "HOSTILE_ROW": mark,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=limit_s,
        check=False,
    )
    left = [f"process {one}" for one in processes_of(mark)]
    left += [str(one) for one in (folder / "tmp").glob("*")]
    known = {"tmp", "cache", "eventhook-failures", *(f"report.{name}" for name in REPORTS)}
    left += [one.name for one in folder.iterdir() if one.name not in known]
    return Ended(
        code=done.returncode,
        output=done.stdout.decode(),
        errors=done.stderr.decode(errors="replace"),
        reports={
            name: (folder / f"report.{name}").read_text(encoding="utf-8")
            for name in REPORTS
            if (folder / f"report.{name}").exists()
        },
        left=left,
    )


def processes_of(mark: str) -> list[str]:
    """Returns the running processes that have a mark in their environment or on their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if mark.encode() in told and state.rpartition(")")[2].split()[0] != "Z":
            found.append(f"{folder.name} {state.partition('(')[2].rpartition(')')[0]}")
    return found


@pytest.fixture(scope="module")
def ended(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Row], Ended]]:
    """Starts the rows of this process's tests, a few at a time; gives how one ended."""
    started: dict[str, Future[Ended]] = {}
    base = tmp_path_factory.mktemp("rows")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = {row.name: row for row in map(_row_of, request.session.items) if row is not None}
        # Those that stand still wait for their limits, while others work.
        for row in sorted(asked.values(), key=lambda one: not _STANDS_STILL.search(one.name)):
            started[row.name] = pool.submit(run_row, row, base / row.name)
        yield lambda row: started[row.name].result()
        pool.shutdown(cancel_futures=True)


def _row_of(item: pytest.Item) -> Row | None:
    if not isinstance(item, pytest.Function) or any(item.iter_markers("skip")):
        return None
    row = getattr(item, "callspec", None) and item.callspec.params.get("row")
    return row if isinstance(row, Row) else None


def check_whole(row: Row, ended: Ended) -> None:
    """Looks at everything that holds for all rows."""
    assert ended.code in row.codes, ended.output + ended.errors[-3000:]
    assert ended.left == []
    assert "Traceback" not in ended.output
    said = ended.output + ended.errors + ended.reports.get("json", "")
    assert re.search(row.word, said), said[-3000:]
    if not ended.reports:
        # Refused before anything was judged: one line says why.
        assert ended.code == 2
        assert ended.output == ""
        assert ended.errors.startswith("Error: ")
        assert len(ended.errors.splitlines()) == 1
        return
    (result,) = _checked(ended.reports["json"])["results"]
    verdict = {0: "conformant", 1: "non-conformant", 2: "inconclusive", 3: "inconclusive"}
    assert result["verdict"] == verdict[ended.code]
    if ended.code == 2:
        assert f"Error: {result['message']}" in ended.errors
    else:
        assert f": {result['verdict']}: " in ended.output.splitlines()[-1]
    for case in result["cases"]:
        assert case["message"] or case["outcome"] == "passed", case
    if ended.code == 3:
        assert result["message"] or any(one["outcome"] == "error" for one in result["cases"])
    (suite,) = fromstring(ended.reports["junit"])  # noqa: S314  # because: the suite wrote it
    assert len(suite.findall("testcase")) >= len(result["cases"])
    assert ended.reports["html"].rstrip().endswith("</html>")


def _checked(text: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator(eventhook_fixtures.schema("report")).validate(content)
    return content


@pytest.mark.hostile
@pytest.mark.timeout(600)
@pytest.mark.parametrize("row", [pytest.param(one, id=one.name) for one in (*ROWS, *DRIVERS)])
def test_a_hostile_target_costs_its_own_verdict_alone(
    row: Row, ended: Callable[[Row], Ended]
) -> None:
    check_whole(row, ended(row))


SLICE: Final = (
    "publish__raises_SystemExit",
    "publish__exits_0",
    "publish__crashes",
    "publish__exits_in_a_callback",
    "publish__cannot_be_cancelled",
    "publish__floods_the_console",
    "publish__closes_outputs",
    "publish__replaces_json",
    "publish__replaces_time",
    "publish__leaks_a_daemon",
    "publish__replaces_a_part_of_the_checker",
    "import__empties_the_cases",
    "deliver__delivers_an_event_equal_to_all",
    "deliver__delivers_data_within_itself",
    "open__crashes",
    "import__exits_0",
    "driver__publish__exits_3",
    "driver__initialize__prints",
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "row", [pytest.param(one, id=one.name) for one in (*ROWS, *DRIVERS) if one.name in SLICE]
)
def test_one_of_each_kind_costs_its_own_verdict_alone(
    row: Row, ended: Callable[[Row], Ended]
) -> None:
    check_whole(row, ended(row))


def test_the_table_is_as_large_as_it_claims() -> None:
    assert len({one.name for one in (*ROWS, *DRIVERS) if one.name in SLICE}) == len(SLICE)
    assert len({one.name for one in ROWS}) == len(ROWS) >= 60
    assert len({one.name for one in DRIVERS}) == len(DRIVERS) >= 40
