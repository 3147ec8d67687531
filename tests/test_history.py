"""The identity of events."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import msgspec

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.history import identity

EVENT = FlovynEvent.new(uuid4(), "a.b", "test", None)


class OwnUuid(UUID):
    """An id as a library may have it: a UUID with more to it."""


class Lying(UUID):
    """An id that says it is another, and equal to all."""

    def __getattribute__(self, name: str) -> Any:
        return EVENT.id.int if name == "int" else super().__getattribute__(name)

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = UUID.__hash__


def with_id(identifier: object) -> FlovynEvent:
    return msgspec.structs.replace(EVENT, id=identifier)


def test_an_id_of_a_subclass_is_the_same_id() -> None:
    assert identity(with_id(OwnUuid(str(EVENT.id)))) == identity(EVENT)
    assert identity(with_id(OwnUuid(str(uuid4())))) != identity(EVENT)


def test_an_id_is_what_it_holds_and_not_what_it_says() -> None:
    assert identity(with_id(Lying(str(uuid4())))) != identity(EVENT)


def test_what_is_no_uuid_is_another_id() -> None:
    for other in (str(EVENT.id), None, [1], {"a": 1}):
        hash(identity(with_id(other)))
        assert identity(with_id(other)) != identity(EVENT)
