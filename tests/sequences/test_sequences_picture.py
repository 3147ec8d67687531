"""The picture of a history in text."""

from __future__ import annotations

from uuid import uuid4

import msgspec

from eventhook_conformance.sequences import match, picture
from sequences.histories import Played


def drawn(played: Played) -> str:
    return picture(match(played.scenario, played.ids, played.events))


def test_a_right_history_has_no_remarks() -> None:
    assert drawn(Played("workflow-fails")).splitlines() == [
        "workflow-fails, as it was seen:",
        "1  workflow.created  main  +0 ms",
        "2  workflow.started  main  +1 ms",
        "3  workflow.failed   main  +2 ms",
    ]


def test_the_broken_edge_is_pointed_at() -> None:
    played = Played("task-succeeds")
    played.swap("task-started", "task-completed")
    lines = drawn(played).splitlines()
    assert "must come after task-completed, which is 5" not in drawn(played)
    (line,) = [line for line in lines if "must come after task-started" in line]
    assert line.split()[:3] == ["5", "task.completed", "main/charge"]
    assert line.endswith("must come after task-started, which is 6")


def test_missing_repeated_strange_and_late_events_are_pointed_at() -> None:
    played = Played("signal")
    played.drop("resumed")
    played.events.insert(2, played.events[1])
    stranger = msgspec.structs.replace(
        played.events[-1], id=uuid4(), workflow_execution_id=uuid4(), event_type="signal.received"
    )
    played.events.append(stranger)
    text = drawn(played)
    assert "-  workflow.resumed    main" in text
    assert "missing" in text
    assert "started once more" in text
    assert f"signal.received     {str(stranger.workflow_execution_id)[:8]}" in text
    assert "after the end" in text


def test_a_misfiled_event_is_pointed_at() -> None:
    played = Played("child-succeeds")
    played.change("child-started", workflow_execution_id=played.ids.workflows["main"])
    assert "should be child's" in drawn(played)


def test_an_empty_history_has_a_picture() -> None:
    played = Played("workflow-fails")
    played.events.clear()
    assert drawn(played).count("missing") == 2
