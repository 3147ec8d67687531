"""Parts for vendors to start from.

An adapter over a bare client library, a buffer with any of the overflow policies, and launchers of a real
NATS server, in a container or not, and of a cluster of them.
"""

from eventhook_conformance.kit.adapter import Adapter
from eventhook_conformance.kit.adapter_parts import Kind
from eventhook_conformance.kit.buffer import Buffer
from eventhook_conformance.kit.nats_cluster import NatsCluster
from eventhook_conformance.kit.nats_container import NatsContainer
from eventhook_conformance.kit.nats_server import NatsServer, ServerUnavailable
from eventhook_conformance.kit.sink import Sink

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
