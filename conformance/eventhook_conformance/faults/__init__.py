"""Faults of the network and the server, made on purpose, and seen to have happened."""

from eventhook_conformance.faults.kinds import FAULTS, Fault, NotSeen
from eventhook_conformance.faults.proxy import Proxy

__all__ = ["FAULTS", "Fault", "NotSeen", "Proxy"]
