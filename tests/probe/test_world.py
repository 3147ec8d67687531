"""The world: its draws are legal, of many kinds, fresh, and repeatable by the seed."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from uuid import UUID

from eventhook_conformance.contract import check_stream_key
from eventhook_conformance.probe.maker import Maker
from eventhook_conformance.probe.world import World

COUNT = 2000


def world(seed: str = "seed") -> World:
    return World(Random(seed))


def test_ids_are_fresh_and_of_many_kinds() -> None:
    drawn = world()
    ids = [drawn.identifier() for _ in range(COUNT)]
    assert len(set(ids)) == COUNT
    assert {1, 4, 7} <= {one.version for one in ids}
    pairs = list(pairwise(ids))
    assert any(a.int >> 64 == b.int >> 64 for a, b in pairs)
    assert any(a.int & (1 << 64) - 1 == b.int & (1 << 64) - 1 for a, b in pairs)
    assert any(a.hex[:8] == b.hex[:8] and a.hex[:16] != b.hex[:16] for a, b in pairs)


def test_two_worlds_of_one_seed_never_share_an_id() -> None:
    one, other = world(), world()
    assert {one.identifier() for _ in range(COUNT)}.isdisjoint(
        other.identifier() for _ in range(COUNT)
    )


def test_keys_are_well_formed_fresh_and_of_many_kinds() -> None:
    drawn = world()
    keys = [drawn.key() for _ in range(COUNT)]
    assert len(set(keys)) == COUNT
    assert [key for key in keys if check_stream_key(key) is not None] == []
    assert any(key.isdecimal() and key.startswith("0") for key in keys)
    assert any(key != key.lower() for key in keys)


def test_one_seed_draws_the_same_kinds_and_another_others() -> None:
    def kinds(seed: str) -> list[object]:
        make = Maker(Random(seed))
        events = [make.event(UUID(int=1)) for _ in range(100)]
        streams = [make.stream_event("key") for _ in range(100)]
        return [
            *((one.data, one.correlation_id, one.workflow_execution_id is None) for one in events),
            *(
                (one.payload, one.event_type, one.sequence, one.task_execution_id)
                for one in streams
            ),
        ]

    assert kinds("a") == kinds("a")
    assert kinds("a") != kinds("b")


def test_what_it_makes_is_valid() -> None:
    make = Maker(Random("seed"))
    for _ in range(COUNT):
        make.event(make.tenant()).validate()
        make.stream_event(make.key()).validate()


def test_what_a_case_says_stays() -> None:
    make = Maker(Random("seed"))
    for _ in range(100):
        event = make.event(UUID(int=1), workflow=None, task=None, data=None, correlation_id=None)
        optionals = (event.workflow_execution_id, event.task_execution_id, event.correlation_id)
        assert (*optionals, event.data) == (None, None, None, None)
        stream = make.stream_event("key", "", task="", sequence=0)
        assert (stream.payload, stream.task_execution_id, stream.sequence) == ("", "", 0)
