"""Conclusions from publisher order: the keys of events, overtaken ones, and reads that come first."""

from __future__ import annotations

from uuid import UUID

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.history import Event, History, Publish, Subscribed
from eventhook_conformance.probe.publisher_order import event_key, overtaken, reads_until

TENANT = UUID(int=1)


def event(tenant: UUID = TENANT) -> FlovynEvent:
    return FlovynEvent.new(tenant, "task.created", "test", None)


def publish(history: History, by: str, one: Event, outcome: str = "ok") -> Publish:
    entry = history.publish(by, one)
    entry.returned, entry.outcome = history.clock.now(), outcome  # type: ignore[assignment]  # because: of any kind
    return entry


def subscribed(history: History) -> Subscribed:
    entry = history.subscribe("c1", EventPattern.all(TENANT))
    entry.entered = history.clock.now()
    return entry


def keys(*events: Event) -> set[object]:
    return {event_key(one) for one in events}


def test_an_id_that_two_tenants_share_has_two_keys() -> None:
    one = event()
    other = FlovynEvent(
        **{name: getattr(one, name) for name in one.__struct_fields__} | {"tenant_id": UUID(int=2)}
    )
    assert event_key(one) == event_key(one)
    assert event_key(one) != event_key(other)


def test_anything_else_has_a_key_of_its_own() -> None:
    assert event_key(7) != event_key(7)
    assert event_key(None) != event_key(None)


def test_an_event_is_overtaken_by_a_later_one_of_its_publisher_alone() -> None:
    history = History("case")
    first, second, other = event(), event(), event()
    publish(history, "c1", first)
    publish(history, "c1", second)
    publish(history, "c2", other)
    assert overtaken(history, keys(first), keys(second))
    assert not overtaken(history, keys(second), keys(first))
    assert not overtaken(history, keys(first), keys(other))
    assert not overtaken(history, keys(first, second), keys(second))


def test_reads_count_what_the_publisher_published_before() -> None:
    history = History("case")
    early = event()
    publish(history, "c1", early)
    entry = subscribed(history)
    events = [event() for _ in range(3)]
    foreign = event(UUID(int=2))
    for one in (events[0], foreign, events[1], events[2]):
        publish(history, "c1", one)
    publish(history, "c1", event(), outcome="refused")
    assert reads_until(history, entry, keys(events[2]), set()) == 3
    assert reads_until(history, entry, keys(events[2]), keys(events[0])) == 2
    assert reads_until(history, entry, keys(events[0]), set()) == 1
