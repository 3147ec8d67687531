"""The measurements of `bench` for each bus, and the page that is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from eventhook_conformance.bench.numbers import count, duration
from eventhook_conformance.report.text import printable

_HEAD = """# Bench results

How fast the example buses are, each measured by [`bench`](bench.md). One command writes this page,
on a quiet machine:

```
python examples/bench_results.py
```

The load comes from one Python process, which is the limit beyond some hundred thousand events a second.
Of a driver, the protocol is part of the cost. So compare rows of one kind with each other, and not with
what a library reaches in its own language. [The verdicts](verdicts.md) say which promises each bus keeps.

Read the columns so:

- **1, 8, 64 publishers**: events a second that the one reader has read, closed loop.
- **100 readers**: events a second that all hundred have read.
- **p50, p99**: from the moment when an event was due to its read, 8 publishers, at the rate offered.
- **memory**: of a subscription, in this process or in those that the target started.
- **took**: the whole command, without building.

"""


_REST: Mapping[str, tuple[str, ...]] = {
    "A fast bus that loses, or breaks another rule, is no fast bus:": ("loses", "breaks"),
    "Not measured to the end, since the load was more than the bus takes, as it may:": ("fails",),
}


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of one bus; None where there is no number."""

    verdict: str
    reason: str
    machine: str
    one: float | None
    eight: float | None
    sixty_four: float | None
    hundred_readers: float | None
    offered_per_s: float | None
    p50_us: float | str | None
    p99_us: float | str | None
    """A word for one that never ended."""
    subscription_bytes: float | None
    took_s: float


def bench_from(report: Mapping[str, Any], took_s: float) -> Bench:
    """Returns the figures that the page shows of a report of `bench` on one target."""
    [target] = report["targets"]
    by = {(one["dimension"], one["value"]): one for one in target["measures"]}
    base = by.get(("base", ""))

    def speed(dimension: str, value: int | str) -> float | None:
        found = by.get((dimension, value))
        speeds = found and found["events_per_s"]
        return None if not speeds else float(speeds["median"])

    memory = target["memory"] or {}
    latency = (base and base["latency_us"]) or {}
    return Bench(
        verdict=target["verdict"],
        reason=target["reason"],
        machine=report["machine"],
        one=speed("publishers", 1),
        eight=speed("base", ""),
        sixty_four=speed("publishers", 64),
        hundred_readers=speed("subscribers", 100),
        offered_per_s=base and base["offered_per_s"],
        p50_us=latency.get("p50"),
        p99_us=latency.get("p99"),
        subscription_bytes=memory.get("children_bytes") or memory.get("python_bytes"),
        took_s=took_s,
    )


def page(measured: Mapping[str, Bench], libraries: Mapping[str, str]) -> str:
    """Returns the page.

    Args:
        measured: by the name of the bus.
        libraries: what each is made with, by the same name.
    """
    machines = sorted({one.machine.partition(", load")[0] for one in measured.values()})
    lines = [_HEAD + f"Measured with {'; '.join(machines)}.\n"]
    lines += [
        "| bus | made with | 1 publisher | 8 | 64 | 100 readers | offered | p50 | p99 | memory | took |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, one in measured.items():
        cells = [
            name,
            printable(libraries.get(name, "")),
            *(_counted(n, "/s") for n in (one.one, one.eight, one.sixty_four, one.hundred_readers)),
            _counted(one.offered_per_s, "/s"),
            _latency(one.p50_us),
            _latency(one.p99_us),
            _counted(one.subscription_bytes, "B"),
            f"{one.took_s:.0f} s",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += _losing(measured)
    return "\n".join(lines) + "\n"


def _losing(measured: Mapping[str, Bench]) -> Sequence[str]:
    lines = []
    for title, verdicts in _REST.items():
        told = {name: one for name, one in measured.items() if one.verdict in verdicts}
        if told:
            lines += ["", title, ""]
            lines += [f"- **{name}** {printable(one.reason)}" for name, one in told.items()]
    return lines or ["", "All delivered what they owed."]


def _counted(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    text = count(value)
    return text + unit if " " in text or unit.startswith("/") else f"{text} {unit}"


def _latency(microseconds: float | str | None) -> str:
    return "never" if isinstance(microseconds, str) else duration(microseconds)
