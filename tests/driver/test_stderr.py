"""A driver's standard error, as far as it is kept."""

from __future__ import annotations

import asyncio
import io
import sys

import pytest

from eventhook_conformance.driver.stderr import Lines, Outlet


async def _kept(monkeypatch: pytest.MonkeyPatch, *lines: str) -> str:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    reader = asyncio.StreamReader()
    reader.feed_data("".join(f"{line}\n" for line in lines).encode())
    reader.feed_eof()
    read = Lines("driver", Outlet())
    await read.read(reader)
    return read.last()


def kept(monkeypatch: pytest.MonkeyPatch, *lines: str) -> str:
    return asyncio.run(_kept(monkeypatch, *lines))


STACK = [f"  at frame {number}" for number in range(9)]
TAIL = " | ".join(line.strip() for line in STACK[-6:])


@pytest.mark.parametrize(
    "head",
    [
        "panic: runtime error: index out of range [3] with length 3",
        "fatal error: all goroutines are asleep - deadlock!",
        'Exception in thread "main" java.lang.IllegalStateException: closed',
        "Error: Cannot find module 'x'",
        "TypeError: bus is undefined",
        "thread 'main' panicked at src/main.rs:3:5:",
        "redis.exceptions.ConnectionError: refused",
    ],
)
def test_the_head_of_a_crash_stays(monkeypatch: pytest.MonkeyPatch, head: str) -> None:
    last = kept(monkeypatch, "starting", head, "its message", *STACK)
    assert last == f"{head} | its message | … | {TAIL}"


def test_a_crash_within_the_last_lines_is_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept(monkeypatch, "starting", "panic: x", "a", "b") == "starting | panic: x | a | b"


@pytest.mark.parametrize("between", range(9))
def test_no_line_is_there_twice(monkeypatch: pytest.MonkeyPatch, between: int) -> None:
    last = kept(monkeypatch, "panic: x", *(str(number) for number in range(between)))
    shown = [line for line in last.split(" | ") if line != "…"]
    assert shown[0] == "panic: x"
    assert len(shown) == len(set(shown))
    assert ("…" in last) == (between > 7)


def test_ordinary_lines_are_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"line {number} of an Error" for number in range(9)]
    assert kept(monkeypatch, *lines) == " | ".join(lines[-6:])
