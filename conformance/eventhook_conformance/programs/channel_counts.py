"""Counts channels around the cleanups of a program, and at its end."""

from __future__ import annotations

from eventhook_conformance.contract import ChannelCounts, EventPattern
from eventhook_conformance.probe import Client, Listener, Probe

_ROUND_TRIPS = 50


class ChannelWatch:
    """Compares counts with earlier counts (CLN).

    Args:
        probe: the program's.
        client: counts.
        witness: a subscription that stays; its round trips give a bus time to free something.
        start: the counts after a cleanup, with the witness.
    """

    def __init__(
        self, probe: Probe, client: Client, witness: Listener, start: ChannelCounts
    ) -> None:
        self._probe = probe
        self._client = client
        self._witness = witness
        self._start = start

    @classmethod
    async def begun(cls, probe: Probe) -> ChannelWatch:
        """Returns a watch that has counted the channels before the program."""
        client = await probe.client()
        witness = await probe.subscribe(EventPattern.all(probe.make.tenant()))
        watch = cls(probe, client, witness, ChannelCounts(events=0, streams=0))
        watch._start = await watch._swept()
        return watch

    async def cleanup(self, client: Client) -> None:
        """Cleans up twice; expects the right number, and 0 the second time (CLN-01, CLN-04)."""
        before = _total(await self._counts(client))
        removed = await self._cleaned(client)
        after = _total(await self._counts(client))
        again = await self._cleaned(client)
        remarks = self._probe.history.remarks[-4:]
        if removed != before - after:
            expected = f"cleanup to answer how many it removed: {before} - {after}"
            self._probe.found(expected, f"it answered {removed!r}", *remarks, charge=("CLN-01",))
        elif again:
            expected = "a second cleanup to remove nothing"
            self._probe.found(expected, f"it removed {again!r}", *remarks, charge=("CLN-04",))

    async def end(self) -> None:
        """Expects no more channels after a cleanup than before the program (CLN-01, CLN-03)."""
        for _ in range(_ROUND_TRIPS):
            now = await self._swept()
            if now.events <= self._start.events and now.streams <= self._start.streams:
                break
            await self._probe.fence(self._witness)
        else:
            self._probe.found(
                f"no more channels than before, when all was left: {_shown(self._start)}",
                _shown(now),
                *self._probe.history.remarks[-1:],
                charge=("CLN-01", "CLN-03"),
            )
        await self._witness.leave()

    async def _swept(self) -> ChannelCounts:
        await self._cleaned(self._client)
        return await self._counts(self._client)

    async def _cleaned(self, client: Client) -> int:
        return await self._probe.returns(client.cleanup(self._probe.history), "cleanup")

    async def _counts(self, client: Client) -> ChannelCounts:
        return await self._probe.returns(client.channels(self._probe.history), "active_channels")


def _total(counts: ChannelCounts) -> int:
    return counts.events + counts.streams


def _shown(counts: ChannelCounts) -> str:
    return f"events={counts.events} streams={counts.streams}"
