"""Judges in the process of the command, as a debugger needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from eventhook_conformance.cli._progress import stdout_to_stderr
from eventhook_conformance.engine.events import EventSubscriber
from eventhook_conformance.engine.supervisor import Refused
from eventhook_conformance.settings import Settings


def is_debugged() -> bool:
    """Returns whether a debugger or a tracer watches this process: it would not see into another one."""
    monitoring: Any = getattr(sys, "monitoring", None)
    watched = monitoring and monitoring.get_tool(monitoring.DEBUGGER_ID)
    return sys.gettrace() is not None or bool(watched)


def judge_here(
    targets: Sequence[str],
    settings: Settings,
    subscribers: Sequence[EventSubscriber] = (),
    *,
    distinct: bool = False,
) -> None:
    """Judges targets in this process; as `supervise` otherwise."""
    from eventhook_conformance.engine.resolve_target import TargetNotFound, resolve
    from eventhook_conformance.engine.runner import judge_all
    from eventhook_conformance.engine.selection import WrongSelection

    try:
        subjects = [resolve(name, settings.profiles) for name in targets]
        if distinct and len({one.target.name for one in subjects}) < len(subjects):
            raise Refused("two targets have the same name, so a baseline cannot tell them apart")
        with stdout_to_stderr():
            judge_all(subjects, settings, subscribers)
    except TargetNotFound as error:
        raise Refused(str(error)) from error
    except WrongSelection as error:
        raise Refused(str(error), "-k") from error
