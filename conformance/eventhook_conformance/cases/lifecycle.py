"""LIF: compares the events of workflow runs with the steps of each run, in both forms.

Over 300 lines: one case or two for each of LIF-01 to LIF-12.
"""

from __future__ import annotations

from typing import Final

import pytest

from eventhook_conformance.cases._lifecycle import (
    each,
    play_interleaved,
    play_out,
    prepare,
    proceed,
    run_on,
    settle,
)
from eventhook_conformance.cases._lifecycle_judging import (
    BY,
    Play,
    charge,
    expect_end,
    judge,
    matched,
    observed,
    told,
)
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.probe import Listener, NotOffered, Probe
from eventhook_conformance.sequences import check_strays, interleavings, scenarios
from eventhook_conformance.specification import case

_OUTAGES: Final = (
    "task-succeeds",
    "task-fails",
    "workflow-cancelled",
    "timer-fires",
    "child-fails",
    "standalone-task",
    "task-streams",
)


@each()
@case("LIF-01", "LIF-02", "LIF-03", "LIF-05")
async def run_is_told_whole_and_once(probe: Probe, scenario: str) -> None:
    """Plays a scenario: each of its events must come once, in causal order, unchanged, and no other."""
    judge(probe, await play_out(probe, scenario))


@each()
@case("LIF-02", implicates={"phantom"})
async def nothing_is_told_before_it_begins_or_after_its_end(probe: Probe, scenario: str) -> None:
    """Prepares a scenario and plays it: no event may come before its step, or after the end."""
    play = await prepare(probe, scenarios()[scenario])
    await probe.fence(*play.listeners)
    early = [event for event in told(probe, play.events) if not _creates_root(play, event)]
    if early:
        probe.found(
            "only the root's creation to be published before `proceed`",
            ", ".join(event.event_type for event in early),
            play.events.entry,
        )
    await proceed(probe, play)
    await settle(probe, play)
    judge(probe, play)


@each()
@case("LIF-01")
async def run_is_told_step_by_step(probe: Probe, scenario: str) -> None:
    """Plays a scenario step by step: each step's events must be published when `proceed` returns."""
    play = await prepare(probe, scenarios()[scenario])
    done = {"prepare"}
    for step in play.scenario.steps:
        await proceed(probe, play, until=step)
        done.add(step)
        await probe.fence(play.events)
        late = [one.label for one in matched(probe, play).missing if one.step in done]
        if late and probe.capabilities.causal_order:
            probe.found(
                f"all events of {step!r} to be published when `proceed` returned",
                f"{', '.join(late)} came later or never",
                play.events.entry,
            )
            break
    await proceed(probe, play)
    await settle(probe, play)
    judge(probe, play)


def _creates_root(play: Play, event: FlovynEvent) -> bool:
    root = play.execution.workflow_execution_id
    return event.event_type.endswith(".created") and event.workflow_execution_id == root


@each()
@case("LIF-03")
async def runs_side_by_side_keep_their_ids(probe: Probe, scenario: str) -> None:
    """Plays two runs of one tenant at once: each event must name its own workflow and task."""
    tenant = probe.make.tenant()
    plays = [await prepare(probe, scenarios()[scenario], tenant=tenant) for _ in range(2)]
    await proceed(probe, *plays)
    await settle(probe, *plays)
    for play, other in zip(plays, reversed(plays), strict=True):
        foreign = {*other.ids.workflows.values(), *other.ids.tasks.values()}
        seen = [event for event in told(probe, play.events) if not _whose(event) & foreign]
        judge(probe, play, seen)


def _whose(event: FlovynEvent) -> set[object]:
    ids = (event.workflow_execution_id, event.task_execution_id)
    return {one for one in ids if one is not None}


@each()
@case("LIF-04")
async def older_twin_tells_the_same(probe: Probe, scenario: str) -> None:
    """Compares both forms of each event: they must tell the same, in the same order."""
    play = await prepare(probe, scenarios()[scenario])
    for step in play.scenario.steps:
        await proceed(probe, play, until=step)
    await settle(probe, play)
    judge(probe, play)
    probe.expect(
        bool(play.streams),
        "the id of the root, or of the standalone task, to be known at `prepare`",
        "none was",
    )


@each(lambda scenario: scenario.has("workflow.suspended"))
@case("LIF-06")
async def suspension_says_why_and_resumption_is_told(probe: Probe, scenario: str) -> None:
    """Plays suspensions: each must say its reason, and each resumption must be published."""
    tenant = probe.make.tenant()
    screen = await probe.subscribe(EventPattern.by_type(tenant, "workflow"))
    play = await prepare(probe, scenarios()[scenario], tenant=tenant)
    await proceed(probe, play, more=[screen])
    await settle(probe, play, more=[screen])
    judge(probe, play)
    suspended: dict[object, FlovynEvent] = {}
    for event in told(probe, screen):
        before = suspended.pop(event.workflow_execution_id, None)
        if event.event_type == "workflow.suspended":
            suspended[event.workflow_execution_id] = event
            why = event.data.get("suspendType") if isinstance(event.data, dict) else None
            probe.expect(
                isinstance(why, str) and bool(why),
                "a suspension to say why, in `suspendType`",
                f"suspendType = {why!r} in {event.data!r:.160}",
                screen.entry,
            )
        elif before is not None and event.event_type in ("workflow.completed", "workflow.failed"):
            probe.found(
                f"workflow.resumed between workflow.suspended and {event.event_type}",
                "no event said that the workflow was resumed",
                screen.entry,
            )


@each(lambda scenario: len(scenario.workflows) > 1)
@case("LIF-07", implicates={"unmatched"})
async def child_and_parent_each_have_their_own_events(probe: Probe, scenario: str) -> None:
    """Plays a parent and a child: each reader must get the events of its own workflow only."""
    play = await prepare(probe, scenarios()[scenario])
    readers: dict[str, Listener] = {}
    for step in play.scenario.steps:
        for label, workflow in play.ids.workflows.items():
            if label not in readers:
                pattern = EventPattern.for_workflow(play.tenant, workflow)
                readers[label] = await probe.subscribe(pattern)
        await proceed(probe, play, until=step, more=readers.values())
    await settle(probe, play, more=readers.values())
    judge(probe, play)
    for label, reader in readers.items():
        spec = play.scenario.workflows[label]
        for event in told(probe, reader):
            data = event.data if isinstance(event.data, dict) else {}
            own = event.event_type.startswith("child_workflow.") or data.get("id") in (
                None,
                str(play.ids.workflows[label]),
            )
            parent = data.get("parentWorkflowExecutionId")
            probe.expect(
                own and (parent is None or spec["parent"] is not None),
                f"only what is {label}'s under its workflow id",
                f"{event.event_type} of {event.data!r:.160}",
                reader.entry,
            )


@each(lambda scenario: scenario.retries)
@case("LIF-08")
async def retries_count_up_and_only_the_last_failure_is_final(probe: Probe, scenario: str) -> None:
    """Plays retries: attempts must count up, and only the last one's failure may be final."""
    tenant = probe.make.tenant()
    screen = await probe.subscribe(EventPattern.by_type(tenant, "task"))
    play = await prepare(probe, scenarios()[scenario], tenant=tenant)
    await proceed(probe, play, more=[screen])
    await settle(probe, play, more=[screen])
    judge(probe, play)
    attempts = [
        (event.event_type, event.data.get("executionCount"), event.data.get("status"))
        for event in told(probe, screen)
        if isinstance(event.data, dict)
    ]
    started = [count for kind, count, _ in attempts if kind == "task.started"]
    probe.expect(
        started == list(range(1, len(started) + 1)),
        "executionCount 1, 2, … in the `task.started` of one attempt after the other",
        repr(started),
        screen.entry,
    )
    for kind, count, status in attempts[:-1]:
        probe.expect(
            status not in ("FAILED", "COMPLETED", "CANCELLED"),
            "no status that is final before the last attempt has ended",
            f"{kind} with executionCount {count} says {status}",
            screen.entry,
        )


@case("LIF-09")
async def standalone_task_has_a_stream_and_no_workflow(probe: Probe) -> None:
    """Plays a standalone task: its events carry no workflow, and its stream has the task's id as key."""
    play = await prepare(probe, scenarios()["standalone-task"])
    probe.expect(
        play.execution.workflow_execution_id is None,
        "no workflow_execution_id for a standalone task",
        repr(play.execution.workflow_execution_id),
    )
    tasks = play.ids.tasks
    probe.expect(bool(tasks), "the task's id to be known at `prepare`", "it is not")
    readers = [
        await probe.subscribe(EventPattern.for_task(play.tenant, task)) for task in tasks.values()
    ]
    await proceed(probe, play, more=readers)
    await settle(probe, play, more=readers)
    judge(probe, play)
    for event in told(probe, play.events):
        probe.expect(
            event.workflow_execution_id is None and event.task_execution_id in tasks.values(),
            f"{event.event_type} with task {list(tasks.values())} and no workflow",
            f"task {event.task_execution_id} and workflow {event.workflow_execution_id}",
            play.events.entry,
        )
    for key, stream in play.streams.items():
        probe.expect(
            len(stream.received) > 1,
            f"its output on the stream {key!r}, its task id",
            "nothing came there",
            stream.entry,
        )


@pytest.mark.parametrize("scenario", _OUTAGES)
@pytest.mark.parametrize("when", ["prepared", "half-way"])
@case("LIF-10")
async def failing_publisher_fails_no_workflow(probe: Probe, scenario: str, when: str) -> None:
    """Closes the bus under the service, at the start or later: no workflow may fail."""
    client = await probe.open_client()
    play = await prepare(probe, scenarios()[scenario], via=client)
    elsewhere = await probe.subscribe(EventPattern.all(play.tenant))
    steps = play.scenario.steps
    done = set() if when == "prepared" else set(steps[: len(steps) // 2])
    if done:
        await proceed(probe, play, until=steps[len(steps) // 2 - 1], more=[elsewhere])
    await probe.close(client)
    with elsewhere.reading_on():
        await run_on(probe, play, None, "to the end without a bus")
    await play.events.read_end()
    await probe.fence(elsewhere)
    probe.attribute(BY, play.since, play.events, *play.streams.values(), elsewhere)
    expect_end(probe, play, "LIF-10")
    untold = [one for one in play.scenario.required if one.step not in {"prepare", *done}]
    failures = play.execution.publish_failures
    came = {event.id for event in told(probe, elsewhere)} - {
        event.id for event in told(probe, play.events)
    }
    if failures == 0 and (len(came) >= len(untold) or not probe.capabilities.multi_client):
        raise NotOffered("the service does not publish through the client that it was given")
    probe.expect(
        failures >= len(untold) - len(came),
        f"publish_failures to count the {len(untold)} events that could not be published",
        f"publish_failures = {failures}, and {len(came)} of them came",
        elsewhere.entry,
    )


@each()
@case("LIF-11", implicates={"leaked"})
async def tenants_at_once_see_their_own_runs(probe: Probe, scenario: str) -> None:
    """Plays runs of three tenants in lockstep: each must get the events of its own run only."""
    schedule, *_ = interleavings(scenarios()[scenario].steps)
    runs = [scenarios()[scenario]] * len(schedule[0].order)
    plays = await play_interleaved(probe, runs, schedule)
    for number, stray in check_strays([observed(probe, play) for play in plays]):
        charge(probe, plays[number], [stray])
    for play in plays:
        judge(probe, play)


@each(lambda scenario: bool(scenario.outputs))
@case("LIF-12")
async def output_lies_between_start_and_end(probe: Probe, scenario: str) -> None:
    """Reads a task's stream: its start, all output in order, and then its end must come."""
    play = await play_out(probe, scenario)
    judge(probe, play)
