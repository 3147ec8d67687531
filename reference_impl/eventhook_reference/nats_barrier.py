"""Tells when the server has taken everything written, by a barrier that many callers share.

`flush()` of nats-py cannot tell: its PING overtakes what waits in the output buffer. A message to
an inbox of one's own goes through that buffer, and the server answers in order. One such *round* is
in flight at a time; later callers share the next one, and so its cost. Where the server is
far, that would make them wait for two round trips: there several are in flight, a little apart.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

_LOST: Final = "the connection was lost"
_APART_S: Final = 0.002
"""Between rounds in flight; a server whose answer takes longer than this is far."""


@dataclass(eq=False)
class Round:
    """One message to the inbox, and the callers that wait for it to come back."""

    number: int
    epoch: int
    deadline: asyncio.TimerHandle | None = None
    sent_s: float = 0.0
    """When it was sent, by the loop's clock."""
    waiters: list[asyncio.Future[None]] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    """Subjects that the server refused while this round was under way; see `Barrier.deny`."""
    problem: str | None = None
    """The reason why it is unknown whether the messages arrived; None once the message came back."""

    def settle(self, problem: str | None) -> None:
        """Lets all that wait go on."""
        self.problem = problem
        if self.deadline is not None:
            self.deadline.cancel()
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)


class Barrier:
    """Rounds over one connection.

    Args:
        send: writes the round's message to the output buffer; must not wait for anything.
        epoch: a number that changes with every reconnect, and when the connection closes.
        timeout_s: seconds after which a round is given up.
        timed_out: called when that happened.
    """

    def __init__(
        self,
        send: Callable[[int], Awaitable[None]],
        epoch: Callable[[], int],
        timeout_s: float,
        timed_out: Callable[[], None],
    ) -> None:
        self._send = send
        self._epoch = epoch
        self._timeout_s = timeout_s
        self._timed_out = timed_out
        self._count = 0
        self._flying: deque[Round] = deque()
        self._gathering: Round | None = None
        self._launching: asyncio.Task[None] | None = None
        self._soon: asyncio.Task[None] | None = None
        self._far = False

    async def passed(self, epoch: int) -> Round:
        """Waits until the server has taken all that this task wrote in that epoch, or never will.

        A caller that is cancelled takes nothing from those who share its round.
        """
        current = self._epoch()
        if epoch != current:
            self._fail_other_than(current)
            return Round(0, epoch, problem=_LOST)
        mine, settled = self.joined(epoch)
        if not self.under_way:
            await self.launch()
        await settled
        return mine

    def joined(self, current: int) -> tuple[Round, asyncio.Future[None]]:
        """Returns the round of the bytes written just now in this epoch, and a future of its outcome.

        The caller must make sure that a round is under way before it waits, as `passed` does. This
        method is separate, so that frequent callers skip a layer.
        """
        mine = self._gathering
        # What flies was under way already when the round that gathers began, and of its epoch.
        if mine is None or mine.epoch != current:
            self._fail_other_than(current)
            mine = self._gathering = self._new_round(current)
        settled = asyncio.get_running_loop().create_future()
        mine.waiters.append(settled)
        return mine, settled

    @property
    def under_way(self) -> bool:
        """True if a round is in flight, or about to be, after which the next one follows."""
        return self._launching is not None or (bool(self._flying) and not self._far)

    def answered(self, number: int) -> None:
        """Settles a round whose message came back."""
        if not self._flying or self._flying[0].number != number:
            return
        flown = self._flying.popleft()
        self._far = asyncio.get_running_loop().time() - flown.sent_s > _APART_S
        flown.settle(None if flown.epoch == self._epoch() else _LOST)
        if not self._flying and (self._gathering is not None or len(flown.waiters) > 1):
            # The callers that now go on may send more: the next round waits for them.
            self._launching = asyncio.create_task(self._launch())

    def deny(self, subject: str) -> None:
        """Notes that the server refused a publish to that subject.

        It says so before it answers the round that follows the publish. That round may still be
        gathering for us, if the answer to the one before was read but not yet processed.
        """
        for under_way in self._unsettled():
            under_way.denied.add(subject)

    def fail(self, problem: str) -> None:
        """Gives up all rounds: written messages may have arrived or not."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        for under_way in self._unsettled():
            under_way.settle(problem)
        self._flying.clear()
        self._gathering = None

    def _unsettled(self) -> Iterator[Round]:
        yield from self._flying
        if self._gathering is not None:
            yield self._gathering

    def _fail_other_than(self, epoch: int) -> None:
        if any(under_way.epoch != epoch for under_way in self._unsettled()):
            self.fail(_LOST)

    def _new_round(self, epoch: int) -> Round:
        self._count += 1
        deadline = asyncio.get_running_loop().call_later(self._timeout_s, self._expire)
        return Round(self._count, epoch, deadline)

    def _expire(self) -> None:
        self.fail(f"the server did not answer within {self._timeout_s:g} s")
        self._timed_out()

    async def launch(self) -> None:
        """Sends the round that gathers, if one does; a little later, if another is in flight."""
        if self._flying:
            if self._soon is None:
                self._soon = asyncio.create_task(self._launch_soon())
        else:
            await self._launch()

    async def _launch_soon(self) -> None:
        await asyncio.sleep(_APART_S)
        self._soon = None
        await self._launch()

    async def _launch(self) -> None:
        self._launching = None
        if self._gathering is not None:
            launched, self._gathering = self._gathering, None
            launched.sent_s = asyncio.get_running_loop().time()
            self._flying.append(launched)
            await self._send(launched.number)
