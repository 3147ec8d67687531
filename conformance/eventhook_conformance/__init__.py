"""A conformance suite for tenant-scoped event buses, token streams and the SSE endpoints over them."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from eventhook_conformance.contract import (
        LIVE,
        MAX_CURSOR_BYTES,
        MAX_DEPTH,
        MAX_INTEGER,
        MAX_NAME_BYTES,
        START,
        BusClosed,
        ChannelCounts,
        Cursor,
        CursorExpired,
        EventBus,
        EventPattern,
        FlovynEvent,
        InvalidCursor,
        InvalidEvent,
        InvalidPattern,
        PublishError,
        Since,
        StreamBus,
        StreamEvent,
        StreamEventType,
        StreamingBackend,
        StreamingError,
        SubscribeError,
        Subscription,
        SubscriptionLost,
        Unsupported,
    )
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
    "LIVE",
    "MAX_CURSOR_BYTES",
    "MAX_DEPTH",
    "MAX_INTEGER",
    "MAX_NAME_BYTES",
    "START",
    "BusClosed",
    "Capabilities",
    "ChannelCounts",
    "Cursor",
    "CursorExpired",
    "EventBus",
    "EventPattern",
    "Execution",
    "FlovynEvent",
    "HttpTarget",
    "InvalidCursor",
    "InvalidEvent",
    "InvalidPattern",
    "PublishError",
    "Server",
    "Since",
    "StreamBus",
    "StreamEvent",
    "StreamEventType",
    "StreamingBackend",
    "StreamingError",
    "SubscribeError",
    "Subscription",
    "SubscriptionLost",
    "Target",
    "Tenant",
    "Unsupported",
    "WorkflowService",
]

_MODULES: Final = ("contract", "target")


def __getattr__(name: str) -> object:
    """Loads a public name when it is first used: pytest imports this package in every run."""
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in __all__:
        for module in _MODULES:
            found = getattr(import_module(f"{__name__}.{module}"), name, None)
            if found is not None:
                globals()[name] = found
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
