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
    CursorExpired,
    InvalidCursor,
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
from eventhook_conformance.contract.replay import (
    LIVE,
    MAX_CURSOR_BYTES,
    START,
    Begin,
    Cursor,
    Since,
    check_cursor,
    check_since,
    live_only,
)

__all__ = [
    "LIVE",
    "MAX_CURSOR_BYTES",
    "MAX_DEPTH",
    "MAX_INTEGER",
    "MAX_NAME_BYTES",
    "START",
    "Begin",
    "BusClosed",
    "ChannelCounts",
    "Cursor",
    "CursorExpired",
    "EventBus",
    "EventPattern",
    "FlovynEvent",
    "InvalidCursor",
    "InvalidEvent",
    "InvalidPattern",
    "PublishError",
    "Since",
    "StreamBus",
    "StreamEvent",
    "StreamEventType",
    "StreamingBackend",
    "StreamingError",
    "SubscribeError",
    "Subscription",
    "SubscriptionLost",
    "Unsupported",
    "check_cursor",
    "check_event_type",
    "check_prefix",
    "check_since",
    "check_stream_key",
    "json_equal",
    "live_only",
]
