"""Runs pairs of operations at once, step by step, to find races that random histories rarely meet."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any, Final

import pytest

from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.cases._steps import DISTURBANCE
from eventhook_conformance.probe import Probe
from eventhook_conformance.programs import Player, Step
from eventhook_conformance.programs.steps import LISTENERS, YIELDS
from eventhook_conformance.specification import case

_GUESTS: Final = 2
_MOST: Final = 2 * YIELDS * 5
_SUBSCRIBE: Final[Step] = ("subscribe", 0, 0, 0)
_PUBLISH: Final[Step] = ("publish", 0, 0, 0, 1, 0)
_STANDING: Final[tuple[Step, ...]] = (_SUBSCRIBE, ("subscribe", 1, 0, 1), ("subscribe", 0, 0, 0))
_AFTER: Final[tuple[Step, ...]] = (_PUBLISH, ("publish", 1, 0, 1, 0, 0), ("fence", 0))

_PAIRS: Final[Mapping[str, tuple[Step, Step]]] = {
    "entering-publishing": (_SUBSCRIBE, _PUBLISH),
    "entering-publishing-elsewhere": (_SUBSCRIBE, ("chain", 1, 0, 3)),
    "entering-entering": (_SUBSCRIBE, ("subscribe", 1, 0, 3)),
    "leaving-publishing": (("leave", 0), _PUBLISH),
    "leaving-publishing-elsewhere": (("leave", 1), ("chain", 1, 0, 3)),
    "leaving-entering": (("leave", 0), _SUBSCRIBE),
    "leaving-leaving": (("leave", 0), ("leave", 1)),
    "failing-publishing": (("raise", 0), _PUBLISH),
    "cancelling-a-read-publishing": (("cancel-read", 0), _PUBLISH),
    "cancelling-an-entry-publishing": (("cancel-enter", 0, 0, 1), _PUBLISH),
    "refusing-publishing": (("refuse", 0, 0, 1), ("burst", 0, 0, 2)),
}
_CLOSINGS: Final[Mapping[str, Step]] = {
    "publishing": ("chain", 1, 0, 3),
    "entering": _SUBSCRIBE,
}
_CLEANUPS: Final[Mapping[str, tuple[Step, Step]]] = {
    "entering": (("cleanup", 0), _SUBSCRIBE),
    "entering-elsewhere": (("cleanup", 0), ("subscribe", 1, 0, 0)),
    "leaving": (("cleanup", 0), ("leave", 0)),
    "publishing": (("cleanup", 0), _PUBLISH),
    "publishing-elsewhere": (("cleanup", 1), ("chain", 0, 0, 3)),
    "cleanup": (("cleanup", 0), ("cleanup", 1)),
}


@pytest.mark.parametrize("pair", _PAIRS)
@case("PUB-12", "PUB-16", implicates=DISTURBANCE, subscriptions=_MOST, self_contained=True)
async def pairs_of_operations_disturb_nobody(probe: Probe, pair: str) -> None:
    """Runs each pair of operations with 0 to 3 turns between: no subscription may lose anything."""
    await side_by_side(probe, _programs(probe, *_PAIRS[pair], [_STANDING]), each=LISTENERS)


@pytest.mark.parametrize("other", _CLOSINGS)
@case("PUB-12", "PUB-16", implicates=DISTURBANCE, clients=_GUESTS, subscriptions=_MOST)
async def client_that_closes_meanwhile_disturbs_nobody(probe: Probe, other: str) -> None:
    """Closes another client beside each operation, with 0 to 3 turns between: nothing may be lost."""
    programs = _programs(probe, ("close", 0), _CLOSINGS[other], [_STANDING], _GUESTS)
    await side_by_side(probe, programs, each=LISTENERS)


@pytest.mark.parametrize("pair", _CLEANUPS)
@case("CLN-08", implicates=DISTURBANCE, exclusive="cleans", subscriptions=_MOST)
async def cleanup_beside_another_operation_disturbs_nobody(probe: Probe, pair: str) -> None:
    """Cleans up beside each operation, with 0 to 3 turns between: nothing may be lost."""
    # With standing subscriptions on the tenant, and with none: then a channel may be idle.
    programs = _programs(probe, *_CLEANUPS[pair], [_STANDING, ()])
    await side_by_side(probe, programs, each=LISTENERS)


@case("CLN-08", implicates=DISTURBANCE, exclusive="cleans", clients=_GUESTS, subscriptions=_MOST)
async def cleanup_beside_a_client_that_closes_disturbs_nobody(probe: Probe) -> None:
    """Cleans up beside a client that closes, with 0 to 3 turns between: nothing may be lost."""
    programs = _programs(probe, ("cleanup", 0), ("close", 0), [_STANDING, ()], _GUESTS)
    await side_by_side(probe, programs, each=LISTENERS)


def _programs(
    probe: Probe,
    first: Step,
    second: Step,
    beside: Sequence[Sequence[Step]],
    together: int = 2 * YIELDS * 2,
) -> Iterator[Coroutine[Any, Any, None]]:
    """Yields programs, each on a tenant of its own: both orders, all pauses, with each neighbour.

    Args:
        probe: the case's.
        first, second: the pair.
        beside: what stands beside it.
        together: how many programs may be at the pair itself at a time.
    """
    turns = asyncio.Semaphore(together)
    for pair in _orders(first, second):
        for standing in beside:
            yield _play(probe, standing, pair, turns)


async def _play(
    probe: Probe, standing: Sequence[Step], pair: Step, turns: asyncio.Semaphore
) -> None:
    player = Player(probe)
    for step in standing:
        await player.take(step)
    async with turns:
        await player.take(pair)
    for step in _AFTER:
        await player.take(step)
    await player.finish()


def _orders(first: Step, second: Step) -> Iterator[Step]:
    for yields in range(YIELDS):
        yield ("together", yields, first, second)
        yield ("together", yields, second, first)
