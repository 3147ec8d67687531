"""Describes a breach: its kind, and the requirements that it is charged to.

The kinds are stable names: a case names the kinds that show a breach of its own requirements, and reports
and baselines may rely on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from eventhook_conformance.checker.traits import common_trait
from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.history import Entry, Publish, Side, Subscribed

ViolationKind: TypeAlias = Literal[
    "leaked",
    "phantom",
    "altered",
    "crossed",
    "unmatched",
    "refused-seen",
    "replayed",
    "after-leaving",
    "repeated",
    "reordered",
    "disordered",
    "acausal",
    "lost",
    "lost-first",
    "lost-on-close",
    "lost-retained",
    "lost-resumed",
    "lost-handover",
    "skipped",
    "at-or-before",
    "cursor-malformed",
    "cursor-reused",
    "cursor-changed",
    "cursor-refused",
    "order-changed",
    "ended",
    "failed",
]

_CHARGES: Final[dict[ViolationKind, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "leaked": (("TEN-01",), ("STR-02",)),
    "phantom": (("PUB-03",), ("STR-06",)),
    "altered": (("PUB-03", "EVT-01"), ("STR-01",)),
    "crossed": (("STR-04",), ("STR-04",)),
    "unmatched": (("PAT-09",), ("STR-02",)),
    "refused-seen": (("EVT-06",), ("STR-08",)),
    "replayed": (("PUB-05",), ("STR-06",)),
    "after-leaving": (("PUB-11",), ("STR-06",)),
    "repeated": (("PUB-02",), ("STR-06",)),
    "reordered": (("PUB-06",), ("STR-01", "STR-06")),
    "disordered": (("PUB-07",), ()),
    "acausal": (("PUB-20",), ()),
    "lost": (("PUB-01",), ("STR-01",)),
    "lost-first": (("PUB-01", "PUB-04"), ("STR-01", "STR-06")),
    "lost-on-close": (("PUB-17",), ("STR-06",)),
    "lost-retained": (("RPL-03",), ("RPL-03",)),
    "lost-resumed": (("RPL-02",), ("RPL-02",)),
    "lost-handover": (("RPL-04",), ("RPL-04",)),
    "skipped": (("RPL-08",), ("RPL-08",)),
    "at-or-before": (("RPL-02",), ("RPL-02",)),
    "cursor-malformed": (("RPL-01",), ("RPL-01",)),
    "cursor-reused": (("RPL-01",), ("RPL-01",)),
    "cursor-changed": (("RPL-05",), ("RPL-05",)),
    "cursor-refused": (("RPL-02",), ("RPL-02",)),
    "order-changed": (("RPL-05",), ("RPL-05",)),
    "ended": (("PUB-01",), ("STR-06",)),
    "failed": ((), ()),
}

VIOLATION_KINDS: Final[tuple[ViolationKind, ...]] = tuple(_CHARGES)

_REPLAYING: Final[dict[ViolationKind, str]] = {
    "leaked": "RPL-07",
    "phantom": "RPL-05",
    "altered": "RPL-05",
    "unmatched": "RPL-06",
    "refused-seen": "RPL-05",
    "repeated": "RPL-04",
    "reordered": "RPL-04",
    "lost": "RPL-04",
    "lost-first": "RPL-04",
    "ended": "RPL-03",
}
"""Requirements that a breach also breaks on a subscription that begins in the past."""

MISSING: Final[frozenset[ViolationKind]] = frozenset(
    {"lost", "lost-first", "lost-retained", "lost-resumed", "lost-handover", "skipped"}
)
"""Kinds that a longer history of the same case may disprove; deliveries prove all others."""


@dataclass(frozen=True)
class Violation:
    """One breach of one or more requirements."""

    kind: ViolationKind
    requirements: tuple[str, ...]
    expected: str
    seen: str
    entries: tuple[Entry, ...] = field(default=(), compare=False)
    """The few entries of the history that show it."""
    count: int = field(default=1, compare=False)
    """How many such breaches this one stands for."""
    values: tuple[str, str] | None = field(default=None, compare=False)
    """The value expected and the one seen, in full, where the message cuts them."""

    @property
    def message(self) -> str:
        """One line for machines and short reports."""
        return f"expected {self.expected}; seen: {self.witnessed}"

    @property
    def witnessed(self) -> str:
        """Returns what was seen, and how often."""
        return (
            self.seen
            if self.count == 1
            else f"{self.seen} (the first of {self.count} such breaches)"
        )

    def charging(self, requirements: Iterable[str]) -> Violation:
        """Returns the same breach, charged to these requirements too."""
        more = tuple(dict.fromkeys([*self.requirements, *requirements]))
        return replace(self, requirements=more)


def charge(kind: ViolationKind, side: Side) -> tuple[str, ...]:
    """Returns the requirements that a breach of this kind breaks on that side of the bus."""
    return _CHARGES[kind][side == "streams"]


def charge_replay(violation: Violation) -> Violation:
    """Returns the breach of a subscription that begins in the past, charged to its RPL requirement too."""
    more = _REPLAYING.get(violation.kind)
    return violation if more is None else violation.charging((more,))


def name(publish: Publish) -> str:
    """Returns the name of a publish in messages."""
    kind = str(publish.event.event_type)
    short = kind if len(kind) <= _NAME else f"{kind[:_NAME]}…"
    return f"#{publish.number} ({short}, by {publish.client})"


_MOST: Final = 120
_NAME: Final = 40
_TAIL: Final = 20
_BEFORE: Final = 12
_AROUND: Final = 48


def shown(value: object, most: int = _MOST) -> str:
    """Returns a value as messages show it, made harmless: its head, its end and its length."""
    text = in_full(value)
    if len(text) <= most:
        return text
    return f"{text[: most - _TAIL]}…{text[-_TAIL:]} ({len(text)} characters)"


def differing(one: object, other: object) -> tuple[str, str]:
    """Returns two values as messages show them: long ones from where they begin to differ."""
    texts = in_full(one), in_full(other)
    if max(map(len, texts)) <= _MOST or texts[0] == texts[1]:
        return shown(one), shown(other)
    pairs = zip(*texts, strict=False)
    place = next((n for n, (a, b) in enumerate(pairs) if a != b), min(map(len, texts)))
    start = max(0, place - _BEFORE)

    def from_there(text: str) -> str:
        rest = text[start : start + _AROUND]
        after = "…" if start + _AROUND < len(text) else ""
        before = "…" if start else ""
        return f"{before}{rest}{after} (from character {place} of {len(text)})"

    return from_there(texts[0]), from_there(texts[1])


def in_full(value: object) -> str:
    """Returns the `repr` of a value, whatever it is."""
    try:
        return repr(value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # because: a target may deliver what cannot even be printed
        return f"<a {type(value).__name__} that cannot be printed: {type(error).__name__}>"


def condense(violations: Iterable[Violation]) -> list[Violation]:
    """Returns the first violation of each kind and charge, with the number of the others."""
    groups: dict[tuple[object, ...], list[Violation]] = {}
    for violation in violations:
        # Each finding of a case itself is a breach of its own.
        own = (violation.expected, violation.seen) if violation.kind == "failed" else ()
        groups.setdefault((violation.kind, violation.requirements, *own), []).append(violation)
    return [replace(_with_trait(group), count=len(group)) for group in groups.values()]


def _with_trait(group: Sequence[Violation]) -> Violation:
    """Returns the first violation of a group, with a trait that all its lost events share."""
    first = group[0]
    if first.kind not in MISSING:
        return first
    missing = [one.event for each in group for one in each.entries[1:2] if isinstance(one, Publish)]
    readers = {id(each.entries[0]): each.entries[0] for each in group if each.entries}
    came = [
        delivery.event
        for reader in readers.values()
        if isinstance(reader, Subscribed)
        for delivery in reader.deliveries
        if isinstance(delivery.event, FlovynEvent | StreamEvent)
    ]
    trait = common_trait(missing, came)
    if trait is None:
        return first
    return replace(
        first, seen=f"{first.seen}; all that are missing have {trait}, none that came has"
    )
