"""The decorator that makes a coroutine function a case."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, cast

from eventhook_conformance.checker import VIOLATION_KINDS, ViolationKind
from eventhook_conformance.settings import Depth
from eventhook_conformance.specification.requirements import requirements

Body = Callable[..., Awaitable[None]]
Exclusive: TypeAlias = Literal["counts", "cleans", "closes", "crowds", "times", "evicts"]
"""Why no other case runs at the same time.

`counts`: it compares counts that others would change. `cleans`: it cleans up, and others would fail
without naming the cleanup as the cause. `closes`: it closes a client, the run's where only one may be open.
`crowds`: it takes all subscriptions that there may be. `times`: it looks at the clock.
`evicts`: others would push out the history that it reads, where all have one tenant.
"""
_SUBSCRIPTIONS: Final = 10
_PLAIN: Final = frozenset({"events", "streams", "replay"})
_HTTP: Final = "sse"


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """The facts about a case that are known before it runs."""

    name: str
    """`module::function`."""
    requirements: tuple[str, ...]
    implicates: frozenset[ViolationKind]
    """The kinds of breach that, seen in this case, break its own requirements."""
    needs: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Capabilities that it needs beyond those of its requirements."""
    exclusive: Exclusive | None = None
    """Why it runs while no other case does, after what is parked was left."""
    clients: int = 0
    """How many clients of its own it has open at a time."""
    subscriptions: int = _SUBSCRIPTIONS
    """How many subscriptions it has open at a time, at most."""
    deep_subscriptions: int | None = None
    """The same at depth deep, where that is more."""
    profile: str | None = None
    """A profile that it needs beyond those of its requirements."""
    self_contained: bool = False
    """It leaves all that it entered: nothing of it has to be listened to after its end."""
    last: bool = False
    """It breaks the server that all share: it runs after all others, with no shared client open."""
    since: str = "1.0"
    """The version of the specification in which it runs first."""
    idles: bool = False
    """It waits long for keep-alive comments, and so starts before others."""

    @property
    def phase(self) -> int:
        """The phase in which it runs.

        Exclusive cases come first, while nothing is parked; self-contained ones come while the others'
        subscriptions are listened to at the end; those that break the server come last.
        """
        if self.last:
            return 3
        return 0 if self.exclusive else 1 + self.self_contained

    def subscriptions_at(self, depth: Depth) -> int:
        """Returns how many subscriptions it has open at a time, at most."""
        return (
            self.deep_subscriptions or self.subscriptions if depth == "deep" else self.subscriptions
        )

    @property
    def parks(self) -> bool:
        """True if its subscriptions stay open after its end, to be listened to."""
        return not (self.exclusive or self.last)

    @property
    def reads_streams(self) -> bool:
        """True if it reads a target's HTTP streams, and so waits most of the time."""
        return any(requirements()[one].profile == _HTTP for one in self.requirements)

    def can_run_concurrently(self, *, multi_client: bool) -> bool:
        """Returns whether it can run beside any others, where several may run at once.

        A case that watches a server would see the traffic of others.
        """
        profiles = {requirements()[one].profile for one in self.requirements}
        if self.last or profiles - _PLAIN - {_HTTP}:
            return False
        return self.exclusive is None or (self.exclusive == "closes" and multi_client)


def case(
    *identifiers: str,
    implicates: Collection[ViolationKind] = (),
    needs: Mapping[str, tuple[Any, ...]] | None = None,
    exclusive: Exclusive | None = None,
    clients: int = 0,
    subscriptions: int = _SUBSCRIPTIONS,
    deep_subscriptions: int | None = None,
    self_contained: bool = False,
    last: bool = False,
    profile: str | None = None,
    since: str = "1.0",
    idles: bool = False,
) -> Callable[[Body], Body]:
    """Makes a coroutine function a case of these requirements.

    Args:
        *identifiers: the requirements that it tests.
        implicates: which breaches found by the checker in this case's history also show that its own
            requirements are broken; what the case itself finds always does.
        needs: capabilities, each with the claims for which the case applies.
        exclusive: why no other case may run at the same time.
        clients: how many of its own it has open at a time.
        subscriptions: how many it has open at a time, at most.
        deep_subscriptions: the same at depth deep, where that is more.
        self_contained: it leaves all that it entered before it ends.
        last: it runs after all others, since it breaks the server.
        profile: one that must be claimed, for a case of a requirement that applies elsewhere too.
        since: the version of the specification in which it runs first, for a case that asks more of an
            older requirement; a case of newer requirements alone needs no mark.
        idles: it waits long for keep-alive comments, and so starts before others.

    Raises:
        LookupError: there is no such requirement or kind of breach.
    """
    for identifier in identifiers:
        if identifier not in requirements():
            raise LookupError(f"no such requirement: {identifier}")
    for kind in implicates:
        if kind not in VIOLATION_KINDS:
            raise LookupError(f"no such kind of breach: {kind}")

    def decorate(body: Body) -> Body:
        module = body.__module__.rpartition(".")[2]
        about = Case(
            name=f"{module}::{body.__name__}",
            requirements=identifiers,
            implicates=frozenset(implicates),
            needs=dict(needs or {}),
            exclusive=exclusive,
            clients=clients,
            subscriptions=subscriptions,
            deep_subscriptions=deep_subscriptions,
            self_contained=self_contained,
            last=last,
            profile=profile,
            since=since,
            idles=idles,
        )

        @functools.wraps(body)
        def judged(probe: Any, **parameters: Any) -> None:
            __tracebackhide__ = True
            probe.judge()

        judged.__case__ = about  # type: ignore[attr-defined]  # because: the mark of a case
        return cast("Body", judged)

    return decorate
