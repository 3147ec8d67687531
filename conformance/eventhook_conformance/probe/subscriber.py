"""Subscribes for one case, bounded and recorded."""

from __future__ import annotations

from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import History
from eventhook_conformance.probe.access import ClientAccess, Via
from eventhook_conformance.probe.context_task import TargetTimeout
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.probe.findings import Findings
from eventhook_conformance.probe.listener import Listener


class Subscriber:
    """Makes and enters subscriptions.

    Args:
        access: gives the clients.
        history: where subscriptions are recorded.
        deadline: bounds every call.
        findings: takes the breaches.
    """

    def __init__(
        self, access: ClientAccess, history: History, deadline: Deadline, findings: Findings
    ) -> None:
        self.listeners: list[Listener] = []
        self._access = access
        self._history = history
        self._deadline = deadline
        self._findings = findings

    async def listener(self, selects: EventPattern | str, via: Via = None) -> Listener:
        """Returns a subscription that is not entered yet."""
        listener = Listener(await self._access.client(via), self._history, selects, self._deadline)
        self.listeners.append(listener)
        return listener

    async def subscribe(self, selects: EventPattern | str, via: Via = None) -> Listener:
        """Enters a subscription; it is active when this returns.

        Raises:
            CaseAborted: entering raised or hung.
        """
        listener = await self.listener(selects, via)
        try:
            await listener.enter()
        except TargetTimeout as error:
            listener.client.distrust("entering a subscription hung", self._history)
            raise self._findings.aborted(
                "entering the subscription to return", str(error), listener.entry
            ) from error
        except Exception as error:  # because: whatever the target raises is a finding
            raise self._findings.aborted(
                "entering the subscription to succeed",
                f"it raised {describe(error)}",
                listener.entry,
            ) from error
        return listener

    async def refuse_subscription(
        self, selects: EventPattern | str, error: type[Exception], via: Via = None
    ) -> None:
        """Subscribes to a pattern or key that must be refused with `error` on entering."""
        listener = await self.listener(selects, via)
        expected = f"entering to raise {error.__name__} for {selects!r}"
        try:
            await listener.enter()
        except error:
            return
        except Exception as raised:  # because: whatever the target raises is a finding
            self._findings.add(expected, f"it raised {describe(raised)}", listener.entry)
        else:
            self._findings.add(expected, "it was entered", listener.entry)
            await listener.leave()
