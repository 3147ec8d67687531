"""Bugs of filtering: patterns that select too much, or too little."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import PliableClient

FILTERING: list[Mutant] = []


class _Matching(PliableClient):
    """Reads a pattern or an event otherwise than it is meant; a bug says how."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return self.selects(pattern, event) and pattern.tenant_id == event.tenant_id

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        """Returns whether the four filters do, for this bug."""
        return pattern.matches(event)


def without(pattern: EventPattern, *names: str) -> EventPattern:
    """Returns the pattern with some of its filters taken away."""
    return msgspec.structs.replace(pattern, **dict.fromkeys(names))


def by_letters(pattern: EventPattern, event: FlovynEvent) -> bool:
    """Returns whether the type begins with the prefix, token or not, and all else matches."""
    begins = event.event_type.startswith(pattern.event_type_prefix or "")
    return begins and without(pattern, "event_type_prefix").matches(event)


@bug(FILTERING, "PAT-01", seen="came instead")
class OpenPatternSkipsDeepTypes(_Matching):
    """Delivers only types of up to four tokens to a pattern without filters."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        is_open = pattern == EventPattern.all(pattern.tenant_id)
        return super().selects(pattern, event) and not (is_open and event.event_type.count(".") > 3)


@bug(FILTERING, "PAT-01", seen="came instead")
class OpenPatternSkipsTasksOfWorkflows(_Matching):
    """Leaves events with both a workflow and a task out of patterns without filters."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        is_open = pattern == EventPattern.all(pattern.tenant_id)
        detail = event.workflow_execution_id is not None and event.task_execution_id is not None
        return super().selects(pattern, event) and not (is_open and detail)


@bug(FILTERING, "PAT-02", "PAT-03", seen="only events with event_type_prefix")
class ComparesLetters(_Matching):
    """Compares prefixes letter by letter: `work` selects `workflow.started`."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return by_letters(pattern, event)


@bug(FILTERING, "PAT-02", seen="only events with event_type_prefix")
class FindsTheCategoryAnywhere(_Matching):
    """Looks for a category in every token: `workflow` also selects `child.workflow`."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        found = pattern.event_type_prefix in event.event_type.split(".")
        rest = without(pattern, "event_type_prefix")
        return super().selects(pattern, event) or (found and rest.matches(event))


@bug(FILTERING, "PAT-03", seen="came instead")
class LongPrefixIsTheExactType(_Matching):
    """Takes a prefix of two tokens or more for an exact type, and selects no descendants."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        exact = "." not in (pattern.event_type_prefix or "") or (
            event.event_type == pattern.event_type_prefix
        )
        return super().selects(pattern, event) and exact


@bug(FILTERING, "PAT-03", seen="only events with event_type_prefix = 'webhook.github'")
class LongPrefixComparesLetters(_Matching):
    """Compares prefixes longer than a category letter by letter."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        is_long = "." in (pattern.event_type_prefix or "")
        return by_letters(pattern, event) if is_long else super().selects(pattern, event)


@bug(FILTERING, "PAT-04", seen="only events with event_type_prefix")
class FoldsCase(_Matching):
    """Compares prefix and type in lower case."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        prefix = pattern.event_type_prefix
        return msgspec.structs.replace(
            pattern, event_type_prefix=None if prefix is None else prefix.lower()
        ).matches(msgspec.structs.replace(event, event_type=event.event_type.lower()))


@bug(FILTERING, "PAT-04", seen="only events with source")
class FoldsCaseOfSources(_Matching):
    """Compares sources without regard to case."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        same = (pattern.source or "").casefold() == event.source.casefold()
        return without(pattern, "source").matches(event) and (pattern.source is None or same)


@bug(FILTERING, "PAT-05", seen="only events with workflow_execution_id")
class NoWorkflowIsAnyWorkflow(_Matching):
    """Delivers an event without a workflow to the filters of all workflows."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if event.workflow_execution_id is None:
            pattern = without(pattern, "workflow_execution_id")
        return pattern.matches(event)


@bug(FILTERING, "PAT-05", seen="only events with workflow_execution_id")
class WorkflowOrTask(_Matching):
    """Delivers a task's event to the filter of a workflow with the same id."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        asked = pattern.workflow_execution_id
        if asked is not None and asked == event.task_execution_id:
            pattern = without(pattern, "workflow_execution_id")
        return pattern.matches(event)


@bug(FILTERING, "PAT-06", seen="only events with task_execution_id")
class TaskFilterTakesItsSiblings(_Matching):
    """Delivers events of the workflow without a task to a filter for one of its tasks."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if event.task_execution_id is None and event.workflow_execution_id is not None:
            pattern = without(pattern, "task_execution_id")
        return pattern.matches(event)


@bug(FILTERING, "PAT-07", seen="only events with source = 'worker:1'")
class SourceIsAPrefix(_Matching):
    """Compares sources by prefix: `worker:1` also selects `worker:10`."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        begins = event.source.startswith(pattern.source or "")
        return begins and without(pattern, "source").matches(event)


@bug(FILTERING, "PAT-07", seen="only events with source = 'system'")
class SourceIsTrimmed(_Matching):
    """Trims blanks around a source before it compares it."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return pattern.matches(msgspec.structs.replace(event, source=event.source.strip())) or (
            pattern.matches(event)
        )


@bug(FILTERING, "PAT-07", seen="only events with source = ''")
class EmptySourceMeansAny(_Matching):
    """Takes a filter by the empty source for no filter, by `if pattern.source:`."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return (pattern if pattern.source else without(pattern, "source")).matches(event)


@bug(FILTERING, "PAT-08", seen="only events with source")
class WorkflowFilterIsEnough(_Matching):
    """Ignores the source of a pattern that has a workflow."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        is_set = pattern.workflow_execution_id is not None
        return (without(pattern, "source") if is_set else pattern).matches(event)


@bug(FILTERING, "PAT-08", seen="only events with task_execution_id")
class WorkflowOrElseTask(_Matching):
    """Selects events that match either the workflow or the task of a pattern with both."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        both = None not in (pattern.workflow_execution_id, pattern.task_execution_id)
        either = any(
            without(pattern, name).matches(event)
            for name in ("workflow_execution_id", "task_execution_id")
        )
        return either if both else pattern.matches(event)


@bug(FILTERING, "PAT-11", seen="only events with source = '*'")
class SourceIsAGlob(_Matching):
    """Matches sources as shell patterns."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        found = pattern.source is None or fnmatchcase(event.source, pattern.source)
        return pattern.matches(event) or (found and without(pattern, "source").matches(event))


@bug(FILTERING, "PAT-11", seen="only events with source = '>'")
class SourceIsASubject(_Matching):
    """Takes a source for a token of a subject, where `>` matches everything."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        is_tail = pattern.source == ">"
        return (without(pattern, "source") if is_tail else pattern).matches(event)


@bug(FILTERING, "PAT-11", seen="on s1, which was active and asked for it")
class EscapesTheEventsSource(_Matching):
    """Escapes wildcards in the source of events, but not in that of patterns."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if pattern.source is not None:
            source = event.source.replace("*", "\\*").replace(">", "\\>")
            event = msgspec.structs.replace(event, source=source)
        return pattern.matches(event)
