"""Composes scenarios from plain data, which a search draws and shrinks.

A run is a workflow or a standalone task. A workflow's body is a sequence of blocks: each begins some
things of one kind at the same time, waits for them, and has them end; children have bodies of their
own. A workflow may be cancelled after any of its steps.

Over 300 lines: every kind of block is made, drawn and numbered in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any, Final, TypeAlias

Block: TypeAlias = tuple[Any, ...]
"""A kind of block, and its choices."""
Body: TypeAlias = tuple[tuple[Block, ...], bool]
"""The blocks, and whether the workflow fails in the end."""
Run: TypeAlias = tuple[Any, ...]
"""`workflow`, a body, and after which step it is cancelled, if it is; or `task` and its choices."""

VALUES: Final[tuple[Any, ...]] = (
    0,
    "",
    False,
    [],
    {"net": 12.5, "tags": ["a", None]},
    "text",
    True,
    7,
    {"net": [7], "gross": 15},
    ["a", "b"],
    ["b"],
    "  blanks around it \n",
    "e\u0301 \u212b \ufb01",
    "a long text, " + "x" * 300,
    "0042",
    0.1234567890123,
    -(2**53 - 1),
    [*range(12)],
    {"a": None, "": {}, **{f"member {number}": number for number in range(24)}},
)
"""Results and values of states. The first four are false to many languages, the last eight odd to some."""
LONG_DELAY_MS: Final = 60 * 24 * 3600 * 1000
"""More milliseconds than 32 bits hold."""
OUTPUT: Final = (
    ("TOKEN", "Hel"),
    ("PROGRESS", "0.5"),
    ("TOKEN", ""),
    ("DATA", '{"n":1}'),
    ("ERROR", "!"),
    ("TOKEN", "two equal lines\n"),
    ("TOKEN", "two equal lines\n"),
    ("DATA", "e\u0301 \u2028\t"),
)
RETRIED: Final = -1
"""Stands where a workflow is not cancelled, but tried again once it has failed."""
_REPORTS: Final = frozenset(
    {
        *("complete-task", "fail-task", "fire-timer", "resolve-promise", "reject-promise"),
        *("complete-workflow", "fail-workflow", "signal"),
    }
)
_NAMES: Final = ("task", "timer", "promise", "workflow")
Step: TypeAlias = dict[str, Any]


def compose(run: Run) -> dict[str, Any]:
    """Returns the JSON form of a scenario, but for its events.

    Args:
        run: as a search drew it.
    """
    composer = _Composer()
    if run[0] == "task":
        root, steps = {"task": "t1"}, composer.task(run[1], None)
    else:
        composer.workflows["main"] = {"kind": "Order.V2", "parent": None}
        root, steps = {"workflow": "main"}, composer.body(run[1], "main")
        if run[2] == RETRIED:
            steps += composer.again("main") if run[1][1] else []
        elif run[2] is not None:
            steps = composer.cancelled(steps, run[2])
    # Workflows and tasks of steps that were cut off are never created.
    begun = {step.get(name) for step in _flat(steps) for name in ("task", "child")} | {"main"}
    return {
        "name": "generated",
        "since": "1.1",
        "description": f"Composed of {run!r}.",
        "root": root,
        "workflows": {name: one for name, one in composer.workflows.items() if name in begun},
        "tasks": {name: one for name, one in composer.tasks.items() if name in begun},
        "steps": steps,
    }


class _Composer:
    """Gives everything a label, and every step a name."""

    def __init__(self) -> None:
        self.workflows: dict[str, Any] = {}
        self.tasks: dict[str, Any] = {}
        self._count = 0
        self._steps = 0

    def _label(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"

    def _step(self, do: str, **more: Any) -> Step:
        self._steps += 1
        return {"name": f"{do}-{self._steps}", "do": do, **more}

    def _error(self) -> str:
        self._steps += 1
        return f"  trouble number {self._steps}:\n\tat {'somewhere/' * 30}it\u0308\n"

    # Workflows

    def body(self, body: Body, label: str) -> list[Step]:
        """Returns all steps of a workflow, from its start to its end."""
        blocks, fails = body
        steps = [self._step("start-workflow", workflow=label, worker=f"worker-of-{label}")]
        for block in blocks:
            steps += getattr(self, "_" + block[0])(label, *block[1:])
        if fails:
            return [*steps, self._step("fail-workflow", workflow=label, error=self._error())]
        return [*steps, self._step("complete-workflow", workflow=label)]

    def again(self, label: str) -> list[Step]:
        """Retries a failed workflow on request, and completes it."""
        return [
            self._step("retry-workflow", workflow=label),
            self._step("start-workflow", workflow=label, worker="w7"),
            self._step("complete-workflow", workflow=label),
        ]

    def _suspend(self, label: str, suspend_type: str, until: Iterable[str]) -> Step:
        return self._step("suspend", workflow=label, suspendType=suspend_type, until=list(until))

    def _tasks(self, label: str, *choices: Any) -> list[Step]:
        branches = [self.task(one, label) for one in choices]
        names = [branch[0]["task"] for branch in branches]
        steps = [self._step("schedule-task", task=name) for name in names]
        steps.append(self._suspend(label, "task", (f"task:{name}" for name in names)))
        if len(branches) == 1:
            return steps + branches[0]
        return [*steps, self._step("together", branches=branches)]

    def task(self, choices: tuple[int, int, int, bool], owner: str | None) -> list[Step]:
        """Makes the steps of a task.

        Args:
            choices: the number of its retries, failures and pieces of output; whether it is cancelled.
            owner: the label of its workflow; None for a standalone task.
        """
        retries, failures, output, cancelled = choices
        name = self._label("t")
        self.tasks[name] = {"kind": "charge-card", "workflow": owner, "maxRetries": retries}
        steps: list[Step] = []
        for attempt in range(min(failures, retries + 1)):
            steps.append(self._step("start-task", task=name, worker=f"w{attempt + 1}"))
            steps.append(self._step("fail-task", task=name, error=self._error()))
        if failures <= retries:
            if not cancelled or not steps:
                steps.append(self._step("start-task", task=name, worker="w9"))
            steps += [
                self._step("stream", task=name, type=kind, payload=payload)
                for kind, payload in OUTPUT[: 0 if cancelled and failures else output]
            ]
            steps.append(self._step("cancel-task" if cancelled else "complete-task", task=name))
        return steps

    def _retried(self, label: str, failures: int) -> list[Step]:
        """Makes a task that fails for good, and is retried on request."""
        steps = self._tasks(label, (0, 1, 0, False))
        name = steps[0]["task"]
        for _ in range(failures):
            steps.append(self._step("retry-task", task=name))
            steps.append(self._suspend(label, "task", [f"task:{name}"]))
            steps.append(self._step("start-task", task=name, worker="w8"))
            steps.append(self._step("fail-task", task=name, error=self._error()))
        return steps

    def _children(self, label: str, *bodies: Body) -> list[Step]:
        names = [self._child(label) for _ in bodies]
        steps = [self._step("start-child", workflow=label, child=name) for name in names]
        steps.append(self._suspend(label, "child_workflow", (f"child:{name}" for name in names)))
        branches = [self.body(body, name) for body, name in zip(bodies, names, strict=True)]
        return steps + [step for turn in zip_longest(*branches) for step in turn if step]

    def _abandoned(self, label: str, body: Body, after: int) -> list[Step]:
        """Makes a child that its parent cancels after some of its steps, perhaps after its end."""
        name = self._child(label)
        steps = self.body(body, name)[:after]
        cancel = self._step("cancel-child", workflow=label, child=name)
        return [self._step("start-child", workflow=label, child=name), *steps, cancel]

    def _cancelled_child(self, label: str, started: bool) -> list[Step]:
        """Makes a child that somebody cancels while its parent waits for it."""
        name = self._child(label)
        steps = self.body(((), False), name)[: int(started)]
        return [
            self._step("start-child", workflow=label, child=name),
            self._suspend(label, "child_workflow", [f"child:{name}"]),
            *steps,
            self._step("cancel-workflow", workflow=name),
        ]

    def _child(self, parent: str) -> str:
        name = self._label("c")
        self.workflows[name] = {"kind": "shipping", "parent": parent}
        return name

    def cancelled(self, steps: list[Step], after: int) -> list[Step]:
        """Ends the steps by a cancellation, after which some are reported too late."""
        keep = 1 + after % (len(steps) - 1)
        kept, rest = steps[:keep], steps[keep:]
        known = {step.get(name) for step in _flat(kept) for name in _NAMES} | {"main"}
        late = [
            step
            for step in rest
            if step["do"] in _REPORTS
            and all(step[name] in known for name in _NAMES if name in step)
        ]
        started = {s.get("child") for s in _flat(kept)} | {None, "main"}
        late = [step for step in late if step.get("workflow") in started]
        return [*kept, self._step("cancel-workflow", workflow="main"), *late[:3]]

    # Timers, promises, signals, operations, state

    def _timers(self, label: str, *fires: bool) -> list[Step]:
        names = [self._label("n") for _ in fires]
        steps = [
            self._step("start-timer", workflow=label, timer=name, delayMs=60000 * (place + 1))
            for place, name in enumerate(names)
        ]
        fired = [name for name, one in zip(names, fires, strict=True) if one]
        steps += [self._step("cancel-timer", timer=name) for name in names if name not in fired]
        if fired:
            steps.append(self._suspend(label, "timer", (f"timer:{name}" for name in fired)))
        return [*steps, *(self._step("fire-timer", timer=name) for name in fired)]

    def _distant(self, label: str) -> list[Step]:
        """Makes a timer that is due in two months."""
        name = self._label("n")
        return [
            self._step("start-timer", workflow=label, timer=name, delayMs=LONG_DELAY_MS),
            self._suspend(label, "timer", [f"timer:{name}"]),
            self._step("fire-timer", timer=name),
        ]

    def _promises(self, label: str, *kept: int) -> list[Step]:
        names = [self._label("p") for _ in kept]
        steps = [self._step("create-promise", workflow=label, promise=name) for name in names]
        steps.append(self._suspend(label, "promise", (f"promise:{name}" for name in names)))
        for name, value in zip(names, kept, strict=True):
            steps.append(
                self._step("reject-promise", promise=name, error=self._error())
                if value < 0
                else self._step("resolve-promise", promise=name, result=VALUES[value])
            )
        return steps

    def _signal(self, label: str) -> list[Step]:
        name = self._label("s")
        return [
            self._suspend(label, "signal", [f"signal:{name}"]),
            self._step("signal", workflow=label, signal=name),
        ]

    def _signals(self, label: str, times: int) -> list[Step]:
        """Waits for the same signal several times."""
        name = self._label("s")
        return [
            step
            for _ in range(times)
            for step in (
                self._suspend(label, "signal", [f"signal:{name}"]),
                self._step("signal", workflow=label, signal=name),
            )
        ]

    def _operation(self, label: str, value: int) -> list[Step]:
        name = self._label("o")
        return [
            self._step("complete-operation", workflow=label, operation=name, result=VALUES[value])
        ]

    def _state(self, label: str, *values: int) -> list[Step]:
        key = self._label("Cart/Total k")
        steps = [
            self._step("set-state", workflow=label, key=key, value=VALUES[value])
            for value in values
        ]
        return [*steps, self._step("clear-state", workflow=label, key=key)]

    def _cleared(self, label: str, value: int) -> list[Step]:
        """Clears a key that was never set, sets it to the same value twice, and clears it twice."""
        key = self._label("a.key.of more than thirty-two characters: K")
        change = self._step("set-state", workflow=label, key=key, value=VALUES[value])
        clear = {"workflow": label, "key": key}
        return [
            self._step("clear-state", **clear),
            change,
            {**change, "name": f"{change['name']}-again"},
            self._step("clear-state", **clear),
            self._step("clear-state", **clear),
        ]

    def _beside(self, label: str, kind: str) -> list[Step]:
        """Begins two things of a kind; the workflow waits for one, and the other happens first."""
        begin, happen, reason = BESIDE[kind]
        other, awaited = (getattr(self, begin)(label) for _ in range(2))
        return [
            *other[0],
            *awaited[0],
            self._suspend(label, reason, [f"{happen}:{awaited[1]}"]),
            *other[2],
            *awaited[2],
        ]

    def _stray(self, label: str, kind: str) -> list[Step]:
        """Sends a signal that nobody waits for, while a workflow waits for something else."""
        begin, happen, reason = BESIDE[kind]
        begun, awaited, happens = getattr(self, begin)(label)
        return [
            *begun,
            self._suspend(label, reason, [f"{happen}:{awaited}"]),
            self._step("signal", workflow=label, signal=self._label("s")),
            *happens,
        ]

    def _between(self, label: str, kind: str, other: str) -> list[Step]:
        """Makes a workflow wait for two things of a kind; others happen before each of them."""
        happen, reason = BESIDE[kind][1:]
        # In the order in which they happen: what is due earlier must not have to wait.
        first, one, second, two = (
            getattr(self, BESIDE[each][0])(label) for each in (other, kind, other, kind)
        )
        return [
            *(step for each in (first, one, second, two) for step in each[0]),
            self._suspend(label, reason, [f"{happen}:{each[1]}" for each in (one, two)]),
            *(step for each in (first, one, second, two) for step in each[2]),
        ]

    def _reversed(self, label: str, kind: str, count: int) -> list[Step]:
        """Begins several things of a kind, which then happen the newest first."""
        begin, happen, reason = BESIDE[kind]
        begun = [getattr(self, begin)(label) for _ in range(count)]
        return [
            *(step for each in begun for step in each[0]),
            self._suspend(label, reason, [f"{happen}:{each[1]}" for each in begun]),
            *(step for each in reversed(begun) for step in each[2]),
        ]

    def _simultaneous(self, label: str, count: int) -> list[Step]:
        """Timers that are started at once and due at the same moment, in whatever order they fire."""
        names = [self._label("n") for _ in range(count)]
        begun = [
            [self._step("start-timer", workflow=label, timer=name, delayMs=90000)] for name in names
        ]
        return [
            self._step("together", branches=begun),
            self._suspend(label, "timer", [f"timer:{name}" for name in names]),
            self._step(
                "together", branches=[[self._step("fire-timer", timer=name)] for name in names]
            ),
        ]

    def _one_task(self, label: str) -> tuple[list[Step], str, list[Step]]:
        steps = self.task((0, 0, 0, False), label)
        name = steps[0]["task"]
        return [self._step("schedule-task", task=name)], name, steps

    def _one_timer(self, label: str) -> tuple[list[Step], str, list[Step]]:
        name = self._label("n")
        begin = self._step("start-timer", workflow=label, timer=name, delayMs=60000 + self._count)
        return [begin], name, [self._step("fire-timer", timer=name)]

    def _one_promise(self, label: str) -> tuple[list[Step], str, list[Step]]:
        name = self._label("p")
        begin = self._step("create-promise", workflow=label, promise=name)
        return [begin], name, [self._step("resolve-promise", promise=name, result=name)]

    def _one_child(self, label: str) -> tuple[list[Step], str, list[Step]]:
        name = self._child(label)
        return (
            [self._step("start-child", workflow=label, child=name)],
            name,
            self.body(((), False), name),
        )

    def _late(self, label: str, kind: str) -> list[Step]:
        """Makes a thing happen, and reports it again after its end."""
        steps = self._beside(label, kind)
        reports = [step for step in steps if step["do"] in _REPORTS]
        return [*steps, *({**step, "name": f"{step['name']}-again"} for step in reports)]

    def _contrary(self, label: str) -> list[Step]:
        """Ends tasks, timers and promises, and then has another outcome reported of each."""
        completed, failed, dropped = (
            self.task(choices, label)
            for choices in ((0, 0, 0, False), (0, 1, 0, False), (0, 0, 0, True))
        )
        names = [steps[0]["task"] for steps in (completed, failed, dropped)]
        begun = [self._step("schedule-task", task=name) for name in names]
        kept, broken, fired, stopped = (self._label(one) for one in "ppnn")
        begun += [self._step("create-promise", workflow=label, promise=p) for p in (kept, broken)]
        begun += [
            self._step("start-timer", workflow=label, timer=n, delayMs=60000)
            for n in (fired, stopped)
        ]
        over = [
            *(*completed, *failed, *dropped),
            self._step("resolve-promise", promise=kept, result="kept"),
            self._step("reject-promise", promise=broken, error=self._error()),
            self._step("cancel-timer", timer=stopped),
            self._step("fire-timer", timer=fired),
        ]
        later = [
            *(self._step("start-task", task=name, worker="w7") for name in names),
            *(self._step("complete-task", task=name) for name in names[1:]),
            *(self._step("fail-task", task=name, error=self._error()) for name in names),
            *(self._step("cancel-task", task=name) for name in names),
            *(self._step("resolve-promise", promise=p, result="late") for p in (kept, broken)),
            *(self._step("reject-promise", promise=p, error=self._error()) for p in (kept, broken)),
            *(self._step("fire-timer", timer=n) for n in (stopped, fired)),
            *(self._step("cancel-timer", timer=n) for n in (stopped, fired)),
        ]
        return [*begun, *over, *later]


BESIDE: Final[Mapping[str, tuple[str, str, str]]] = {
    "task": ("_one_task", "task", "task"),
    "timer": ("_one_timer", "timer", "timer"),
    "promise": ("_one_promise", "promise", "promise"),
    "child": ("_one_child", "child", "child_workflow"),
}
"""By kind: the method that begins one, the name of what happens, and the reason for a suspension."""


def _flat(steps: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    for step in steps:
        for branch in step.get("branches", [[step]]):
            yield from branch
