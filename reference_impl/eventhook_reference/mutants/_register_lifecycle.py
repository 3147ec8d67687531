"""Registers engines of workflows with one broken part."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from eventhook_conformance.target import Mutant, Target
from eventhook_reference.lifecycle.announcer import Announcer
from eventhook_reference.lifecycle.dispatch import Dispatch
from eventhook_reference.lifecycle.engine import Engine
from eventhook_reference.lifecycle.scheduler import Scheduler
from eventhook_reference.lifecycle.target import with_lifecycle
from eventhook_reference.lifecycle.task_execution import TaskExecution
from eventhook_reference.mutants._register import register
from eventhook_reference.mutants.base import pliable_target

Part = TypeVar("Part", bound=type[Announcer | Dispatch | TaskExecution | Scheduler | Engine])

_PARTS: dict[type, str] = {
    Announcer: "announcer",
    Dispatch: "dispatch",
    TaskExecution: "task_execution",
    Scheduler: "scheduler",
}


def flaw_in(zoo: list[Mutant]) -> Callable[..., Callable[[Part], Part]]:
    """Returns a decorator that enters engines with a broken part into a zoo.

    It takes the requirements that must be charged, every one of them, and as `seen` a part of the
    message that must be reported. A mutant's name is the class's, its bug the docstring's first line.
    """

    def flaw(*caught_by: str, seen: str) -> Callable[[Part], Part]:
        return register(zoo, *caught_by, seen=seen, target=_target)

    return flaw


def _target(name: str, part: Any) -> Target:
    role = next((role for base, role in _PARTS.items() if issubclass(part, base)), None)
    engine: Any = part if role is None else partial(Engine, **{role: part})
    return with_lifecycle(pliable_target(name), engine=engine)
