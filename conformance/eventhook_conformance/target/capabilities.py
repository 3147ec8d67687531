"""Defines the claims of a backend. It is tested in full for its claims, and for nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Self

PROFILES: Final = ("events", "streams", "nats-wire", "lifecycle", "sse", "recovery", "replay")
"""Every profile, in the order in which they are reported."""

_SIDES: Final = ("events", "streams")
_LEAST_CLIENTS: Final = 4

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "overflow": ("drop_oldest", "drop_newest", "block", "unbounded"),
    "overflow_scope": ("subscription", "tenant"),
    "activation": ("bus", "client"),
    "replay_default": ("live", "start"),
    "replay_survives": ("client", "server", "nothing"),
}
_OPTIONAL: Final[Mapping[str, object]] = {
    "processes": True,
    "replay_events": 1,
    "replay_s": 1.0,
}
"""The claims that may be None, each with a value of its other type."""


def _unknown(profile: object) -> str:
    return f"expected a profile of {', '.join(PROFILES)}, got {profile!r}"


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """The claims of one target.

    Raises:
        ValueError: a value is none of those that the contract knows; the message names them.
    """

    driver: ClassVar[bool] = False
    """The target is behind the driver protocol; no claim of its own, but requirements look at it."""

    profiles: Collection[str] = frozenset({"events", "streams"})
    event_capacity: int = 1024
    """Unread events that an event subscription holds before it overflows."""
    stream_capacity: int = 256
    """Unread events that a stream subscription holds before it overflows."""
    overflow: Literal["drop_oldest", "drop_newest", "block", "unbounded"] = "drop_oldest"
    overflow_scope: Literal["subscription", "tenant"] = "subscription"
    total_order: bool = False
    """Subscriptions of a tenant see one order (PUB-07)."""
    causal_order: bool = False
    """An event published after another publish returned is never seen before it (PUB-20)."""
    activation: Literal["bus", "client"] = "bus"
    """Entering makes active for publishers on every client, or surely only for the same one.

    With `client`, what another client has just published may be on its way, and come after all (PUB-05).
    """
    multi_client: bool = True
    in_process: bool = True
    introspection: bool = True
    """Cleanup and counting of channels are offered."""
    surrogates: bool = True
    """Text with lone surrogates reaches `publish` as it is, so that its refusal can be tested."""
    processes: bool | None = None
    """Clients in different processes share one bus. None: where there is a server, or a driver, and
    a second process can be started and hears the first one at all."""
    max_event_bytes: int = 262144
    max_subscriptions: int = 1000
    max_clients: int = 4
    """Clients that may be open at once; with more, more cases run beside each other on a far target."""
    publish_timeout_s: float = 5.0
    """Seconds within which `publish` gives up on a server that cannot be reached."""
    recovery_s: float = 5.0
    """Seconds after a fault within which subscriptions deliver again."""
    replay: Collection[str] = frozenset()
    """The sides, out of `events` and `streams`, whose `subscribe` takes `since` (profile `replay`)."""
    replay_default: Literal["live", "start"] = "live"
    """Where a subscription begins that names no `since`."""
    replay_events: int | None = 1024
    """The newest events of each tenant or key that its history holds; None: no limit by number."""
    replay_s: float | None = None
    """Seconds for which history holds an event; None: no limit by age."""
    replay_survives: Literal["client", "server", "nothing"] = "client"
    """A cursor outlives: its client, a restart of the server too, or neither."""
    replay_grace_s: float = 30.0
    """Seconds for which the history of a workflow stays after its end, at least."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "profiles", frozenset(self.profiles))
        object.__setattr__(self, "replay", frozenset(self.replay))
        for profile in sorted(self.profiles):
            if profile not in PROFILES:
                raise ValueError(_unknown(profile))
        self._check_replay()
        if type(self.max_clients) is int and self.max_clients < _LEAST_CLIENTS:
            raise ValueError(
                f"max_clients is {self.max_clients}; expected at least {_LEAST_CLIENTS}: "
                "single cases open as many"
            )
        for field in dataclasses.fields(self):
            self._check(field.name, getattr(self, field.name), field.default)

    def _check_replay(self) -> None:
        for side in sorted(self.replay):
            if side not in _SIDES:
                raise ValueError(f"replay: expected {' or '.join(_SIDES)}, got {side!r}")
        if "replay" not in self.profiles:
            return
        if not self.replay:
            raise ValueError(
                "profile 'replay': expected replay={'events', 'streams'}, or one of them"
            )
        if self.replay_events is None and self.replay_s is None:
            raise ValueError(
                "profile 'replay': expected a limit, replay_events or replay_s: "
                "history is bounded (RPL-11)"
            )

    def _check(self, name: str, value: object, default: object) -> None:
        if name in _OPTIONAL:
            if value is None:
                return
            default = _OPTIONAL[name]
        if name in _CHOICES:
            if value not in _CHOICES[name]:
                raise ValueError(f"{name} is {value!r}; expected {', '.join(_CHOICES[name])}")
        elif isinstance(default, bool):
            if not isinstance(value, bool):
                raise ValueError(f"{name} is {value!r}; expected True or False")
        elif isinstance(default, int | float):
            whole = isinstance(default, int)
            allowed = int if whole else (int, float)
            if not isinstance(value, allowed) or isinstance(value, bool) or value <= 0:
                kind = "integer" if whole else "number of seconds"
                raise ValueError(f"{name} is {value!r}; expected a positive {kind}")

    def to_dict(self) -> dict[str, Any]:
        """Returns the JSON form: the same names, `profiles` and `replay` sorted arrays.

        `processes` is left out where nothing is said of it.
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if self.processes is None:
            del values["processes"]
        return {**values, "profiles": sorted(self.profiles), "replay": sorted(self.replay)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads the JSON form: what is missing has its default, unknown names are ignored.

        Raises:
            ValueError: a value is none of those that the contract knows.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def narrowed(self, profiles: Collection[str]) -> Self:
        """Returns the same claims for fewer profiles.

        Raises:
            ValueError: a profile is unknown, or is not claimed at all.
        """
        for profile in profiles:
            if profile not in PROFILES:
                raise ValueError(_unknown(profile))
            if profile not in self.profiles:
                claimed = ", ".join(sorted(self.profiles))
                raise ValueError(
                    f"profile {profile!r} is not claimed; this target claims {claimed}"
                )
        return dataclasses.replace(self, profiles=frozenset(profiles))
