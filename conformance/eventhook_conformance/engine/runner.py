"""The one loop over cases, for the command line, the self-test, the baseline and the tests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

from eventhook_conformance.cases import catalog, catalog_of
from eventhook_conformance.engine.events import INTERRUPTED, EventSubscriber
from eventhook_conformance.engine.garbage_collection import collect_seldom
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.engine.loop_watchdog import LoopBlocked
from eventhook_conformance.engine.resolve_target import ResolvedTarget
from eventhook_conformance.engine.selection import selector
from eventhook_conformance.engine.session import Session
from eventhook_conformance.event_loop import how_stopped, run_in_loop, was_interrupted
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.results import RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Instance
from eventhook_conformance.target import Target


def cases_for(identifiers: Collection[str]) -> list[Instance]:
    """Returns the cases made for any of these requirements."""
    return [
        instance
        for instance in catalog().values()
        if not set(identifiers).isdisjoint(instance.case.requirements)
    ]


def selectable() -> dict[str, list[str]]:
    """Returns the IDs of the cases that exist for each requirement."""
    found: dict[str, list[str]] = {}
    for instance in catalog().values():
        for identifier in instance.case.requirements:
            found.setdefault(identifier, []).append(instance.id)
    return found


def judge(
    target: Target,
    settings: Settings | None = None,
    instances: Iterable[Instance] | None = None,
    limits: Limits | None = None,
    enough: Callable[[RunResult], bool] | None = None,
) -> RunResult:
    """Judges a target by cases (all, if none are given), in an event loop of its own.

    Args:
        target: the target, with all its claims.
        settings: the settings of the run.
        instances: the cases.
        limits: the engine's limits.
        enough: whether the results so far will do; the rest is not run then.
    """
    subject = ResolvedTarget(target.name, target, target.capabilities)
    return judge_subject(subject, settings or Settings(), instances, (), limits, enough)


def judge_subject(
    subject: ResolvedTarget,
    settings: Settings,
    instances: Iterable[Instance] | None = None,
    subscribers: Sequence[EventSubscriber] = (),
    limits: Limits | None = None,
    enough: Callable[[RunResult], bool] | None = None,
) -> RunResult:
    """Judges a resolved target by cases (all, if none are given), in an event loop of its own.

    Cases that the version of the specification does not ask are left out.

    Raises:
        KeyboardInterrupt: it was interrupted; subscribers got the results until then.
    """
    given = catalog().values() if instances is None else instances
    asked = (one.under(settings.specification) for one in given)
    chosen = in_order(one for one in asked if one is not None)
    session = Session(subject, settings, chosen, subscribers, limits)
    session.result.selectable = selectable()
    session.result.selected = frozenset(one.id for one in chosen)
    limits = limits or Limits()
    run_in_loop(judge_cases(session, chosen, enough), close_limit_s=limits.close_loop_s)
    return session.result


def in_order(instances: Iterable[Instance]) -> list[Instance]:
    """Returns the cases in the order in which they run: by phase, else as they come."""
    return sorted(instances, key=lambda one: one.case.phase)


async def judge_cases(
    session: Session,
    instances: Iterable[Instance],
    enough: Callable[[RunResult], bool] | None = None,
) -> None:
    """Runs a session from start to finish in the running loop; the result is in the session."""
    try:
        await session.start()
        await _judge_each(session, deque(instances), enough or _never)
    except KeyboardInterrupt:
        session.interrupt(INTERRUPTED)
        raise
    except asyncio.CancelledError:
        session.interrupt(_why_cancelled())
        raise
    except GeneratorExit:
        session.interrupt("the target closed the coroutine of the run")
        raise
    except BaseException as error:  # because: the report says why the run ended early
        session.interrupt(_why_broken(error))
        raise
    finally:
        await session.finish()


def _why_broken(error: BaseException) -> str:
    if type(error) is LoopBlocked:
        return str(error)  # in whose code, it says itself
    # No code of the suite raises anything else but an `Exception`.
    who = "the suite failed:" if issubclass(type(error), Exception) else "the target raised"
    return f"{who} {describe(error)}"


def _why_cancelled() -> str:
    if was_interrupted():
        return INTERRUPTED
    return f"the target {how_stopped() or 'cancelled the tasks of the suite'}"


def _never(_: RunResult) -> bool:
    return False


async def _judge_each(
    session: Session, left: deque[Instance], enough: Callable[[RunResult], bool]
) -> None:
    """Judges cases in their order; those that had better run later come before those that break things."""
    put_off: list[Instance] = []
    again: set[str] = set()
    while (left or put_off) and not session.stopped:
        if not put_off and left[0].case.last:
            await session.confirm()
        if put_off and (not left or left[0].case.last):
            left.extendleft(reversed(put_off))
            again.update(one.id for one in put_off)
            put_off.clear()
        instance = left.popleft()
        reason = instance.unmet(session.capabilities)
        if reason is not None:
            session.skip(instance, reason)
            continue
        later = instance.id not in again and session.puts_off(instance)
        if later or await session.judge_or_put_off(instance) is None:
            put_off.append(instance)
            continue
        if enough(session.result):
            break
        if session.has_enough_failures:
            await session.confirm()
        if session.has_enough_failures:
            session.interrupt("stopped at --max-failures: what was not run is untested")
            break
    else:
        await session.confirm()


def chosen_for(subject: ResolvedTarget, settings: Settings) -> list[Instance]:
    """Returns the cases that the settings select for a target, claimed or not.

    Raises:
        WrongSelection: `settings.selection` cannot be read.
    """
    selects = selector(settings.selection, subject.name)
    only = settings.cases
    return [
        one
        for one in catalog_of(settings.specification).values()
        if selects(one) and (only is None or one.id in only)
    ]


def judge_all(
    subjects: Sequence[ResolvedTarget],
    settings: Settings,
    subscribers: Sequence[EventSubscriber] = (),
    chosen: Sequence[Sequence[Instance]] | None = None,
) -> None:
    """Judges targets one after the other; everything found goes to the subscribers.

    Args:
        subjects: the targets.
        settings: the user's settings.
        subscribers: are told what happens, in order.
        chosen: the cases of each target; None: those that the settings select.

    Raises:
        WrongSelection: `settings.selection` cannot be read; nothing was opened.
        KeyboardInterrupt: it was interrupted; each target has a result all the same.
    """
    if chosen is None:
        chosen = [chosen_for(subject, settings) for subject in subjects]
    collect_seldom()
    for place, (subject, instances) in enumerate(zip(subjects, chosen, strict=True)):
        try:
            judge_subject(subject, settings, instances, subscribers)
        except KeyboardInterrupt:
            for unreached in subjects[place + 1 :]:
                session = Session(unreached, settings, (), subscribers)
                session.interrupt(INTERRUPTED)
                run_in_loop(session.finish())
            raise
        except Exception:
            raise
        except BaseException:  # noqa: S112  # because: a target stopped the loop, as its result says
            continue
