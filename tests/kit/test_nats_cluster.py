"""Three servers as one."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from eventhook_conformance.contract import START, EventPattern, FlovynEvent, PublishError
from eventhook_conformance.kit import NatsServer, ServerUnavailable, nats_cluster
from eventhook_conformance.kit.nats_cluster import NatsCluster
from eventhook_reference.nats import CannotConnect, connect
from eventhook_reference.nats_replay import connect as connect_to_history

pytestmark = [pytest.mark.nats, pytest.mark.asyncio]

PATIENCE_S = 5.0
TENANT = UUID(int=1)


def entries(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def arrives(publisher: str, reader: str) -> None:
    """Returns once an event from a client of one node has reached a client of another."""
    async with (
        asyncio.timeout(PATIENCE_S),
        connect(publisher) as one,
        connect(reader) as other,
        other.events.subscribe(EventPattern.all(TENANT)) as subscription,
    ):
        reading = asyncio.ensure_future(anext(subscription))
        while not reading.done():
            await one.events.publish(FlovynEvent.new(TENANT, "a.b", "test", None))
            await asyncio.wait({reading}, timeout=0.01)
        await reading


async def test_addresses_go_round_and_events_across() -> None:
    async with NatsCluster() as cluster:
        addresses = [cluster.address for _ in range(6)]
        assert len(set(addresses[:3])) == 3
        assert addresses[:3] == addresses[3:]
        await arrives(addresses[0], addresses[1])
        await arrives(addresses[1], addresses[2])


async def test_a_history_on_three_nodes_is_read_at_each_of_them() -> None:
    async with (
        asyncio.timeout(4 * PATIENCE_S),
        NatsCluster(jetstream=True) as cluster,
        connect_to_history(cluster.address, replicas=3) as one,
        connect_to_history(cluster.address, replicas=3) as other,
    ):
        for number in range(3):
            await one.events.publish(FlovynEvent.new(TENANT, "a.b", "test", number))
        async with other.events.subscribe(EventPattern.all(TENANT), since=START) as reading:
            assert [(await anext(reading)).data for _ in range(3)] == [0, 1, 2]
            await one.events.publish(FlovynEvent.new(TENANT, "a.b", "test", 3))
            assert (await anext(reading)).data == 3


async def test_the_node_given_out_last_is_killed_and_joins_again() -> None:
    async with NatsCluster() as cluster:
        for _ in range(3):
            other, mine = cluster.address, cluster.address
            async with connect(other) as survivor, connect(mine) as victim:
                await cluster.kill()
                await survivor.events.publish(FlovynEvent.new(TENANT, "a.b", "test", None))
                with pytest.raises(PublishError):
                    await victim.events.publish(FlovynEvent.new(TENANT, "a.b", "test", None))
            await cluster.restart()
            await arrives(mine, other)
            await arrives(other, mine)


async def test_each_node_is_killed_alone_and_its_client_goes_over() -> None:
    async with NatsCluster() as cluster:
        addresses = [node.address for node in cluster.nodes]
        async with connect(",".join(addresses)) as client:
            for node in cluster.nodes:
                await node.kill()
                others = [one for one in addresses if one != node.address]
                async with (
                    asyncio.timeout(PATIENCE_S),
                    connect(others[0]) as reader,
                    reader.events.subscribe(EventPattern.all(TENANT)) as subscription,
                ):
                    reading = asyncio.ensure_future(anext(subscription))
                    while not reading.done():
                        with suppress(PublishError):
                            await client.events.publish(FlovynEvent.new(TENANT, "a.b", "t", None))
                        await asyncio.wait({reading}, timeout=0.01)
                await node.restart()


async def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(CannotConnect, match=r"got '127\.0\.0\.1:1,nonsense'"):
        async with connect("nats://user:secret@127.0.0.1:1,nonsense"):
            pass


async def test_pause_and_resume_one_node() -> None:
    async with NatsCluster() as cluster:
        other, mine = cluster.address, cluster.address
        await cluster.pause()
        await cluster.resume()
        await arrives(mine, other)


async def test_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with NatsCluster() as cluster:
        nodes = list(cluster.nodes)
        assert all(node.pid for node in nodes)
    assert all(node.pid is None for node in nodes)
    assert entries(tmp_path) == []


async def test_nodes_that_do_not_join_are_said_so_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(nats_cluster, "JOIN_TIMEOUT_S", 0.0)
    with pytest.raises(ServerUnavailable, match="3 nodes did not join"):
        async with NatsCluster():
            pass
    assert entries(tmp_path) == []


async def test_another_configuration_holds_from_the_next_start() -> None:
    async with NatsServer() as server:
        server.configure("max_payload: 1024")
        async with connect(server.address) as client:
            await client.events.publish(FlovynEvent.new(TENANT, "a.b", "test", "x" * 2000))
        await server.restart()
        async with connect(server.address) as client:
            with pytest.raises(PublishError, match="takes 1024"):
                await client.events.publish(FlovynEvent.new(TENANT, "a.b", "test", "x" * 2000))
    with pytest.raises(ServerUnavailable, match="enter it first"):
        NatsServer().configure("")
