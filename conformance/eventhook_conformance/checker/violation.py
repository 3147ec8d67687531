"""A breach, of which kind, and which requirement it is charged to.

The kinds are stable names: a case says by them which breaches show *its* requirement, and reports
and baselines may rely on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from eventhook_conformance.history import Entry, Publish, Side

Kind: TypeAlias = Literal[
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
    "ended",
    "failed",
]

_CHARGES: Final[dict[Kind, tuple[tuple[str, ...], tuple[str, ...]]]] = {
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
    "ended": (("PUB-01",), ("STR-06",)),
    "failed": ((), ()),
}

KINDS: Final[tuple[Kind, ...]] = tuple(_CHARGES)


@dataclass(frozen=True)
class Violation:
    """One breach of one or more requirements."""

    kind: Kind
    requirements: tuple[str, ...]
    expected: str
    seen: str
    entries: tuple[Entry, ...] = field(default=(), compare=False)
    """The few entries of the history that show it."""

    @property
    def message(self) -> str:
        """One line for machines and short reports."""
        return f"expected {self.expected}; seen: {self.seen}"

    def charging(self, requirements: Iterable[str]) -> Violation:
        """The same breach, charged to these requirements too."""
        more = tuple(dict.fromkeys([*self.requirements, *requirements]))
        return Violation(self.kind, more, self.expected, self.seen, self.entries)


def charge(kind: Kind, side: Side) -> tuple[str, ...]:
    """The requirements that a breach of this kind breaks on that side of the bus."""
    return _CHARGES[kind][side == "streams"]


def name(publish: Publish) -> str:
    """How messages call a publish."""
    return f"#{publish.number} ({publish.event.event_type}, by {publish.client})"


def condense(violations: Iterable[Violation], most: int = 3) -> list[Violation]:
    """At most `most` of one kind and charge: the first ones say it, the rest is counted."""
    seen: Counter[tuple[Kind, tuple[str, ...]]] = Counter()
    kept: list[Violation] = []
    for violation in violations:
        group = (violation.kind, violation.requirements)
        seen[group] += 1
        if seen[group] <= most:
            kept.append(violation)
    for at, violation in enumerate(kept):
        group = (violation.kind, violation.requirements)
        if seen[group] > most and violation.kind != "failed":
            more = f"{violation.seen} (the first of {seen[group]} such breaches)"
            kept[at] = Violation(
                violation.kind, violation.requirements, violation.expected, more, violation.entries
            )
            seen[group] = 0
    return kept
