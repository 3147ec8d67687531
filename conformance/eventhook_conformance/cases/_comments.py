"""Waits for keep-alive comments."""

from __future__ import annotations

import time
from collections.abc import Callable, Sized
from typing import Final

from eventhook_conformance.probe.turns import lending
from eventhook_conformance.sse.session import Sse
from eventhook_conformance.sse.stream import Stream

_IDLE_S: Final = 4.0
"""Seconds of idleness that a case may take, but for a first interval that is longer."""
_ROUND_TRIPS: Final = 8


def intervals(sse: Sse, most: int) -> int:
    """Returns for how many intervals to wait: few where one is long."""
    return max(1, min(most, int(_IDLE_S / sse.target.keep_alive_s)))


async def expect_comment(sse: Sse, stream: Stream) -> bool | None:
    """Waits for one more comment, and reports a breach if none comes within the interval.

    An event begins the interval anew. Where events never cease, no comment is owed.

    Returns:
        True if a comment came; None if none was owed, since events never ceased.

    Raises:
        CaseAborted: the server answers no request either.
    """
    probe, clock = sse.probe, sse.http.now_s
    limit = sse.target.keep_alive_s * 1.5 + probe.settings.arrival_timeout_s / 2
    reading = stream.reading
    before, began = len(reading.parser.comments), clock()

    def came() -> bool:
        return len(reading.parser.comments) > before

    while not came() and not reading.over and clock() - began < limit:
        with lending(0.0):
            more = await stream.until(_either(came, reading.received), timeout_s=limit)
        if not more:
            await _wait_for_late(sse, stream, came)
            break
    else:
        if not came() and not reading.over:
            return None
    probe.expect(
        came(),
        f"a comment within {sse.target.keep_alive_s:g} s of silence on {stream.name}",
        "the stream ended" if reading.over else f"none within {limit:g} s",
        stream.requested,
    )
    return came()


class Pace:
    """Measures how far apart comments are on a stream that is silent.

    Args:
        sse: the case's.
    """

    def __init__(self, sse: Sse) -> None:
        self._sse = sse
        self._began = self._read()

    def _read(self) -> tuple[float, float]:
        """Returns the time, and how long of it this process worked or waited for a processor."""
        busy = time.process_time() + self._sse.probe.deadline.meter.read()
        return self._sse.http.now_s(), busy

    def judge(self, comments: int, stream: Stream) -> None:
        """Reports a breach if so many comments took too long; says nothing if this process was busy.

        Args:
            comments: how many came since this began.
            stream: carries them.
        """
        sse = self._sse
        took, busy = (now - then for now, then in zip(self._read(), self._began, strict=True))
        limit = 1.5 * comments * sse.target.keep_alive_s + sse.probe.settings.arrival_timeout_s / 2
        sse.probe.expect(
            took <= limit or busy > took / 2,
            f"a comment within {sse.target.keep_alive_s:g} s of silence on {stream.name}",
            f"{comments} in {took:.1f} s",
            stream.requested,
        )


async def _wait_for_late(sse: Sse, stream: Stream, came: Callable[[], bool]) -> None:
    """Waits for as long as another request shows that a busy server is late."""
    began = sse.http.now_s()
    await sse.ask("HEAD", sse.path("tenant"), sse.tenants[0].headers)
    late = _ROUND_TRIPS * (sse.http.now_s() - began)
    await stream.until(came, timeout_s=late, glance=True)


def _either(came: Callable[[], bool], events: Sized) -> Callable[[], bool]:
    """Returns a condition that holds once that came, or one more event."""
    before = len(events)
    return lambda: came() or len(events) > before
