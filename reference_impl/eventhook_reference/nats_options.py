"""The options of nats-py on which the promises of `Connection` depend."""

from __future__ import annotations

from typing import Any, Final


def servers_of(address: str) -> str | list[str]:
    """Returns the servers for nats-py, from one address or from several with commas between them."""
    return address.split(",") if "," in address else address


OPTIONS: Final[dict[str, Any]] = {
    "max_reconnect_attempts": -1,
    "reconnect_time_wait": 0.05,
    "connect_timeout": 2,
    # A connection on which nothing comes any more is given up after 3 s, well within `recovery_s`.
    "ping_interval": 1,
    "max_outstanding_pings": 2,
    # Unlimited, so that appending a command never waits.
    "flusher_queue_size": 0,
    # Nothing is kept while disconnected: a publish fails at once, and is not sent unawares later.
    "pending_size": 0,
}
