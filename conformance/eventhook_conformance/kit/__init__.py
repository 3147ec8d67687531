"""What a vendor may take to start from: an adapter over a bare client library, a buffer with any of
the overflow policies, launchers of a real NATS server, in a container or not, and of a cluster of them."""

from eventhook_conformance.kit.adapter import Adapter, Kind, Sink
from eventhook_conformance.kit.buffer import Buffer
from eventhook_conformance.kit.nats_cluster import NatsCluster
from eventhook_conformance.kit.nats_container import NatsContainer
from eventhook_conformance.kit.nats_server import NatsServer, ServerUnavailable

__all__ = [
    "Adapter",
    "Buffer",
    "Kind",
    "NatsCluster",
    "NatsContainer",
    "NatsServer",
    "ServerUnavailable",
    "Sink",
]
