"""Enters the breaches and the events of a stream into the history of its case."""

from __future__ import annotations

from collections.abc import Collection

from eventhook_conformance.checker import Violation
from eventhook_conformance.history import Remark
from eventhook_conformance.probe import Probe
from eventhook_conformance.sse.checks import CHARGES, Breach, judge, shown
from eventhook_conformance.sse.published import Published
from eventhook_conformance.sse.stream import Stream


def judge_stream(
    probe: Probe, stream: Stream, published: Published, implicates: Collection[Breach]
) -> None:
    """Compares a stream with all that was published, and reports each breach.

    Args:
        probe: the case's.
        stream: the stream.
        published: all publishes so far.
        implicates: breaches that, seen in this case, break its own requirements too.
    """
    reading = stream.reading
    for one in reading.received:
        probe.history.remarks.append(
            Remark(stream.requested.client, shown(one.event), one.at, one.at, "received")
        )
    if not stream.judged:
        return
    for finding in judge(
        reading.received,
        reading.parser.strays,
        stream.wanted,
        published,
        stream.requested.called,
        reading.opened,
    ):
        charged = [CHARGES[finding.kind]]
        if finding.kind == "strayed" and stream.wanted.consolidated:
            charged = ["SSE-11"]
        if finding.kind in implicates:
            charged += probe.requirements
        probe.violations.append(
            Violation(
                "failed",
                tuple(dict.fromkeys(charged)),
                finding.expected,
                f"{finding.seen} (on {stream.name})",
                (stream.requested, *finding.publishes),
            )
        )
