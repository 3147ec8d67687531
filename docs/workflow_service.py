"""Renews the tables and the code in the page of workflow services: `python docs/workflow_service.py`.

They are made of the same data as the cases: requirements, lifecycle names, scenarios, and the model that
derives their events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from eventhook_conformance.sequences import exact_scenario, scenarios
from eventhook_conformance.specification import requirements
from eventhook_fixtures import load

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "workflow-service.md"
CODE: Final = ROOT / "examples" / "my_workflows.py"


def renewed(text: str) -> str:
    """Returns the page with each part between marks made anew.

    Raises:
        KeyError: a mark names a part that there is not.
    """
    return re.sub(
        r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}\n{_PARTS[found[2]]()}\n\n{found[3]}",
        text,
        flags=re.DOTALL,
    )


def _table(*rows: Iterable[str]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    columns = lines[0].count("|") - 1
    return "\n".join([lines[0], "|" + "---|" * columns, *lines[1:]])


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "nothing"


def _flat(steps: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in steps:
        yield step
        for branch in step.get("branches", ()):
            yield from _flat(branch)


def _steps() -> str:
    """Returns each kind of step: its members, and the events that it causes somewhere."""
    members: dict[str, list[str]] = {}
    causes: dict[str, dict[str, None]] = {}
    for scenario in map(exact_scenario, (one.raw for one in scenarios().values())):
        for step in _flat(scenario.raw["steps"]):
            members[step["do"]] = [name for name in step if name not in ("name", "do")]
            caused = causes.setdefault(step["do"], {})
            if step["do"] != "together":
                events = (one.type for one in scenario.events if one.step == step["name"])
                caused.update(dict.fromkeys(events))
    rows = ([f"`{do}`", _code(members[do]), _told(do, causes[do])] for do in sorted(members))
    return _table(["`do`", "members", "events that it may cause"], *rows)


def _told(do: str, types: Iterable[str]) -> str:
    if do == "together":
        return "those of its branches, which run at the same time"
    if do == "stream":
        return "no event: a stream event of that type and payload"
    return _code(types)


def _snapshots() -> str:
    rows = (
        [f"`{category}.*`", _code(members["required"]), _code(members["optional"])]
        for category, members in load("scenarios")["snapshots"].items()
    )
    return _table(["events", "always", "where it applies"], *rows)


def _names() -> str:
    statuses = _statuses()
    rows = (
        [
            f"`{row['event_type']}`",
            f"`{row['older']}`",
            row["publisher"].replace("_", " "),
            statuses[row["event_type"]],
        ]
        for row in load("lifecycle_names")["names"]
    )
    return _table(["event type", "older name", "published by", "`status`"], *rows)


def _statuses() -> Mapping[str, str]:
    """Returns the statuses that the scenarios ask for in the snapshots of each event type."""
    seen: dict[str, dict[str, None]] = {}
    for scenario in load("scenarios")["scenarios"]:
        for event in scenario["events"]:
            asked = event["snapshot"].get("status")
            if isinstance(asked, dict):
                asked = asked.get("one_of") or [f"({asked['maybe']})"]
            words = [asked] if isinstance(asked, str) else asked or []
            seen.setdefault(event["type"], {}).update(dict.fromkeys(words))
    return {kind: ", ".join(sorted(words)) or "-" for kind, words in seen.items()}


def _example() -> str:
    """Returns one scenario as `prepare` gets it, but for what a service need not look at."""
    raw = scenarios()["tasks-in-parallel"].raw
    shown = {name: raw[name] for name in ("name", "root", "workflows", "tasks", "steps")}
    lines = [f"  {json.dumps(name)}: {_wrapped(value)}" for name, value in shown.items()]
    return "```json\n{\n" + ",\n".join(lines) + "\n}\n```"


def _wrapped(value: Any) -> str:
    """Returns JSON with each step on a line of its own."""
    if not isinstance(value, list):
        return json.dumps(value)
    steps = []
    for step in value:
        if "branches" in step:
            branches = ",\n".join(
                "      [" + ",\n       ".join(json.dumps(one) for one in branch) + "]"
                for branch in step["branches"]
            )
            head = json.dumps({name: each for name, each in step.items() if name != "branches"})
            steps.append(f'    {head[:-1]}, "branches": [\n{branches}]}}')
        else:
            steps.append(f"    {json.dumps(step)}")
    return "[\n" + ",\n".join(steps) + "\n  ]"


def _scenarios() -> str:
    rows = (
        [f"`{one.name}`", one.since or "1.0", one.raw["description"], one.status]
        for one in scenarios().values()
    )
    return _table(["scenario", "since", "what happens", "ends"], *rows)


def _requirements() -> str:
    chosen = (one for one in requirements().values() if one.group == "LIF")
    rows = ([one.id, one.since, one.text.replace("|", "\\|")] for one in chosen)
    return _table(["ID", "since", "requirement"], *rows)


def _service() -> str:
    return f"```python\n# my_workflows.py\n{CODE.read_text(encoding='utf-8').rstrip()}\n```"


_PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "example": _example,
    "steps": _steps,
    "snapshots": _snapshots,
    "names": _names,
    "scenarios": _scenarios,
    "requirements": _requirements,
    "service": _service,
}


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
