"""Decides whether an event was still on its way to a client when a subscription was entered there."""

from __future__ import annotations

from eventhook_conformance.checker.origins import Origins
from eventhook_conformance.history import Publish, Subscribed
from eventhook_conformance.target import Capabilities


def may_be_on_the_way(
    subscription: Subscribed, publish: Publish, origins: Origins, capabilities: Capabilities
) -> bool:
    """Returns whether an event that was published before may come all the same.

    If activation is claimed for the same client alone, as by a cluster, an event has reached its own
    publisher's server when `publish` returns, and other servers some time later. It is no longer on its
    way once the subscription's client has read it, or a later event of its publisher.
    """
    if capabilities.activation == "bus" or publish.client == subscription.client:
        return False
    entering = subscription.entering.step
    return not any(
        other.client == publish.client
        and (publish is other or publish.before(other))
        and delivery.returned.step < entering
        for reader, reads in origins.reads.items()
        if reader.client == subscription.client and reader.side == subscription.side
        for other, delivery in reads
    )
