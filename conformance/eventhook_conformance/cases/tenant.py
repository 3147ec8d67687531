"""TEN: keeps tenants apart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Final
from uuid import UUID, uuid4

import pytest

from eventhook_conformance.cases._paced import deliver, room, try_to_subscribe
from eventhook_conformance.cases._vectors import play_table
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import OTHER, case, via


@case("TEN-01", implicates={"leaked"}, subscriptions=20)
async def other_tenants_events_match_no_pattern(probe: Probe) -> None:
    """Plays the vectors that differ in the tenant only: none may be selected."""
    await play_table(probe, "TEN-01")


@via
@case("TEN-01", implicates={"leaked"})
async def tenants_that_look_alike_stay_apart(probe: Probe, via: Via) -> None:
    """Uses tenants whose ids differ in one bit: each must get its own events only."""
    tenant = probe.make.tenant()
    alike = [tenant, *(UUID(int=tenant.int ^ (1 << bit)) for bit in (0, 33, 81, 100, 127))]
    listeners = [await probe.subscribe(EventPattern.all(one)) for one in alike]
    for one in alike:
        await probe.publish(probe.make.event(one, data=str(one)), via=via)
    await probe.fence(*listeners)


@via
@case("TEN-01", implicates={"leaked"})
async def tenants_take_turns(probe: Probe, via: Via) -> None:
    """Publishes and subscribes by two tenants in turn: each must get its own events only."""
    one, other = probe.make.tenant(), probe.make.tenant()
    first = await probe.subscribe(EventPattern.all(one))
    await probe.publish(probe.make.event(one), probe.make.event(other), via=via)
    second = await probe.subscribe(EventPattern.all(other))
    await probe.publish(
        probe.make.event(one), probe.make.event(other), probe.make.event(one), via=via
    )
    await probe.fence(first, second)
    await first.leave()
    await probe.publish(probe.make.event(one), probe.make.event(other), via=via)
    await probe.fence(second)


_SAME: Final[dict[str, Callable[[UUID, UUID], EventPattern]]] = {
    "all": lambda tenant, _: EventPattern.all(tenant),
    "workflow": EventPattern.for_workflow,
    "task": EventPattern.for_task,
    "type": lambda tenant, _: EventPattern.by_type(tenant, "order"),
    "source": lambda tenant, _: EventPattern(tenant_id=tenant, source="shop"),
    "four-filters": lambda tenant, same: EventPattern(
        tenant_id=tenant,
        workflow_execution_id=same,
        task_execution_id=same,
        event_type_prefix="order.created",
        source="shop",
    ),
}


@via
@pytest.mark.parametrize("pattern", list(_SAME))
@case("TEN-02", implicates={"leaked", "lost", "lost-first", "repeated"})
async def equal_ids_in_two_tenants_do_not_mix(probe: Probe, pattern: str, via: Via) -> None:
    """Publishes events of two tenants with one id: each must get its own."""
    same = uuid4()
    tenants = [probe.make.tenant(), probe.make.tenant()]
    listeners = [await probe.subscribe(_SAME[pattern](tenant, same)) for tenant in tenants]

    def twins() -> list[FlovynEvent]:
        identifier = uuid4()
        return [
            probe.make.event(
                tenant,
                "order.created",
                id=identifier,
                workflow=same,
                task=same,
                source="shop",
                correlation_id="request-1",
                timestamp_ms=1_700_000_000_000,
                data={"of": str(tenant)},
            )
            for tenant in tenants
        ]

    await deliver(probe, [*twins(), *reversed(twins())], *listeners, via=via)
    await probe.burst([[event] for event in twins()], via=via)
    await probe.fence(*listeners)
    # An id that the other tenant alone has used is no known one here.
    await probe.publish(twins()[0], via=via)
    await probe.publish(twins()[1], via=via)
    await probe.fence(*listeners)


@pytest.mark.parametrize("clients", ["one", pytest.param("two", marks=OTHER)])
@case("TEN-03", implicates={"leaked"}, subscriptions=100)
async def hundred_tenants_at_once_stay_apart(probe: Probe, clients: str) -> None:
    """Publishes for a hundred tenants at once: each must get its own events only."""
    tenants = [probe.make.tenant() for _ in range(100)]
    listeners = await probe.at_once(
        *(probe.subscribe(EventPattern.all(tenant)) for tenant in islice(tenants, room(probe, 100)))
    )
    senders: tuple[Via, ...] = ("same", "other") if clients == "two" else ("same",)
    await probe.at_once(
        *(
            probe.burst(
                [
                    [probe.make.event(tenant, data=number) for number in range(2)]
                    for tenant in tenants
                ],
                via=via,
            )
            for via in senders
        )
    )
    await probe.fence(*listeners)


def _hostile(victim: UUID) -> list[str]:
    """Returns texts that select the victim, or every tenant, in the syntax of brokers and databases."""
    return [
        *("*", ">", "**", "#", "%", "_", ".*", "^.*$", "' OR '1'='1", "${tenant}", "../", "\x00"),
        *(str(victim), victim.hex, f"{victim}.>", f"flovyn.events.{victim}.>", f"*:{victim}"),
        f"x\r\nPUB flovyn.events.{victim}.order.created 0\r\n\r\n",
        f'","tenant_id":"{victim}","source":"',
        f"suite\ntenant_id: {victim}",
    ]


@case("TEN-05", implicates={"leaked", "refused-seen", "unmatched"}, subscriptions=40)
async def no_filter_opens_another_tenants_feed(probe: Probe) -> None:
    """Subscribes with sources and prefixes that look like wildcards: no other tenant's event may come."""
    victim = probe.make.tenant()
    texts = _hostile(victim)
    prefixes = [
        *(">", "*", "*.>", f"{victim}.>"),
        *(f"{victim}", "flovyn.events", f"flovyn.events.{victim}"),
    ]
    patterns = [
        *(EventPattern(tenant_id=probe.make.tenant(), source=text) for text in texts),
        *(EventPattern.by_type(probe.make.tenant(), prefix) for prefix in prefixes),
    ]
    own = await probe.subscribe(EventPattern.all(victim))
    size = room(probe, len(patterns)) - 1
    for start in range(0, len(patterns), size):
        tried = await probe.at_once(
            *(try_to_subscribe(probe, one) for one in patterns[start : start + size])
        )
        opened = [listener for listener in tried if listener is not None]
        await deliver(
            probe,
            [
                probe.make.event(victim),
                probe.make.event(victim, f"{victim}.created", source=str(victim)),
                probe.make.event(victim, f"flovyn.events.{victim}.created", source=f"{victim}.>"),
            ],
            own,
        )
        await probe.fence(*filter(_is_fenceable, opened))
        await probe.at_once(*(listener.leave() for listener in opened))


def _is_fenceable(listener: Listener) -> bool:
    selects = listener.entry.selects
    prefix = selects.event_type_prefix if isinstance(selects, EventPattern) else None
    return prefix is None or not set(prefix) & set("*>")


@via
@case("TEN-05", implicates={"leaked", "phantom", "refused-seen", "unmatched"})
async def no_text_reaches_another_tenants_feed(probe: Probe, via: Via) -> None:
    """Publishes texts that name another tenant: that tenant may get nothing."""
    victim, attacker = probe.make.tenant(), probe.make.tenant()
    feeds = [
        await probe.subscribe(EventPattern.all(victim)),
        await probe.subscribe(EventPattern.by_type(victim, "order")),
        await probe.subscribe(EventPattern.all(attacker)),
    ]
    envelope = {"tenant_id": str(victim), "id": str(uuid4()), "event_type": "order.created"}
    events = [
        *(probe.make.event(attacker, "order.created", source=text) for text in _hostile(victim)),
        *(probe.make.event(attacker, correlation_id=text) for text in _hostile(victim)),
        *(probe.make.event(attacker, data=text) for text in _hostile(victim)),
        *(
            probe.make.event(attacker, data=data)
            for data in (envelope, [envelope], {"event": envelope})
        ),
        probe.make.event(attacker, data={"tenant": str(victim), "data": envelope}),
        probe.make.event(attacker, data=probe.make.event(victim).to_json().decode()),
        *(
            probe.make.event(attacker, event_type)
            for event_type in (f"{victim}.created", f"flovyn.events.{victim}.order.created")
        ),
    ]
    await deliver(probe, events, *feeds, via=via)
