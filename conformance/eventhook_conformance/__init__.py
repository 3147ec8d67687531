"""A conformance suite for tenant-scoped event buses, token streams and the SSE endpoints over them."""

from eventhook_conformance.contract import *  # noqa: F403  # because: the contract is handed on whole
from eventhook_conformance.contract import __all__ as _contract
from eventhook_conformance.target import (
    Capabilities,
    Execution,
    HttpTarget,
    Server,
    Target,
    Tenant,
    WorkflowService,
)

__version__ = "0.1.0"

__all__ = [
    *_contract,
    "Capabilities",
    "Execution",
    "HttpTarget",
    "Server",
    "Target",
    "Tenant",
    "WorkflowService",
]
