"""How long to wait for what must come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

_VAIN_BEFORE_SHORT: Final = 4
_SHORTENED: Final = 5
_SLOWEST_FACTOR: Final = 5
_TURNS_FIRST: Final = 3
_SLICES: Final = 10
_GLANCE_S: Final = 0.25
_SHORT_GLANCE_S: Final = 0.02


class Deadline:
    """The arrival timeout of one run.

    A target that let several waits run out is judged broken already; to bring that verdict soon, the
    waits after that are cut to a fifth, but never below five times what its slowest arrival took.

    Args:
        timeout_s: seconds to wait for what must come.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.reads_on = False
        """What was overtaken may come yet, by what was seen: cases read on before they leave."""
        self.disorderly = False
        """The target reorders with nothing going on beside it."""
        self._vain = 0
        self._vain_glances = 0
        self._slowest_s = 0.0

    @property
    def current_s(self) -> float:
        """Seconds to wait now."""
        if self._vain < _VAIN_BEFORE_SHORT:
            return self.timeout_s
        return min(
            self.timeout_s, max(self.timeout_s / _SHORTENED, self._slowest_s * _SLOWEST_FACTOR)
        )

    @property
    def looks_long(self) -> bool:
        """Whether a look for what was overtaken takes its time: several before were not in vain."""
        return self._vain_glances < _VAIN_BEFORE_SHORT

    @property
    def glance_s(self) -> float:
        """Seconds to look for what was overtaken; short once several looks were in vain."""
        if not self.looks_long:
            return _SHORT_GLANCE_S
        return min(self.current_s, max(_GLANCE_S, self._slowest_s * _SLOWEST_FACTOR))

    async def glance(self, task: asyncio.Future[Any]) -> bool:
        """Whether what was overtaken comes soon; in vain, that shortens later glances alone."""
        came = await self.wait(task, timeout_s=self.glance_s, glance=True)
        self._vain_glances = 0 if came else self._vain_glances + 1
        return came

    async def wait(
        self,
        task: asyncio.Future[Any],
        *,
        progress: Callable[[], int] | None = None,
        timeout_s: float | None = None,
        glance: bool = False,
    ) -> bool:
        """Whether the task is done in time; it is never cancelled.

        Args:
            task: what to wait for.
            progress: a count; while it rises within each timeout, waiting goes on.
            timeout_s: instead of the current arrival timeout.
            glance: this is only a first look, and in vain it says nothing of the target.
        """
        # Most calls are over in a turn or two; a timer for each would cost more than they do.
        for _ in range(_TURNS_FIRST):
            if task.done():
                return True
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        while not task.done():
            limit = self.current_s if timeout_s is None else timeout_s
            before, began = progress() if progress else 0, loop.time()
            # In slices: time in which this loop stood still, on a busy machine, is no time waited.
            for _ in range(_SLICES):
                await asyncio.wait({task}, timeout=limit / _SLICES)
                if task.done():
                    break
            if task.done():
                self._slowest_s = max(self._slowest_s, loop.time() - began)
            elif progress is None or progress() == before:
                self._vain += not glance
                return False
        return True
