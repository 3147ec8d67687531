"""The NATS backend on a real server."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from urllib.request import urlopen
from uuid import UUID, uuid4

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client

from eventhook_conformance.contract import (
    BusClosed,
    ChannelCounts,
    EventPattern,
    FlovynEvent,
    PublishError,
    StreamEvent,
    StreamEventType,
    SubscribeError,
    SubscriptionLost,
)
from eventhook_conformance.kit import NatsServer
from eventhook_reference import nats_connection
from eventhook_reference.nats import CAPABILITIES, CannotConnect, NatsBackend, connect, target

pytestmark = [pytest.mark.nats, pytest.mark.asyncio]

TENANT = UUID(int=1)
ALL = EventPattern.all(TENANT)
PATIENCE_S = 5.0


def event(
    data: object = None, *, tenant: UUID = TENANT, kind: str = "workflow.started"
) -> FlovynEvent:
    return FlovynEvent.new(tenant, kind, "test", data)


def token(key: str, sequence: int) -> StreamEvent:
    return StreamEvent(
        task_execution_id="",
        workflow_execution_id=key,
        sequence=sequence,
        event_type=StreamEventType.TOKEN,
        payload="Hi",
        timestamp_ms=0,
    )


async def monitored(server: NatsServer, path: str) -> dict[str, int]:
    def read() -> dict[str, int]:
        url = f"{server.monitor_url}/{path}"
        with urlopen(url, timeout=PATIENCE_S) as answer:  # noqa: S310  # because: our own server
            return dict(json.load(answer))

    return await asyncio.to_thread(read)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest_asyncio.fixture
async def client(server: NatsServer) -> AsyncIterator[NatsBackend]:
    async with connect(server.address) as backend:
        yield backend


@pytest_asyncio.fixture
async def plain(server: NatsServer) -> AsyncIterator[Client]:
    connection = await nats.connect(server.address)
    yield connection
    await connection.close()


async def test_event_published_right_after_entering_is_never_lost(
    server: NatsServer, client: NatsBackend
) -> None:
    async with connect(server.address) as publisher:
        for number in range(200):
            async with client.events.subscribe(ALL) as subscription:
                await publisher.events.publish(event(number))
                assert (await anext(subscription)).data == number


async def test_concurrent_publishers_lose_repeat_and_reorder_nothing(client: NatsBackend) -> None:
    async with client.events.subscribe(ALL) as subscription:

        async def publish(publisher: int) -> None:
            for number in range(10):
                await client.events.publish(event([publisher, number]))

        await asyncio.gather(*(publish(publisher) for publisher in range(100)))
        seen = [(await anext(subscription)).data for _ in range(1000)]
        for publisher in range(100):
            assert [n for p, n in seen if p == publisher] == list(range(10))


async def test_publish_has_reached_the_server_when_it_returns(
    client: NatsBackend, plain: Client
) -> None:
    await client.events.publish(event("before"))
    late = await plain.subscribe(f"flovyn.events.{TENANT}.>")
    await plain.flush()
    await plain.flush()
    await client.events.publish(event("after"))
    assert FlovynEvent.from_json((await late.next_msg()).data).data == "after"


async def test_subjects_and_wire_form(client: NatsBackend, plain: Client) -> None:
    heard = await plain.subscribe("flovyn.>")
    await plain.flush()
    await plain.flush()
    sent = event({"a": 1})
    await client.events.publish(sent)
    await client.streams.publish(token("key", 7))
    message = await heard.next_msg()
    assert message.subject == f"flovyn.events.{TENANT}.workflow.started"
    assert message.data == sent.to_json()
    message = await heard.next_msg()
    assert message.subject == "flovyn.streams.workflow.key"
    assert message.data == token("key", 7).to_json()


@pytest.mark.parametrize(
    ("pattern", "subject"),
    [
        (ALL, f"flovyn.events.{TENANT}.>"),
        (EventPattern.for_workflow(TENANT, UUID(int=2)), f"flovyn.events.{TENANT}.>"),
        (EventPattern.by_type(TENANT, "workflow"), f"flovyn.events.{TENANT}.workflow.>"),
        (EventPattern.by_type(TENANT, "webhook.github"), f"flovyn.events.{TENANT}.webhook.>"),
    ],
)
async def test_asks_the_server_for_no_more_than_it_needs(
    server: NatsServer, client: NatsBackend, pattern: EventPattern, subject: str
) -> None:
    async with client.events.subscribe(pattern):
        listed = await monitored(server, "subsz?subs=1")
        subjects = [s["subject"] for s in listed["subscriptions_list"]]  # type: ignore[attr-defined]
        assert [s for s in subjects if s.startswith("flovyn.")] == [subject]


async def test_long_prefix_is_filtered_here(client: NatsBackend) -> None:
    async with client.events.subscribe(EventPattern.by_type(TENANT, "webhook.github")) as heard:
        for kind in ("webhook.githubx", "webhook.github", "webhook.gitlab", "webhook.github.push"):
            await client.events.publish(event(kind=kind))
        assert (await anext(heard)).event_type == "webhook.github"
        assert (await anext(heard)).event_type == "webhook.github.push"


async def test_server_counts_no_subscription_after_leaving(
    server: NatsServer, client: NatsBackend
) -> None:
    before = (await monitored(server, "subsz"))["num_subscriptions"]
    async with client.events.subscribe(ALL), client.streams.subscribe("k"):
        assert (await monitored(server, "subsz"))["num_subscriptions"] == before + 2
    assert (await monitored(server, "subsz"))["num_subscriptions"] == before


async def test_cancelled_entering_leaves_nothing_behind(
    server: NatsServer, client: NatsBackend
) -> None:
    before = (await monitored(server, "subsz"))["num_subscriptions"]
    for turns in range(6):
        entering = asyncio.ensure_future(client.events.subscribe(ALL).__aenter__())
        for _ in range(turns):
            await asyncio.sleep(0)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
    await client.events.publish(event())
    assert (await monitored(server, "subsz"))["num_subscriptions"] == before
    assert await client.cleanup_inactive_channels() == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        event().to_json()[:-1],
        b"[]",
        b"{}",
        b"\xff" * 1_000_000,
        b"[" * 100_000,
        event(tenant=UUID(int=2)).to_json(),
        event(kind="workflow.other").to_json(),
    ],
    ids=["empty", "text", "truncated", "array", "object", "noise", "deep", "tenant", "type"],
)
async def test_what_is_no_event_of_its_subject_is_skipped(
    client: NatsBackend, plain: Client, body: bytes
) -> None:
    async with client.events.subscribe(ALL) as subscription:
        subject = f"flovyn.events.{TENANT}.workflow.started"
        await plain.publish(subject, body)
        await plain.publish(subject, event("good").to_json())
        assert (await anext(subscription)).data == "good"


async def test_stream_message_with_another_key_is_skipped(
    client: NatsBackend, plain: Client
) -> None:
    async with client.streams.subscribe("mine") as subscription:
        await plain.publish("flovyn.streams.workflow.mine", token("other", 1).to_json())
        await plain.publish("flovyn.streams.workflow.mine", token("mine", 2).to_json())
        assert (await anext(subscription)).sequence == 2


async def test_overflow_drops_the_oldest(client: NatsBackend) -> None:
    capacity = CAPABILITIES.stream_capacity
    async with client.streams.subscribe("k") as stalled:
        await asyncio.gather(*(client.streams.publish(token("k", n)) for n in range(3 * capacity)))
        read = [(await anext(stalled)).sequence for _ in range(capacity)]
        assert read == list(range(2 * capacity, 3 * capacity))
        assert stalled.dropped == 2 * capacity


async def test_a_burst_overruns_no_waiting_reader(client: NatsBackend) -> None:
    count = 20 * CAPABILITIES.stream_capacity
    async with client.streams.subscribe("k") as subscription:

        async def read() -> list[int]:
            return [(await anext(subscription)).sequence for _ in range(count)]

        reading = asyncio.create_task(read())
        await asyncio.gather(*(client.streams.publish(token("k", n)) for n in range(count)))
        assert await asyncio.wait_for(reading, PATIENCE_S) == list(range(count))


async def test_size_limits(client: NatsBackend) -> None:
    spare = CAPABILITIES.max_event_bytes - len(event("").to_json())
    async with client.events.subscribe(ALL) as subscription:
        await client.events.publish(event("x" * spare))
        with pytest.raises(PublishError, match="at most 262144"):
            await client.events.publish(event("x" * (spare + 1)))
        assert len((await anext(subscription)).data) == spare


async def test_smaller_limit_of_the_server_is_kept() -> None:
    async with NatsServer("max_payload: 1024") as small, connect(small.address) as client:
        with pytest.raises(PublishError, match="takes 1024"):
            await client.events.publish(event("x" * 1024))
        await client.events.publish(event())


PERMISSIONS = """
authorization {{ users = [ {{ user: alice, password: secret, permissions: {{
    publish: [{publish}], subscribe: ["flovyn.events.{tenant}.>", "_INBOX.>"] }} }} ] }}
"""


@pytest.mark.parametrize("inbox", [', "_INBOX.>"', ""], ids=["inbox", "no-publishing-to-inbox"])
async def test_works_within_the_permissions_of_one_tenant(inbox: str) -> None:
    publish = f'"flovyn.events.{TENANT}.>"{inbox}'
    async with NatsServer(PERMISSIONS.format(publish=publish, tenant=TENANT)) as server:
        address = server.address.replace("//", "//alice:secret@")
        async with connect(address) as client, client.events.subscribe(ALL) as subscription:
            await client.events.publish(event(1))
            assert (await anext(subscription)).data == 1
            other = uuid4()
            with pytest.raises(PublishError, match="permits no publishing"):
                await client.events.publish(event(tenant=other))
            with pytest.raises(SubscribeError, match="permits no subscribing"):
                await client.events.subscribe(EventPattern.all(other)).__aenter__()
            outcomes = await asyncio.gather(
                *(client.events.publish(event(2, tenant=t)) for t in [TENANT, other] * 20),
                return_exceptions=True,
            )
            assert [type(o) for o in outcomes] == [type(None), PublishError] * 20
            assert [(await anext(subscription)).data for _ in range(20)] == [2] * 20


async def test_wrong_password_is_one_clear_line_without_the_password() -> None:
    publish = '"_INBOX.>"'
    async with NatsServer(PERMISSIONS.format(publish=publish, tenant=TENANT)) as server:
        with pytest.raises(CannotConnect, match="Authorization Violation") as refused:
            async with connect(server.address.replace("//", "//alice:wrong@")):
                pass
        assert "wrong" not in str(refused.value)
        assert "\n" not in str(refused.value)


def _closed_port() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"nats://127.0.0.1:{unused.getsockname()[1]}"


async def test_nothing_listening_fails_without_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    address = _closed_port()
    monkeypatch.setenv("NATS_URL", address)
    assert target.server is not None
    with pytest.raises(CannotConnect, match=address):
        async with asyncio.timeout(PATIENCE_S), target.server():
            pass


@pytest.mark.parametrize("address", ["", "no url", "http://x:1", "nats://", "nats://h:port"])
async def test_malformed_address(address: str) -> None:
    with pytest.raises(CannotConnect, match="expected an address nats://host:port, got"):
        async with connect(address):
            pass


async def test_given_server(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_URL", server.address)
    monkeypatch.setenv("NATS_MONITOR_URL", server.monitor_url)
    assert target.server is not None
    async with target.server() as given:
        assert (given.address, given.monitor_url) == (server.address, server.monitor_url)


async def test_closing_drains_then_ends_and_leaves_no_task(server: NatsServer) -> None:
    before = asyncio.all_tasks()
    async with (
        connect(server.address) as publisher,
        connect(server.address) as client,
        client.events.subscribe(ALL) as subscription,
    ):
        await publisher.events.publish(event(1))
        await asyncio.gather(client.aclose(), client.aclose())
        assert [e.data async for e in subscription] == [1]
        for call in (
            client.events.publish(event()),
            client.events.subscribe(ALL).__aenter__(),
            client.active_channels(),
        ):
            with pytest.raises(BusClosed):
                await call
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_cancelled_closing_goes_on(server: NatsServer) -> None:
    async with connect(server.address) as client, client.events.subscribe(ALL) as subscription:
        closing = asyncio.ensure_future(client.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        assert [e async for e in subscription] == []


async def test_channels_are_counted_per_client(server: NatsServer, client: NatsBackend) -> None:
    async with connect(server.address) as other, client.streams.subscribe("k"):
        await client.events.publish(event())
        assert await client.active_channels() == ChannelCounts(events=1, streams=1)
        assert await other.active_channels() == ChannelCounts(events=0, streams=0)
        assert await client.cleanup_inactive_channels() == 1
        assert await client.active_channels() == ChannelCounts(events=0, streams=1)


async def eventually(call: Callable[[], object]) -> None:
    """Calls until it raises nothing of a fault's."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await call()  # type: ignore[misc]
            except (PublishError, TimeoutError):
                await asyncio.sleep(0.01)
            else:
                return


async def test_killed_server_fails_calls_at_once_and_heals(
    server: NatsServer, client: NatsBackend
) -> None:
    async with client.events.subscribe(ALL) as subscription:
        leaving = client.streams.subscribe("left")
        await leaving.__aenter__()
        in_flight = asyncio.ensure_future(client.events.publish(event()))
        await asyncio.sleep(0)
        await server.kill()
        async with asyncio.timeout(PATIENCE_S / 2):
            await asyncio.gather(in_flight, return_exceptions=True)
            with pytest.raises(PublishError):
                await client.events.publish(event())
            with pytest.raises(SubscribeError):
                await client.events.subscribe(ALL).__aenter__()
            await leaving.__aexit__(None, None, None)
        await server.restart()
        await eventually(lambda: client.events.publish(event("after")))
        async for heard in subscription:
            if heard.data == "after":
                break
        assert (await monitored(server, "subsz?subs=1"))["num_subscriptions"] >= 2
        listed = await monitored(server, "subsz?subs=1")
        assert "flovyn.streams.workflow.left" not in str(listed)


async def test_closing_while_the_server_is_gone(server: NatsServer) -> None:
    async with connect(server.address) as client, client.events.subscribe(ALL) as subscription:
        await server.kill()
        async with asyncio.timeout(PATIENCE_S):
            await client.aclose()
        assert [e async for e in subscription] == []


async def test_stopped_server_fails_a_publish_in_time_and_the_client_hears_again(
    server: NatsServer, client: NatsBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_connection, "CALL_TIMEOUT_S", 0.2)
    async with connect(server.address) as hasty, client.events.subscribe(ALL) as subscription:
        await server.pause()
        with pytest.raises(PublishError, match="did not answer"):
            await hasty.events.publish(event("unknown"))
        await server.resume()
        await eventually(lambda: hasty.events.publish(event("after")))
        heard = [(await anext(subscription)).data for _ in range(2)]
        assert heard == ["unknown", "after"]


async def test_server_that_throws_the_client_out_loses_its_subscriptions() -> None:
    async with (
        NatsServer("max_subscriptions: 2") as server,
        connect(server.address) as client,
        client.events.subscribe(ALL) as subscription,
    ):
        with pytest.raises(SubscribeError):
            await client.streams.subscribe("one-too-many").__aenter__()
        with pytest.raises(SubscriptionLost):
            await asyncio.wait_for(anext(subscription), PATIENCE_S)
        with pytest.raises(PublishError):
            await client.events.publish(event())
