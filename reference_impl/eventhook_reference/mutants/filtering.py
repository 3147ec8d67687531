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
    """The subject of an open subscription has one wildcard for each of up to four tokens."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        is_open = pattern == EventPattern.all(pattern.tenant_id)
        return super().selects(pattern, event) and not (is_open and event.event_type.count(".") > 3)


@bug(FILTERING, "PAT-01", seen="came instead")
class OpenPatternSkipsTasksOfWorkflows(_Matching):
    """An event of a workflow and a task is taken for detail, and left out of the open feed."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        is_open = pattern == EventPattern.all(pattern.tenant_id)
        detail = event.workflow_execution_id is not None and event.task_execution_id is not None
        return super().selects(pattern, event) and not (is_open and detail)


@bug(FILTERING, "PAT-02", "PAT-03", seen="only events with event_type_prefix")
class ComparesLetters(_Matching):
    """A prefix is compared letter by letter: `work` selects `workflow.started`."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return by_letters(pattern, event)


@bug(FILTERING, "PAT-02", seen="only events with event_type_prefix")
class FindsTheCategoryAnywhere(_Matching):
    """A category is looked for in every token, so `workflow` also selects `child.workflow`."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        found = pattern.event_type_prefix in event.event_type.split(".")
        rest = without(pattern, "event_type_prefix")
        return super().selects(pattern, event) or (found and rest.matches(event))


@bug(FILTERING, "PAT-03", seen="came instead")
class LongPrefixIsTheExactType(_Matching):
    """A prefix of two tokens or more becomes an exact subject, which no descendant is on."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        exact = "." not in (pattern.event_type_prefix or "") or (
            event.event_type == pattern.event_type_prefix
        )
        return super().selects(pattern, event) and exact


@bug(FILTERING, "PAT-03", seen="only events with event_type_prefix = 'webhook.github'")
class LongPrefixComparesLetters(_Matching):
    """Whole tokens for categories, but letters for what is longer."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        is_long = "." in (pattern.event_type_prefix or "")
        return by_letters(pattern, event) if is_long else super().selects(pattern, event)


@bug(FILTERING, "PAT-04", seen="only events with event_type_prefix")
class FoldsCase(_Matching):
    """Prefix and type are compared in lower case."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        prefix = pattern.event_type_prefix
        return msgspec.structs.replace(
            pattern, event_type_prefix=None if prefix is None else prefix.lower()
        ).matches(msgspec.structs.replace(event, event_type=event.event_type.lower()))


@bug(FILTERING, "PAT-04", seen="only events with source")
class FoldsCaseOfSources(_Matching):
    """The column of sources has a collation that ignores case."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        same = (pattern.source or "").casefold() == event.source.casefold()
        return without(pattern, "source").matches(event) and (pattern.source is None or same)


@bug(FILTERING, "PAT-05", seen="only events with workflow_execution_id")
class NoWorkflowIsAnyWorkflow(_Matching):
    """An event without a workflow is taken to concern all of them."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if event.workflow_execution_id is None:
            pattern = without(pattern, "workflow_execution_id")
        return pattern.matches(event)


@bug(FILTERING, "PAT-05", seen="only events with workflow_execution_id")
class WorkflowOrTask(_Matching):
    """One index for both kinds of execution: a workflow's filter finds a task of the same id."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        asked = pattern.workflow_execution_id
        if asked is not None and asked == event.task_execution_id:
            pattern = without(pattern, "workflow_execution_id")
        return pattern.matches(event)


@bug(FILTERING, "PAT-06", seen="only events with task_execution_id")
class TaskFilterTakesItsSiblings(_Matching):
    """A task's filter lets its workflow's own events through, those without a task."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if event.task_execution_id is None and event.workflow_execution_id is not None:
            pattern = without(pattern, "task_execution_id")
        return pattern.matches(event)


@bug(FILTERING, "PAT-07", seen="only events with source = 'worker:1'")
class SourceIsAPrefix(_Matching):
    """`worker:1` also selects `worker:10`."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        begins = event.source.startswith(pattern.source or "")
        return begins and without(pattern, "source").matches(event)


@bug(FILTERING, "PAT-07", seen="only events with source = 'system'")
class SourceIsTrimmed(_Matching):
    """Blanks around a source are cut off before it is compared."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return pattern.matches(msgspec.structs.replace(event, source=event.source.strip())) or (
            pattern.matches(event)
        )


@bug(FILTERING, "PAT-07", seen="only events with source = ''")
class EmptySourceMeansAny(_Matching):
    """`if pattern.source:` takes an empty source for none."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return (pattern if pattern.source else without(pattern, "source")).matches(event)


@bug(FILTERING, "PAT-08", seen="only events with source")
class WorkflowFilterIsEnough(_Matching):
    """With a workflow set, the source is no longer looked at."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        is_set = pattern.workflow_execution_id is not None
        return (without(pattern, "source") if is_set else pattern).matches(event)


@bug(FILTERING, "PAT-08", seen="only events with task_execution_id")
class WorkflowOrElseTask(_Matching):
    """With both ids set, either is enough."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        both = None not in (pattern.workflow_execution_id, pattern.task_execution_id)
        either = any(
            without(pattern, name).matches(event)
            for name in ("workflow_execution_id", "task_execution_id")
        )
        return either if both else pattern.matches(event)


@bug(FILTERING, "PAT-11", seen="only events with source = '*'")
class SourceIsAGlob(_Matching):
    """Sources are matched as shell patterns."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        found = pattern.source is None or fnmatchcase(event.source, pattern.source)
        return pattern.matches(event) or (found and without(pattern, "source").matches(event))


@bug(FILTERING, "PAT-11", seen="only events with source = '>'")
class SourceIsASubject(_Matching):
    """The source becomes the last token of a subject, where `>` stands for everything."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        is_tail = pattern.source == ">"
        return (without(pattern, "source") if is_tail else pattern).matches(event)


@bug(FILTERING, "PAT-11", seen="on s1, which was active and asked for it")
class EscapesTheEventsSource(_Matching):
    """Wildcards are escaped in the source of events, but not in that of patterns."""

    def selects(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if pattern.source is not None:
            source = event.source.replace("*", "\\*").replace(">", "\\>")
            event = msgspec.structs.replace(event, source=source)
        return pattern.matches(event)
