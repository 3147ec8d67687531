"""EVT-12 on streams: publishes members of a wrong type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest

from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_WRONG_STREAM_MEMBERS: Final[Mapping[str, tuple[Any, ...]]] = {
    "task_execution_id": (None, 7, b"task"),
    "sequence": (None, "1", 1.5),
    "payload": (None, 7, b"token", ["token"], {"text": "token"}),
    "timestamp_ms": (None, "0", 1.5),
}


@pytest.mark.parametrize("member", list(_WRONG_STREAM_MEMBERS))
@case(
    "EVT-12",
    profile="streams",
    needs={"in_process": (True,)},
    implicates={"refused-seen", "lost", "lost-first", "ended"},
)
async def member_of_a_stream_event_of_the_wrong_type_is_refused(probe: Probe, member: str) -> None:
    """Publishes stream events with members of a wrong type: each must be refused."""
    key = probe.make.key()
    listener = await probe.subscribe(key)
    for value in _WRONG_STREAM_MEMBERS[member]:
        event = msgspec.structs.replace(probe.make.stream_event(key), **{member: value})
        await probe.refuse(event)
    await probe.fence(listener)
