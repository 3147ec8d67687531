"""A vendor's side of the suite: a `Target` with its `Capabilities`."""

from eventhook_conformance.target.capabilities import PROFILES, Capabilities
from eventhook_conformance.target.definition import Server, Target
from eventhook_conformance.target.mutant import Mutant
from eventhook_conformance.target.services import (
    AsgiApp,
    Execution,
    HttpTarget,
    Tenant,
    WorkflowService,
)
from eventhook_conformance.target.serving import Served, ServerFactory

__all__ = [
    "PROFILES",
    "AsgiApp",
    "Capabilities",
    "Execution",
    "HttpTarget",
    "Mutant",
    "Served",
    "Server",
    "ServerFactory",
    "Target",
    "Tenant",
    "WorkflowService",
]
