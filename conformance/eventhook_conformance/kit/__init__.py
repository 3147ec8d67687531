"""What a vendor may take to start from: so far, the launcher of a real NATS server."""

from eventhook_conformance.kit.nats_server import NatsServer, ServerUnavailable

__all__ = ["NatsServer", "ServerUnavailable"]
