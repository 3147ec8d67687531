"""The pace of comments is judged where this process had time to see it, and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from eventhook_conformance.cases._comments import Pace

INTERVAL_S = 0.4
ARRIVAL_S = 3.0


@pytest.mark.parametrize(
    ("took", "busy", "accused"),
    [(2.6, 0.1, False), (6.2, 0.1, False), (9.6, 0.1, True), (9.6, 4.7, True), (9.6, 4.9, False)],
)
def test_eight_comments(
    took: float, busy: float, accused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    used = 0.0
    found: list[str] = []

    def expect(right: bool, expected: str, seen: str, *entries: Any) -> None:
        if not right:
            found.append(f"{expected}; {seen}")

    probe = SimpleNamespace(
        deadline=SimpleNamespace(meter=SimpleNamespace(read=lambda: used / 2)),
        settings=SimpleNamespace(arrival_timeout_s=ARRIVAL_S),
        expect=expect,
    )
    sse = SimpleNamespace(
        probe=probe,
        http=SimpleNamespace(now_s=lambda: now),
        target=SimpleNamespace(keep_alive_s=INTERVAL_S),
    )
    monkeypatch.setattr("time.process_time", lambda: used / 2)
    pace = Pace(cast("Any", sse))
    now, used = took, busy
    pace.judge(8, cast("Any", SimpleNamespace(name="r1", requested=None)))
    assert found == ([f"a comment within 0.4 s of silence on r1; 8 in {took:.1f} s"] * accused)
