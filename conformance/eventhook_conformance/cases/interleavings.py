"""Pairs of operations at once, step by step: races that random histories hardly ever meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pytest

from eventhook_conformance.cases import case
from eventhook_conformance.cases._steps import DISTURBANCE
from eventhook_conformance.probe import Probe
from eventhook_conformance.programs import Player, Step
from eventhook_conformance.programs.steps import YIELDS

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
    "closing-publishing": (("close", 0), ("chain", 1, 0, 3)),
    "closing-entering": (("close", 0), _SUBSCRIBE),
}
_CLEANUPS: Final[Mapping[str, tuple[Step, Step]]] = {
    "entering": (("cleanup", 0), _SUBSCRIBE),
    "entering-elsewhere": (("cleanup", 0), ("subscribe", 1, 0, 0)),
    "leaving": (("cleanup", 0), ("leave", 0)),
    "publishing": (("cleanup", 0), _PUBLISH),
    "publishing-elsewhere": (("cleanup", 1), ("chain", 0, 0, 3)),
    "cleanup": (("cleanup", 0), ("cleanup", 1)),
    "closing": (("cleanup", 0), ("close", 0)),
}


@pytest.mark.parametrize("pair", _PAIRS)
@case("PUB-12", "PUB-16", shows=DISTURBANCE)
async def pairs_of_operations_disturb_nobody(probe: Probe, pair: str) -> None:
    """Each beside the other, with 0 to 3 turns of the loop between."""
    await _interleave(probe, *_PAIRS[pair], beside=[_STANDING])


@pytest.mark.parametrize("pair", _CLEANUPS)
@case("CLN-08", shows=DISTURBANCE, alone=True)
async def cleanup_beside_another_operation_disturbs_nobody(probe: Probe, pair: str) -> None:
    """Cleanup beside it, or it beside cleanup, with 0 to 3 turns of the loop between."""
    # With standing subscriptions on the tenant, and with none: then a channel may be idle.
    await _interleave(probe, *_CLEANUPS[pair], beside=[_STANDING, ()])


async def _interleave(
    probe: Probe, first: Step, second: Step, beside: Sequence[Sequence[Step]]
) -> None:
    for together in _orders(first, second):
        for standing in beside:
            player = Player(probe)
            for step in (*standing, together, *_AFTER):
                await player.take(step)
            await player.finish()


def _orders(first: Step, second: Step) -> Iterator[Step]:
    for yields in range(YIELDS):
        yield ("together", yields, first, second)
        yield ("together", yields, second, first)
