"""What a vendor hands to the suite: a `Target` with its `Capabilities`, and how one is found."""

from eventhook_conformance.target.capabilities import PROFILES, Capabilities
from eventhook_conformance.target.definition import Server, Target
from eventhook_conformance.target.finding import TargetNotFound, find_target, registered_targets
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
    "TargetNotFound",
    "Tenant",
    "WorkflowService",
    "find_target",
    "registered_targets",
]
