"""Decides whether an event was still on its way to a client when a subscription was entered there."""

from __future__ import annotations

from eventhook_conformance.checker.origins import Origins
from eventhook_conformance.history import Publish, Subscribed
from eventhook_conformance.target import Capabilities


def may_be_on_the_way(
    subscription: Subscribed, publish: Publish, origins: Origins, capabilities: Capabilities
) -> bool:
    """Returns whether an event that was published before may come all the same.

    Where activation is claimed for the same client alone, as of a cluster, `publish` has reached the
    publisher's server when it returns, and other clients' servers in its own time. An event has surely
    passed once it, or a later one of its publisher, was read by the subscription's client.
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
