"""Misbehaving targets, the cases that run on them, and a run that must end cleanly on each.

Each target is hostile to one thing alone, which is called `evil`: events and patterns of that type.
To all others it is the correct bus of the zoo, so that a run over `before`, `evil`, `after` shows that
one case lost its verdict and the run lost nothing.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from eventhook_conformance.checker import check
from eventhook_conformance.contract import EventPattern, StreamingBackend
from eventhook_conformance.engine.events import EventSubscriber
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.engine.oracle import Checker
from eventhook_conformance.engine.resolve_target import ResolvedTarget
from eventhook_conformance.engine.runner import in_order, judge_cases
from eventhook_conformance.engine.session import Session
from eventhook_conformance.probe import Probe
from eventhook_conformance.probe.deadline import Meter
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Body, Case, Exclusive, Instance
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference.mutants.base import Event, PliableBus, PliableClient

QUICK = Settings(arrival_timeout_s=0.3, settle_s=0.05)
HANG_S = 60.0
"""No claim of speed: each wait that runs out takes 0.3 s, and there are a few."""
CLAIMS = Capabilities(total_order=True, causal_order=True)


def is_evil(event: Event) -> bool:
    """Returns whether the hostile target is hostile to this event."""
    return str(getattr(event, "event_type", "")).startswith("evil.")


def asks_for_evil(selects: Any) -> bool:
    """Returns whether the hostile target is hostile to this subscription."""
    return isinstance(selects, EventPattern) and selects.event_type_prefix == "evil"


# Targets


@dataclass
class Hostile:
    """A target over one bus, which counts the clients that are open."""

    client: Callable[[PliableBus], StreamingBackend] = PliableClient
    capabilities: Capabilities = CLAIMS
    bus: PliableBus = field(default_factory=PliableBus)
    opened: int = 0
    closed: int = 0

    @property
    def target(self) -> Target:
        return Target("hostile", open=self.open, capabilities=self.capabilities)

    def open(self) -> AbstractAsyncContextManager[StreamingBackend]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[StreamingBackend]:
        backend = self.client(self.bus)
        self.opened += 1
        try:
            yield backend
        finally:
            self.closed += 1
            await backend.aclose()


# Cases


def instance(
    body: Body,
    *requirements: str,
    implicates: Iterable[Any] = (),
    exclusive: Exclusive | None = None,
) -> Instance:
    """Returns a case made by hand from a coroutine function."""
    name = f"own::{getattr(body, '__name__', 'body')}"
    case = Case(
        name=name,
        requirements=requirements or ("PUB-01",),
        implicates=frozenset(implicates),
        exclusive=exclusive,
    )
    return Instance(id=name, case=case, body=body, parameters={}, needs={})


async def hear(probe: Probe, kind: str) -> None:
    """Subscribes to a type, publishes one of it, and proves that all has come."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.by_type(tenant, kind))
    await probe.publish(probe.make.event(tenant, f"{kind}.act"))
    await probe.fence(listener)


async def before(probe: Probe) -> None:
    """Publishes and reads one event, as a harmless case."""
    await hear(probe, "plain")


async def evil(probe: Probe) -> None:
    """Makes the call to which the target is hostile."""
    await hear(probe, "evil")


async def after(probe: Probe) -> None:
    """Publishes and reads one event, which shows that the run went on."""
    await hear(probe, "plain")


# Runs


def examine(
    target: Target,
    bodies: Sequence[Body | Instance] = (before, evil, after),
    *,
    settings: Settings = QUICK,
    limits: Limits | None = None,
    meter: Meter | None = None,
) -> RunResult:
    """Judges a target; fails if the run hangs or leaves anything behind."""
    alarm, (timer, _) = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    cases = in_order(b if isinstance(b, Instance) else instance(b) for b in bodies)
    session = new_session(target, settings, cases, limits=limits, meter=meter)
    began = time.perf_counter()
    asyncio.run(_judge(session, cases))
    took = time.perf_counter() - began
    assert took < HANG_S, f"the run took {took:.1f} s"
    assert signal.getsignal(signal.SIGALRM) is alarm
    # pytest-timeout's own alarm goes on, if it was set.
    left = signal.getitimer(signal.ITIMER_REAL)[0]
    assert 0 < left < timer if timer else left == 0
    return session.result


class Steady:
    """A meter of a machine that is never busy: these tests decide by what a target does."""

    def read(self) -> float:
        return 0.0


def new_session(
    target: Target,
    settings: Settings = QUICK,
    planned: Sequence[Instance] = (),
    subscribers: Sequence[EventSubscriber] = (),
    limits: Limits | None = None,
    checker: Checker = check,
    meter: Meter | None = None,
) -> Session:
    """Returns a session of a target with all its claims."""
    subject = ResolvedTarget(target.name, target, target.capabilities)
    return Session(subject, settings, planned, subscribers, limits, checker, meter or Steady())


async def _judge(session: Session, instances: Sequence[Instance]) -> None:
    await judge_cases(session, instances)
    for _ in range(5):  # a cancelled task may need a turn or two to end
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"the run left {left}"


def by_name(result: RunResult) -> dict[str, CaseResult]:
    """Returns the results by the names of the case functions."""
    return {case.id.removeprefix("own::"): case for case in result.cases}


def outcomes(result: RunResult) -> dict[str, str]:
    """Returns what each case came to."""
    return {name: case.outcome for name, case in by_name(result).items()}


def blamed(result: RunResult, *fragments: str) -> CaseResult:
    """Returns the evil case, after checking that it alone failed, by the target's fault, and says why."""
    assert outcomes(result) == {"before": "passed", "evil": "failed", "after": "passed"}
    case = by_name(result)["evil"]
    assert case.blame == "target"
    assert case.message is not None
    for fragment in fragments:
        assert fragment in case.message
    return case
