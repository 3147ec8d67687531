"""Delivers values that lie about themselves."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import msgspec

from engine.misdeeds.raising import Odd
from engine.misdeeds.registry import lie
from eventhook_conformance.contract import FlovynEvent
from eventhook_reference.mutants.base import Event


class EqualText(str):
    """Text that is equal to all."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


class EqualDict(dict[str, Any]):
    """A dictionary that is equal to all."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None


class Raising(str):
    """Text that raises in each of its methods."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __hash__ = str.__hash__


def _with(event: Event, **members: Any) -> Event:
    return msgspec.structs.replace(event, **members) if hasattr(event, "source") else event


@lie
def delivers_a_source_equal_to_all(event: Event) -> Event:
    return _with(event, source=EqualText("forged"))


@lie
def delivers_data_equal_to_all(event: Event) -> Event:
    return _with(event, data=EqualDict(forged=True))


@lie
def delivers_members_that_raise(event: Event) -> Event:
    return _with(event, source=Raising("forged"), event_type=Raising("a"))


@lie
def delivers_an_object(_event: Event) -> Event:
    return object()


@lie
def delivers_deep_data(event: Event) -> Event:
    data: list[Any] = []
    for _ in range(50_000):
        data = [data]
    return _with(event, data=data)


@lie
def delivers_much_data(event: Event) -> Event:
    return _with(event, data="x" * 30_000_000)


@lie
def delivers_members_of_wrong_types(event: Event) -> Event:
    return _with(event, id=None, tenant_id=[], event_type=7, timestamp_ms="now")


class EqualNumber(int):
    """A number that is equal to all."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


class EqualList(list[Any]):
    """A list that is equal to all."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None


class EqualId(uuid.UUID):
    """An id that is equal to all."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class EqualEvent(FlovynEvent):  # type: ignore[misc]  # because: mypy takes a struct for a dataclass that must be frozen too
    """An event that is equal to all."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


class Endless(dict[str, Any]):
    """A dictionary without an end."""

    def items(self) -> Any:
        return self._all()

    def _all(self) -> Iterator[tuple[str, Any]]:
        while True:
            yield "a", 1


class Pretender:
    """Says that it is an event."""

    @property  # type: ignore[misc]  # because: it is a misdeed
    def __class__(self) -> type:
        return FlovynEvent


class Untouchable:
    """Raises in each of its methods."""

    def __getattribute__(self, name: str) -> Any:
        raise Odd(name)

    def __eq__(self, other: object) -> bool:
        raise Odd("no comparison")

    def __hash__(self) -> int:
        raise Odd("no hash")

    def __repr__(self) -> str:
        raise Odd("no repr")


@lie
def delivers_data_of_lists_equal_to_all(event: Event) -> Event:
    return _with(event, data=EqualList(["forged"]))


@lie
def delivers_numbers_equal_to_all(event: Event) -> Event:
    return _with(event, timestamp_ms=EqualNumber(7), data={"forged": EqualNumber(7)})


@lie
def delivers_ids_equal_to_all(event: Event) -> Event:
    return _with(event, id=EqualId(int=7), correlation_id=EqualText("forged"))


@lie
def delivers_an_event_equal_to_all(event: Event) -> Event:
    if not isinstance(event, FlovynEvent):
        return event
    members = {name: getattr(event, name) for name in FlovynEvent.__struct_fields__}
    return EqualEvent(**{**members, "source": "forged"})


@lie
def delivers_data_without_an_end(event: Event) -> Event:
    return _with(event, data=Endless())


@lie
def delivers_data_within_itself(event: Event) -> Event:
    data: list[Any] = []
    data.append(data)
    return _with(event, data=data)


@lie
def delivers_a_pretender(_event: Event) -> Event:
    return Pretender()


@lie
def delivers_the_untouchable(_event: Event) -> Event:
    return Untouchable()


@lie
def delivers_a_member_that_is_untouchable(event: Event) -> Event:
    return _with(event, data=Untouchable(), source=Untouchable())


@lie
def delivers_no_number(event: Event) -> Event:
    return _with(event, data={"n": float("nan"), "i": float("inf"), "big": 10**5000})


@lie
def delivers_nothing(_event: Event) -> Event:
    return None
