"""One open stream of the target, as a case reads it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from eventhook_conformance.contract import StreamEvent
from eventhook_conformance.history import Event, Remark, identity
from eventhook_conformance.probe import Probe
from eventhook_conformance.sse.checks import Wanted, shown
from eventhook_conformance.sse.client import Reading
from eventhook_conformance.sse.published import Published


class Stream:
    """One open stream of the target.

    Args:
        probe: the case's.
        published: returns the events published so far.
        wanted: the events that it should carry.
        reading: the events that were read of it.
        name: how histories call its reader.
        requested: the history's entry of the request.
        fences: makes fresh events, some of which it takes.
        closing: closes the connection.
    """

    def __init__(
        self,
        probe: Probe,
        published: Callable[[], Published],
        wanted: Wanted,
        reading: Reading,
        name: str,
        requested: Remark,
        fences: Callable[[], list[Event]],
        closing: AsyncExitStack,
    ) -> None:
        self._probe = probe
        self._published = published
        self.wanted = wanted
        self.reading = reading
        self.name = name
        self.requested = requested
        self.fences = fences
        self.began = reading.opened.step
        """The step from which it owes events; earlier than its request if it goes on after an `id`."""
        self.judged = True
        """False if it is not compared with the publishes, since the target itself publishes."""
        self._closing = closing

    def numbers(self, upto: int) -> frozenset[int]:
        """Returns the numbers of the publishes from which the first `upto` events came."""
        published = self._published()
        origins = (published.origin(one.event) for one in self.reading.received[:upto])
        return frozenset(origin.number for origin in origins if origin is not None)

    def owed(self) -> list[Event]:
        """Returns the events published for this stream so far that its reader lacks."""
        return [
            publish.event
            for publish in self._published().all
            if publish.called.step > self.began
            and publish.number not in self.wanted.seen
            and self.wanted.takes(publish.event)
        ]

    def has(self, *events: Event) -> bool:
        """Returns whether all of these came."""
        published = self._published()
        origins = (published.origin(one.event) for one in self.reading.received)
        came = {identity(origin.event) for origin in origins if origin is not None}
        return all(identity(event) in came for event in events)

    async def receive(self, *events: Event) -> None:
        """Waits until all of these came.

        Raises:
            CaseAborted: they did not in time, or the stream ended.
        """
        probe = self._probe
        wanted = {identity(event): event for event in events}
        got = self.reading.received

        looked = 0

        def all_came() -> bool:
            nonlocal looked
            if looked < len(got):
                published = self._published()
                for one in got[looked:]:
                    origin = published.origin(one.event)
                    if origin is not None:
                        wanted.pop(identity(origin.event), None)
                looked = len(got)
            return not wanted

        if all_came():
            return
        waiting = probe.spawn(self.reading.until(all_came))
        await probe.deadline.wait(waiting, progress=lambda: len(got))
        if wanted:
            missing = next(iter(wanted.values()))
            entries = [p for p in probe.history.publishes if identity(p.event) in wanted][:3]
            state = self.reading.error or ("the stream ended" if self.reading.ended else "")
            raise probe.aborted(
                f"{_called(missing)} to arrive on {self.name}",
                state or f"nothing of it within {probe.deadline.current_s:g} s; {self._tail()}",
                self.requested,
                *entries,
            )

    def _tail(self) -> str:
        got = self.reading.received
        return f"the last event was {shown(got[-1].event)}" if got else "no event came at all"

    async def until(
        self,
        satisfied: Callable[[], bool],
        timeout_s: float | None = None,
        *,
        glance: bool = False,
    ) -> bool:
        """Returns whether that holds in time, or before the stream ends.

        Args:
            satisfied: says so.
            timeout_s: instead of the current arrival timeout, in seconds.
            glance: a right server may let this wait run out: it says nothing of the target.
        """
        probe = self._probe
        waiting = probe.spawn(self.reading.until(satisfied))
        limit_s = probe.deadline.current_s if timeout_s is None else timeout_s
        await probe.deadline.wait(waiting, timeout_s=limit_s, glance=glance)
        return satisfied()

    async def leave(self) -> None:
        """Closes the connection."""
        await self._probe.returns(self._closing.aclose(), f"closing {self.name}")


def _called(event: Event) -> str:
    if isinstance(event, StreamEvent):
        return f"{event.event_type} {event.sequence} ({event.payload!r:.40})"
    return f"{event.event_type} {event.id}"
