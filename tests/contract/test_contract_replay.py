"""The beginning of a subscription: the form of cursors, and refusals of a bus without history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from eventhook_conformance.contract import (
    LIVE,
    START,
    InvalidCursor,
    Since,
    Unsupported,
    check_cursor,
    check_since,
    live_only,
)
from eventhook_reference.memory import MemoryBackend, MemoryBus


@pytest.mark.parametrize(
    "cursor",
    ["0", "!", "~", "a" * 256, '{"a":"b"}', "0192c7b8-5a6e-7d3f-8a1b-2c3d4e5f6071", "live"],
)
def test_visible_ascii_is_a_cursor(cursor: str) -> None:
    assert check_cursor(cursor) is None
    check_since(cursor)


@pytest.mark.parametrize(
    ("cursor", "because"),
    [
        ("", "got ''"),
        ("a" * 257, "got 257 characters"),
        ("a b", "got 'a b'"),
        ("a\n", r"got 'a\\n'"),
        ("\x7f", "got "),
        ("é", "got 'é'"),
        (None, "got None"),
        (7, "got 7"),
        (b"7", "got b'7'"),
    ],
)
def test_anything_else_is_none(cursor: object, because: str) -> None:
    problem = check_cursor(cursor)
    assert problem is not None
    assert problem.startswith("expected 1 to 256 bytes of visible ASCII")
    with pytest.raises(InvalidCursor, match=because):
        check_since(cursor)


@pytest.mark.parametrize("begin", [LIVE, START])
def test_the_two_beginnings_are_no_cursors_and_are_fine(begin: Since) -> None:
    check_since(begin)
    assert not isinstance(begin, str)


@asynccontextmanager
async def something() -> AsyncIterator[str]:
    yield "entered"


@pytest.mark.asyncio
async def test_a_bus_without_history_takes_live_alone() -> None:
    async with live_only(something(), LIVE) as entered:
        assert entered == "entered"
    with pytest.raises(Unsupported, match="expected since=LIVE"):
        async with live_only(something(), START):
            pass
    with pytest.raises(Unsupported):
        async with live_only(something(), "12"):
            pass
    with pytest.raises(InvalidCursor):
        async with live_only(something(), "1 2"):
            pass


@pytest.mark.asyncio
async def test_purge_is_not_offered_by_default() -> None:
    backend = MemoryBackend(MemoryBus())
    with pytest.raises(Unsupported, match="MemoryEvents has no purge"):
        await backend.events.purge(uuid4())
    with pytest.raises(Unsupported, match="MemoryStreams has no purge"):
        await backend.streams.purge("k")
