"""The wide operations: a correct bus passes each, and each finds a bus that is wrong just there."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.programs import RANDOM_CASE, RANDOM_CASES, Program
from eventhook_conformance.programs.steps import COSTLY, WIDE
from eventhook_conformance.results import CaseResult
from eventhook_conformance.settings import Settings
from eventhook_reference.channel import Channel
from eventhook_reference.memory import target as memory
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side, pliable_target

COUNTING = f"{RANDOM_CASES}::no_random_history_leaves_channels_behind"
_WAIT_S = 0.1


def played(target: Any, *steps: Any, case: str = RANDOM_CASE) -> CaseResult:
    program: Program = steps
    settings = Settings(arrival_timeout_s=_WAIT_S, settle_s=0.0, replay=program)
    instances = [one for name, one in catalog().items() if name == case]
    (result,) = judge(target, settings, instances).cases
    return result


@pytest.mark.parametrize("side", [0, 1])
def test_a_correct_bus_passes_every_operation(side: int) -> None:
    operations = {**WIDE, **COSTLY}
    steps = [
        (name, *(side % choices for choices in numbers)) for name, numbers in operations.items()
    ]
    standing = [("subscribe", 0, 0, 0), ("listen", 1, 0), ("publish", 1, 0, 0, 0, 0)]
    result = played(memory, *standing, *steps, ("publish", 1, 0, 0, 0, 0))
    assert result.outcome == "passed", result.message


class CutsLongTexts(PliableClient):
    def copy(self, event: Event) -> Event:
        if isinstance(event, StreamEvent):
            return msgspec.structs.replace(event, payload=event.payload[:1024])
        text = event.data[:1024] if isinstance(event.data, str) else event.data
        return msgspec.structs.replace(event, data=text)


class SharesData(PliableClient):
    def copy(self, event: Event) -> Event:
        return event


class TakesAnything(PliableClient):
    def check(self, side: Side, event: Event) -> None:
        """Refuses nothing."""

    def check_selects(self, side: Side, selects: Any) -> None:
        """Refuses nothing."""


class HoldsFifteen(PliableClient):
    def enter(self, member: Member) -> None:
        if len(self.bus.members) > 15:
            del self.bus.members[0]
        super().enter(member)


class LosesTheSixtyFifth(PliableClient):
    def hand(self, member: Member, event: Event) -> None:
        number = self.bus.memory.get("handed", 0) + 1
        self.bus.memory["handed"] = number
        if number != 65:
            super().hand(member, event)


class LosesTheFiftiethEntry(PliableClient):
    def enter(self, member: Member) -> None:
        number = self.bus.memory["entries"] = self.bus.memory.get("entries", 0) + 1
        if number % 50:
            super().enter(member)


class DropsTheUnreadAtClosing(PliableClient):
    async def aclose(self) -> None:
        for member in [] if self.closed else self.bus.members:
            if member.client is self:
                member.channel._events.clear()
        await super().aclose()


class SaysNothingWasLost(PliableClient):
    def make_channel(self, side: Side) -> Channel[Any]:
        return Silent(super().make_channel(side)._capacity)


class Silent(Channel[Any]):
    def push(self, event: Any) -> bool:
        pushed = super().push(event)
        self.dropped = 0
        return pushed


class HoldsTooLittle(PliableClient):
    def make_channel(self, side: Side) -> Channel[Any]:
        return Channel(100)


class ForgetsIdleChannels(PliableClient):
    async def cleanup_inactive_channels(self) -> int:
        await super().cleanup_inactive_channels()
        return 0


class KeepsTheAbandoned(PliableClient):
    def idle_channels(self) -> list[tuple[Side, object]]:
        return []


class SkipsWhatLooksTheSame(PliableClient):
    def audience(self, side: Side, event: Event) -> list[Member]:
        content = event.data if isinstance(event, FlovynEvent) else event.payload
        if content == self.bus.memory.get(side) and content is not None:
            return []
        self.bus.memory[side] = content
        return super().audience(side, event)


@pytest.mark.parametrize(
    ("broken", "step", "charged"),
    [
        (CutsLongTexts, ("size", 0, 0, 12, 2), "EVT-01"),
        (CutsLongTexts, ("size", 0, 1, 12, 2), "STR-01"),
        (SharesData, ("reuse", 0, 0), "EVT-01"),
        (TakesAnything, ("refuse-value", 0, 0, 1), "EVT-12"),
        (TakesAnything, ("refuse-value", 0, 1, 1), "STR-08"),
        (TakesAnything, ("refuse-pattern", 0, 0, 0), "PAT-10"),
        (TakesAnything, ("refuse-pattern", 0, 1, 3), "STR-08"),
        (HoldsFifteen, ("crowd", 0, 0, 2), "PUB-01"),
        (HoldsFifteen, ("crowd", 0, 1, 2), "STR-01"),
        (LosesTheSixtyFifth, ("run", 1, 0, 0), "PUB-01"),
        (LosesTheFiftiethEntry, ("rows", 0, 1, 1), "STR-01"),
        (DropsTheUnreadAtClosing, ("close-full", 0, 3), "PUB-17"),
        (SaysNothingWasLost, ("overrun", 0, 0, 1), "OVF-07"),
        (SaysNothingWasLost, ("overrun", 1, 1, 0), "OVF-07"),
        (HoldsTooLittle, ("overrun", 0, 1, 1), "STR-01"),
        (SkipsWhatLooksTheSame, ("same-again", 1, 0, 1), "PUB-01"),
        (SkipsWhatLooksTheSame, ("same-again", 1, 1, 1), "STR-01"),
    ],
)
def test_an_operation_finds_what_is_wrong_there(
    broken: type[PliableClient], step: Any, charged: str
) -> None:
    result = played(pliable_target("broken", broken, broken.capabilities), step)
    assert result.outcome == "failed"
    assert charged in {one for v in result.violations for one in v.requirements}


@pytest.mark.parametrize(
    ("broken", "charged"), [(ForgetsIdleChannels, "CLN-01"), (KeepsTheAbandoned, "CLN-03")]
)
def test_channels_are_counted_around_a_cleanup_and_at_the_end(
    broken: type[PliableClient], charged: str
) -> None:
    steps = [("unheard", 0, 4), ("cleanup", 0)]
    assert played(memory, *steps, case=COUNTING).outcome == "passed"
    result = played(pliable_target("broken", broken), *steps, case=COUNTING)
    assert result.outcome == "failed"
    assert charged in {one for v in result.violations for one in v.requirements}
