"""Subscribes for one case, bounded and recorded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import takewhile
from typing import Final

from eventhook_conformance.checker import MISSING
from eventhook_conformance.checker.loss import judge_loss
from eventhook_conformance.checker.origins import Origins
from eventhook_conformance.checker.past_events import Beginnings
from eventhook_conformance.checker.violation import shown
from eventhook_conformance.contract import (
    LIVE,
    Begin,
    CursorExpired,
    EventPattern,
    InvalidCursor,
    Since,
)
from eventhook_conformance.history import History, Publish, Subscribed
from eventhook_conformance.probe.access import ClientAccess, Via
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import CaseAborted, TargetTimeout, describe
from eventhook_conformance.probe.findings import Findings
from eventhook_conformance.probe.listener import Listener
from eventhook_conformance.target import Capabilities

_ABOUT_OTHERS: Final = frozenset({"CLN", "EVT", "OVF", "PUB", "STR", "TEN"})
"""The groups whose cases subscribe to nothing special: a refusal says nothing about them."""


class Subscriber:
    """Makes and enters subscriptions.

    Args:
        access: gives the clients.
        history: where subscriptions are recorded.
        deadline: bounds every call.
        findings: takes the breaches.
        capabilities: the target's claims, by which an event is owed.
        replaying: the sides of the bus that are asked where to begin; without replay none is.
    """

    def __init__(
        self,
        access: ClientAccess,
        history: History,
        deadline: Deadline,
        findings: Findings,
        capabilities: Capabilities,
        replaying: Collection[str] = (),
    ) -> None:
        self.listeners: list[Listener] = []
        self._access = access
        self._history = history
        self._deadline = deadline
        self._findings = findings
        self._replaying = replaying
        self._capabilities = capabilities
        self._default = Begin(capabilities.replay_default)

    async def listener(
        self, selects: EventPattern | str, via: Via = None, *, since: Since = LIVE
    ) -> Listener:
        """Returns a subscription that is not entered yet.

        Args:
            selects: the pattern, or the stream's key.
            via: through which client.
            since: where it begins. A target that claims no replay is not told; it knows `LIVE` alone.
        """
        side = "events" if isinstance(selects, EventPattern) else "streams"
        told = since if side in self._replaying else None
        client = await self._access.client(via)
        listener = Listener(
            client, self._history, selects, self._deadline, told, self._default, self._lost
        )
        self.listeners.append(listener)
        return listener

    def _lost(self, subscription: Subscribed) -> list[Publish]:
        """Returns the publishes that the checker takes for lost on a subscription by now.

        It looks only at events published since the subscription was entered: a case may enter a thousand.
        """
        since = subscription.entering.step
        window = History(self._history.case, self._history.clock)
        window.subscriptions, window.faults = [subscription], self._history.faults
        window.publishes = [
            publish
            for publish in takewhile(
                lambda publish: publish.called.step > since, reversed(self._history.publishes)
            )
            if subscription.matches(publish.event)
        ][::-1]
        origins = Origins(window)
        beginnings = Beginnings(window, origins, self._capabilities)
        return [
            entry
            for violation in judge_loss(window, origins, beginnings, self._capabilities)
            if violation.kind in MISSING
            for entry in violation.entries[1:2]
            if isinstance(entry, Publish)
        ]

    async def subscribe(
        self, selects: EventPattern | str, via: Via = None, *, since: Since = LIVE
    ) -> Listener:
        """Enters a subscription; it is active when this returns.

        Raises:
            CaseAborted: entering raised or hung.
        """
        listener = await self.listener(selects, via, since=since)
        try:
            await listener.enter()
        except TargetTimeout as error:
            listener.client.distrust("entering a subscription hung", self._history)
            raise self._findings.aborted(
                "entering the subscription to return", str(error), listener.entry
            ) from error
        except (CursorExpired, InvalidCursor) as error:
            if isinstance(since, str):
                # Whether the history reached back so far is the checker's to judge.
                raise CaseAborted from error
            raise self._refused(listener, error) from error
        except Exception as error:  # because: whatever the target raises is a finding
            aborted = self._refused(listener, error)
            raise self._charged_for_refusal(aborted, listener, error) from error
        return listener

    def _refused(self, listener: Listener, error: Exception) -> CaseAborted:
        return self._findings.aborted(
            "entering the subscription to succeed", f"it raised {describe(error)}", listener.entry
        )

    def _charged_for_refusal(
        self, aborted: CaseAborted, listener: Listener, error: Exception
    ) -> CaseAborted:
        """Charges a bus that is full to what it claims to hold (PUB-09), and not to what a case is about.

        A case about patterns, keys or faults keeps its own charge. So does a case whose argument was
        called wrong: the refusal is about what the case asks for.
        """
        requirements = self._findings.requirements
        about_others = all(one.partition("-")[0] in _ABOUT_OTHERS for one in requirements)
        if (
            aborted.violation is None
            or isinstance(error, ValueError | TypeError)
            or not about_others
        ):
            return aborted
        charge = "PUB-09" if listener.entry.side == "events" else "STR-06"
        # A channel that was cleaned up may be refused for just that.
        again = tuple(one for one in requirements if one == "CLN-05")
        return CaseAborted(replace(aborted.violation, requirements=(*again, charge)))

    async def refuse_subscription(
        self,
        selects: EventPattern | str,
        *errors: type[Exception],
        via: Via = None,
        since: Since = LIVE,
    ) -> None:
        """Subscribes to what must be refused with one of `errors` on entering.

        Raises:
            CaseAborted: entering hung, as it would with what comes next.
        """
        listener = await self.listener(selects, via, since=since)
        names = " or ".join(error.__name__ for error in errors)
        about = shown(selects) if since is LIVE else f"since={since!r:.80}"
        expected = f"entering to raise {names} for {about}"
        try:
            await listener.enter()
        except errors:
            return
        except TargetTimeout as hung:
            raise self._findings.aborted(expected, str(hung), listener.entry) from None
        except Exception as raised:  # because: whatever the target raises is a finding
            self._findings.add(expected, f"it raised {describe(raised)}", listener.entry)
        else:
            self._findings.add(expected, "it was entered", listener.entry)
            await listener.leave()
