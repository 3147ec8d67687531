"""Delivered events: each is compared by its content, not by its own `__eq__`."""

from __future__ import annotations

import subprocess
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from engine.hostile import examine
from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.probe import Probe
from eventhook_conformance.probe.plain import Unreadable, plain, plain_told
from eventhook_reference.channel import Channel
from eventhook_reference.frozen import freeze
from eventhook_reference.mutants.base import PliableClient, Side, pliable_target

EVENT = FlovynEvent.new(uuid4(), "a.b", "test", {"n": [1, {"x": None}]})


class Text(str):
    """Says that it is equal to anything."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True


class Anything:
    __hash__ = None  # type: ignore[assignment]  # because: it equals anything

    def __eq__(self, other: object) -> bool:
        return True


def test_an_event_of_exact_types_comes_back_itself() -> None:
    assert plain(EVENT) is EVENT
    token = StreamEvent(
        task_execution_id="",
        workflow_execution_id="k",
        sequence=0,
        event_type=StreamEventType.TOKEN,
        payload="x",
        timestamp_ms=1,
    )
    assert plain(token) is token


def test_members_become_exact_wherever_they_stand() -> None:
    lying = msgspec.structs.replace(
        EVENT, source=Text("x"), data=freeze({"t": Text("y"), "l": [True, 1.5, Text("z")]})
    )
    reduced: Any = plain(lying)
    assert type(reduced.source) is str
    assert reduced.source != "test"
    assert type(reduced.data) is dict
    assert [type(one) for one in reduced.data["l"]] == [bool, float, str]
    assert reduced.data == {"t": "y", "l": [True, 1.5, "z"]}


def test_ids_become_ids_by_their_number() -> None:
    class Id(UUID):
        __slots__ = ()
        __hash__ = UUID.__hash__

        def __eq__(self, other: object) -> bool:
            return True

    reduced: Any = plain(msgspec.structs.replace(EVENT, id=Id(int=7)))
    assert type(reduced.id) is UUID
    assert reduced.id == UUID(int=7)


def test_what_is_no_value_of_an_event_equals_nothing() -> None:
    reduced: Any = plain(msgspec.structs.replace(EVENT, data=Anything()))
    assert isinstance(reduced.data, Unreadable)
    assert reduced.data != EVENT.data
    assert repr(reduced.data) == "<a Anything>"


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, subprocess.SubprocessError])
def test_what_cannot_be_read_is_said_and_raises_nothing(error: type[BaseException]) -> None:
    class Raises(FlovynEvent, frozen=True):
        def __getattribute__(self, name: str) -> Any:
            if name == "data":
                raise error
            return super().__getattribute__(name)

    handed = Raises(**{name: getattr(EVENT, name) for name in EVENT.__struct_fields__})
    reduced = plain(handed)
    assert repr(reduced) == f"<a Raises that cannot be read: {error.__name__}>"


def test_what_is_no_event_comes_back_itself() -> None:
    assert plain("no event") == "no event"
    assert plain(None) is None


def test_what_is_no_event_and_has_a_say_of_its_own_is_kept_out() -> None:
    foreign = plain(Anything())
    assert foreign != "anything"
    assert "Anything object at" in repr(foreign)
    assert repr(plain(Text("no event"))) == "'no event'"
    assert type(plain(Text("no event"))) is not Text


class Count(int):
    """Says that it is equal to any number, and no smaller."""

    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __le__(self, other: object) -> bool:
        return True


def test_what_a_target_tells_of_itself_becomes_exact() -> None:
    assert plain_told(None) is None
    assert plain_told(3) == 3
    assert type(plain_told(Count(7))) is int
    assert plain_told(Count(7)) == 7
    assert type(plain_told(Text("c1"))) is str
    assert plain_told(10**6000) == -plain_told(-(10**6000)) == 1 << 63
    assert isinstance(plain_told(Anything()), Unreadable)


def test_counts_of_a_target_are_compared_as_they_are() -> None:
    class Lying(Channel[Any]):
        @property
        def dropped(self) -> int:
            return Count(7)

        @dropped.setter
        def dropped(self, count: int) -> None:
            pass

    class Liar(PliableClient):
        def make_channel(self, side: Side) -> Channel[Any]:
            return Lying(8)

        async def cleanup_inactive_channels(self) -> int:
            return Count(7)

    seen: list[object] = []

    async def looks(probe: Probe) -> None:
        listener = await probe.subscribe(EventPattern.all(probe.make.tenant()))
        client = await probe.client()
        seen.extend((listener.dropped, await client.cleanup(probe.history)))

    examine(pliable_target("liar", Liar), [looks])
    assert [type(one) for one in seen] == [int, int]
