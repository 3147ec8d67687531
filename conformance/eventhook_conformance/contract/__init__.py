"""The words of the contract: events, patterns, buses, errors.

Everything a vendor's code is written against, and nothing else: this package imports nothing of the
suite, so that an implementation can depend on it alone.
"""

from eventhook_conformance.contract.bus import (
    ChannelCounts,
    EventBus,
    StreamBus,
    StreamingBackend,
    Subscription,
)
from eventhook_conformance.contract.errors import (
    BusClosed,
    InvalidEvent,
    InvalidPattern,
    PublishError,
    StreamingError,
    SubscribeError,
    SubscriptionLost,
    Unsupported,
)
from eventhook_conformance.contract.events import FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.contract.grammar import (
    MAX_INTEGER,
    MAX_NAME_BYTES,
    check_event_type,
    check_prefix,
    check_stream_key,
)
from eventhook_conformance.contract.json_value import MAX_DEPTH, json_equal
from eventhook_conformance.contract.pattern import EventPattern

__all__ = [
    "MAX_DEPTH",
    "MAX_INTEGER",
    "MAX_NAME_BYTES",
    "BusClosed",
    "ChannelCounts",
    "EventBus",
    "EventPattern",
    "FlovynEvent",
    "InvalidEvent",
    "InvalidPattern",
    "PublishError",
    "StreamBus",
    "StreamEvent",
    "StreamEventType",
    "StreamingBackend",
    "StreamingError",
    "SubscribeError",
    "Subscription",
    "SubscriptionLost",
    "Unsupported",
    "check_event_type",
    "check_prefix",
    "check_stream_key",
    "json_equal",
]
