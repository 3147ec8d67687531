"""REC-11: makes one node of several fail, so that its clients go over to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from eventhook_conformance.cases._recovery import Scene, scene_of
from eventhook_conformance.cases._steps import LOSS
from eventhook_conformance.faults import Proxy
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Listener, NotOffered, Probe, Undecided
from eventhook_conformance.specification import case
from eventhook_conformance.target import Server

_EVENTS: Final = 5


@case("REC-11", implicates=LOSS | {"repeated"}, last=True)
@pytest.mark.parametrize("fault", ["killed", "paused"])
async def a_client_goes_over_to_another_node(probe: Probe, fault: str) -> None:
    """Fails a client's node for good: its subscriptions must recover through another node."""
    async with scene_of(probe) as scene:
        nodes = scene.server.nodes
        if len(nodes) < 2:
            raise NotOffered("the server names no nodes of which one could be lost")
        client, ways = await scene.client_of(*(node.address for node in nodes))
        lost, way = _used(nodes, ways)
        other = next(node for node in nodes if node is not lost)
        publisher = client
        if probe.capabilities.multi_client:
            publisher, _ = await scene.client_of(other.address)
        listeners = [await scene.subscribe(selects, client) for selects in scene.grounds()]
        await probe.reach(*listeners, via=publisher)
        async with scene.broken(fault, lost, [way]) as window:
            await scene.recover(
                window, charge=(), since=f"after its node was {fault}, one of {len(nodes)}"
            )
            for via in dict.fromkeys((publisher, client)):
                await probe.publish(*_events(scene, listeners), via=via)
            await probe.fence(*listeners)


def _used(nodes: Sequence[Server], ways: Sequence[Proxy]) -> tuple[Server, Proxy]:
    """Returns the node to which a client is connected, and its proxy."""
    for node, way in zip(nodes, ways, strict=True):
        if way.open:
            return node, way
    raise Undecided("the client holds no connection to any node")


def _events(scene: Scene, listeners: Sequence[Listener]) -> list[Event]:
    make = scene.probe.make
    return [
        make.stream_event(selects) if isinstance(selects, str) else make.event(selects.tenant_id)
        for selects in (one.entry.selects for one in listeners)
        for _ in range(_EVENTS)
    ]
