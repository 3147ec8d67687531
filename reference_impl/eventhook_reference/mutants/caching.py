"""Bugs of caches and tables in which patterns that share a part meet."""

from __future__ import annotations

from typing import Any

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient

CACHING: list[Mutant] = []


class _CachingClient(PliableClient):
    """Keeps the first pattern of each cache key, and matches by it."""

    def cached(self, pattern: EventPattern) -> EventPattern:
        """Returns the pattern that the cache has for this one."""
        cache: dict[Any, EventPattern] = self.bus.memory.setdefault("cache", {})
        key = self.cache_key(pattern)
        return pattern if key is None else cache.setdefault(key, pattern)

    def cache_key(self, pattern: EventPattern) -> object:
        """Returns the key under which the pattern is cached; None if it is not cached."""
        return None

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        return super().matches(self.cached(pattern), event)


@bug(CACHING, "PAT-08", seen="which was active and asked for it")
class MatchersBySource(_CachingClient):
    """Caches compiled patterns by tenant and source alone."""

    def cache_key(self, pattern: EventPattern) -> object:
        return (pattern.tenant_id, pattern.source) if pattern.source is not None else None


@bug(CACHING, "PAT-08", seen="which was active and asked for it")
class MatchersByPrefix(_CachingClient):
    """Caches compiled patterns by tenant and prefix alone."""

    def cache_key(self, pattern: EventPattern) -> object:
        prefix = pattern.event_type_prefix
        return (pattern.tenant_id, prefix) if prefix is not None else None


@bug(CACHING, "PAT-08", seen="which was active and asked for it")
class MatchersByWorkflow(_CachingClient):
    """Caches compiled patterns by tenant and workflow alone."""

    def cache_key(self, pattern: EventPattern) -> object:
        workflow = pattern.workflow_execution_id
        return (pattern.tenant_id, workflow) if workflow is not None else None


@bug(CACHING, "PAT-08", seen="which was active and asked for it")
class MatchersByTask(_CachingClient):
    """Caches compiled patterns by tenant and task alone."""

    def cache_key(self, pattern: EventPattern) -> object:
        task = pattern.task_execution_id
        return (pattern.tenant_id, task) if task is not None else None


@bug(CACHING, "PAT-09", seen="which was active and asked for it")
class FirstInterestSpeaksForAll(PliableClient):
    """Delivers to a client only what its first subscription of a tenant selects."""

    def enter(self, member: Member) -> None:
        first: dict[object, Member] = self.bus.memory.setdefault("first", {})
        known = first.get((member.client, member.scope))
        if known is None or known not in self.bus.members:
            first[member.client, member.scope] = member
        super().enter(member)

    def admits(self, member: Member, event: Event) -> bool:
        first = self.bus.memory["first"][member.client, member.scope]
        return super().admits(first, event) and super().admits(member, event)


@bug(CACHING, "PAT-09", seen="which was active and asked for it")
class LeavingAnAncestorPrunes(PliableClient):
    """Ends the subscriptions to descendants of a prefix when a subscription to the prefix leaves."""

    def leave(self, member: Member) -> None:
        super().leave(member)
        if member.side == "events" and member.selects.event_type_prefix is not None:
            branch = member.selects.event_type_prefix + "."
            self.bus.members = [
                other
                for other in self.bus.members
                if other.side == "streams"
                or other.scope != member.scope
                or not (other.selects.event_type_prefix or "").startswith(branch)
            ]


@bug(CACHING, "PAT-09", seen="which was active and asked for it")
class DescendantsTakeFromAncestors(PliableClient):
    """Delivers an event to the subscriptions of the longest matching prefix only."""

    def audience(self, side: Any, event: Event) -> list[Member]:
        audience = [m for m in super().audience(side, event) if self.admits(m, event)]
        if side == "streams":
            return audience
        prefixes = [m.selects.event_type_prefix or "" for m in audience]
        longest = max(prefixes, key=len, default="")
        return [
            member
            for member, prefix in zip(audience, prefixes, strict=True)
            if prefix in ("", longest)
        ]


@bug(CACHING, "PAT-09", seen="which was active and asked for it")
class VerdictsByType(PliableClient):
    """Caches whether a subscription selects an event by the event's type alone."""

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "streams" or member.selects.tenant_id != event.tenant_id:
            return super().admits(member, event)
        verdicts: dict[str, bool] = self.bus.memory.setdefault("verdicts", {}).setdefault(
            member, {}
        )
        if event.event_type not in verdicts:
            verdicts[event.event_type] = super().admits(member, event)
        return verdicts[event.event_type]


@bug(CACHING, "PAT-04", seen="event_type_prefix")
class CachesPrefixesInOneCase(_CachingClient):
    """Caches patterns by their prefix in lower case: the first one entered stands for all."""

    def cache_key(self, pattern: EventPattern) -> object:
        prefix = pattern.event_type_prefix
        if prefix is None or pattern != EventPattern.by_type(pattern.tenant_id, prefix):
            return None
        return (pattern.tenant_id, prefix.lower())
