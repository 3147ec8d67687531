"""Parts for vendors to start from.

Adapters over a bare client library, one that pushes or one that is pulled; a supervised reader; a buffer
with any of the overflow policies; launchers of a real NATS server, in a container or not, and of a cluster.
"""

from eventhook_conformance.kit.adapter import Adapter
from eventhook_conformance.kit.adapter_parts import Kind
from eventhook_conformance.kit.buffer import Buffer
from eventhook_conformance.kit.nats_cluster import NatsCluster
from eventhook_conformance.kit.nats_container import NatsContainer
from eventhook_conformance.kit.nats_server import NatsServer, ServerUnavailable
from eventhook_conformance.kit.pulled import Feed, PulledAdapter
from eventhook_conformance.kit.sink import Sink
from eventhook_conformance.kit.supervised import pump

__all__ = [
    "Adapter",
    "Buffer",
    "Feed",
    "Kind",
    "NatsCluster",
    "NatsContainer",
    "NatsServer",
    "PulledAdapter",
    "ServerUnavailable",
    "Sink",
    "pump",
]
