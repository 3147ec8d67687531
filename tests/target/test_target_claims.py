"""Capabilities, and what makes a target and a mutant."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

import eventhook_fixtures
from eventhook_conformance import Capabilities, Server, StreamingBackend, Target, Unsupported
from eventhook_conformance.target import PROFILES, HttpTarget, Mutant, Tenant

DEFAULTS: dict[str, Any] = {
    "profiles": ["events", "streams"],
    "event_capacity": 1024,
    "stream_capacity": 256,
    "overflow": "drop_oldest",
    "overflow_scope": "subscription",
    "total_order": False,
    "causal_order": False,
    "activation": "bus",
    "multi_client": True,
    "in_process": True,
    "introspection": True,
    "surrogates": True,
    "max_event_bytes": 262144,
    "max_subscriptions": 1000,
    "max_clients": 4,
    "publish_timeout_s": 5.0,
    "recovery_s": 5.0,
    "replay": [],
    "replay_default": "live",
    "replay_events": 1024,
    "replay_s": None,
    "replay_survives": "client",
    "replay_grace_s": 30.0,
}


def open_client() -> AbstractAsyncContextManager[StreamingBackend]:
    raise NotImplementedError


def connect(address: str) -> AbstractAsyncContextManager[StreamingBackend]:
    raise NotImplementedError


@asynccontextmanager
async def server() -> AsyncIterator[Server]:
    yield Server()


# Capabilities


def test_the_defaults() -> None:
    assert Capabilities().to_dict() == DEFAULTS
    assert Capabilities().profiles == {"events", "streams"}


def test_the_profiles() -> None:
    assert PROFILES == ("events", "streams", "nats-wire", "lifecycle", "sse", "recovery", "replay")


def test_the_json_form_holds_the_schema() -> None:
    definitions = eventhook_fixtures.schema("report")["$defs"]
    form = {"$ref": "#/$defs/capabilities", "$defs": definitions}
    claims = Capabilities(
        profiles=PROFILES, overflow="block", activation="client", replay={"streams"}, replay_s=3600
    )
    for one in (Capabilities(), claims):
        jsonschema.validate(json.loads(json.dumps(one.to_dict())), form)
    described = definitions["capabilities"]["properties"]
    assert {name: member["default"] for name, member in described.items()} == DEFAULTS


def test_profiles_are_a_sorted_array() -> None:
    claims = Capabilities(profiles=["sse", "events", "events", "lifecycle"])
    assert claims.to_dict()["profiles"] == ["events", "lifecycle", "sse"]


def test_there_and_back() -> None:
    claims = Capabilities(
        profiles={"events"}, event_capacity=1, overflow="unbounded", total_order=True, recovery_s=1
    )
    assert Capabilities.from_dict(json.loads(json.dumps(claims.to_dict()))) == claims


def test_what_is_missing_has_its_default_and_what_is_unknown_is_ignored() -> None:
    assert Capabilities.from_dict({}) == Capabilities()
    assert Capabilities.from_dict({"total_order": True, "later": 1}) == Capabilities(
        total_order=True
    )


def test_claims_are_immutable_and_comparable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Capabilities().total_order = True  # type: ignore[misc]
    assert len({Capabilities(), Capabilities(profiles=["streams", "events"])}) == 1


@pytest.mark.parametrize(
    ("claims", "because"),
    [
        ({"replay": {"sse"}}, "replay: expected events or streams, got 'sse'"),
        ({"profiles": {"replay"}}, "expected replay={'events', 'streams'}"),
        (
            {"profiles": {"replay"}, "replay": {"events"}, "replay_events": None},
            "expected a limit, replay_events or replay_s",
        ),
        ({"replay_events": 0}, "replay_events is 0; expected a positive integer"),
        ({"replay_events": 1.5}, "replay_events is 1.5"),
        ({"replay_s": 0}, "replay_s is 0; expected a positive number of seconds"),
        ({"replay_default": "end"}, "expected live, start"),
        ({"replay_survives": "all"}, "expected client, server, nothing"),
        ({"profiles": ["event"]}, "expected a profile of events, streams, nats-wire"),
        (
            {"overflow": "drop"},
            "overflow is 'drop'; expected drop_oldest, drop_newest, block",
        ),
        ({"overflow": None}, "overflow is None"),
        ({"overflow_scope": "bus"}, "expected subscription, tenant"),
        ({"activation": ""}, "expected bus, client"),
        ({"total_order": 1}, "total_order is 1; expected True or False"),
        ({"in_process": "yes"}, "expected True or False"),
        ({"event_capacity": 0}, "event_capacity is 0; expected a positive integer"),
        ({"event_capacity": -1}, "expected a positive integer"),
        ({"event_capacity": 1.5}, "expected a positive integer"),
        ({"stream_capacity": True}, "expected a positive integer"),
        ({"max_subscriptions": "9"}, "expected a positive integer"),
        ({"max_clients": 3}, "max_clients is 3; expected at least 4"),
        ({"max_clients": True}, "expected a positive integer"),
        ({"recovery_s": 0}, "recovery_s is 0; expected a positive number of seconds"),
        ({"publish_timeout_s": "5"}, "expected a positive number of seconds"),
        ({"recovery_s": False}, "expected a positive number of seconds"),
    ],
    ids=str,
)
def test_a_refusal_says_what_would_be_right(claims: dict[str, Any], because: str) -> None:
    with pytest.raises(ValueError, match=because):
        Capabilities(**claims)
    with pytest.raises(ValueError, match=because):
        Capabilities.from_dict(claims)


def test_narrowing() -> None:
    claims = Capabilities(profiles={"events", "sse"}, total_order=True)
    assert claims.narrowed(["sse"]) == Capabilities(profiles={"sse"}, total_order=True)
    with pytest.raises(ValueError, match=r"expected a profile of events, .*, got 'tls'"):
        claims.narrowed(["tls"])
    with pytest.raises(
        ValueError, match="'streams' is not claimed; this target claims events, sse"
    ):
        claims.narrowed(["events", "streams"])


# Target


def test_a_target_opens_clients() -> None:
    target = Target(name="mine", open=open_client)
    assert (target.name, target.open) == ("mine", open_client)
    assert target.capabilities == Capabilities()
    assert (target.workflows, target.http, target.server, target.connect) == (None,) * 4


def test_a_target_connects_to_a_server() -> None:
    target = Target(
        name="mine",
        server=server,
        connect=connect,
        capabilities=Capabilities(profiles={"events", "nats-wire", "recovery"}),
    )
    assert target.open is None


@pytest.mark.parametrize(
    "ways",
    [
        {},
        {"server": server},
        {"connect": connect},
        {"open": open_client, "server": server},
        {"open": open_client, "connect": connect},
        {"open": open_client, "server": server, "connect": connect},
    ],
    ids=lambda ways: "+".join(ways) or "nothing",
)
def test_there_is_one_way_to_open_a_client(ways: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match="'mine': give either open, or server and connect together"
    ):
        Target(name="mine", **ways)


@pytest.mark.parametrize("profile", ["nats-wire", "recovery"])
def test_some_profiles_need_a_server(profile: str) -> None:
    with pytest.raises(ValueError, match=f"claims '{profile}', which needs server and connect"):
        Target(name="mine", open=open_client, capabilities=Capabilities(profiles={profile}))


@pytest.mark.asyncio
async def test_a_server_offers_nothing_by_itself() -> None:
    async with server() as one:
        assert one.monitor_url is None
        for call in (one.kill, one.restart, one.pause, one.resume):
            with pytest.raises(Unsupported, match="this server cannot be"):
                await call()


# Mutant


def test_a_mutant_says_what_it_is() -> None:
    mutant = Mutant(
        name="says-it-twice",
        bug="Every event is delivered twice.",
        caught_by=("PUB-02",),
        seen="delivered again",
        target=lambda: Target(name="twice", open=open_client),
    )
    assert mutant.target().name == "twice"
    with pytest.raises(TypeError):
        Mutant("says-it-twice")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"name": ""}, "expected a target's name in printable letters, got ''"),
        ({"name": 7}, "expected a target's name in printable letters, got 7"),
        ({"name": "a\nb"}, r"expected a target's name in printable letters, got 'a\\nb'"),
        ({"name": "\ud800"}, "expected a target's name in printable letters"),
        ({"about": None}, "expected `about` as text, got None"),
        ({"about": "\udfff"}, "expected `about` as text"),
        ({"capabilities": None}, "expected Capabilities, got None"),
    ],
)
def test_what_no_report_could_be_written_with_makes_no_target(
    members: dict[str, Any], words: str
) -> None:
    def refuse() -> AbstractAsyncContextManager[StreamingBackend]:
        raise AssertionError

    with pytest.raises(ValueError, match=words):
        Target(**{"name": "mine", "open": refuse, **members})
    Target("mine Ü", open=refuse, about="one line\nor two")


def test_a_slash_at_the_end_of_an_address_means_nothing() -> None:
    tenant = Tenant(uuid4(), "/api/tenants/acme/", {})
    assert tenant.base_path == "/api/tenants/acme"
    served = HttpTarget("http://localhost:8000/bus/", [tenant, tenant])
    assert served.base_url + tenant.base_path == "http://localhost:8000/bus/api/tenants/acme"
