"""Judges each target in a process of its own, and makes results of what that process tells.

Whatever a target does to its process costs it its own verdict alone: it may end it, crash it, block it
or fill it with garbage. How long it may stay silent is bounded, and so is its end.

Over 300 lines: one process is followed from its start to its last word.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain
from types import FrameType
from typing import Any, Final, Self

from eventhook_conformance.engine.descendants import ending_orphans
from eventhook_conformance.engine.event_decoding import decode, decode_claims
from eventhook_conformance.engine.events import (
    INTERRUPTED,
    CaseFinished,
    CaseGoesOn,
    CaseStarted,
    EngineEvent,
    EventSubscriber,
    ResultRevised,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.engine.garbage_collection import collect_seldom
from eventhook_conformance.engine.judge_child import JudgeChild, machine_bytes
from eventhook_conformance.engine.judge_request import BEAT_S
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.engine.shares import MergedRun, share, why_not_shared
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities

_TICK_S: Final = 0.25
_LEAST_BYTES: Final = 1 << 30
"""More memory than a run of all cases needs, together with a target of some size."""
_MOST_BYTES: Final = 4 << 30
_ASKED: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
"""The signals by which people and systems ask for the end."""
_SPARED: Final = frozenset(
    {
        *("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGINFO"),
        *("SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGSTOP", "SIGKILL"),
        *("SIGABRT", "SIGBUS", "SIGEMT", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP"),
    }
)
"""Those that end no process; those that halt one, or that none can handle; those of its own faults."""


class Refused(Exception):
    """A target or an option cannot be used; nothing was judged. The message is one line."""

    def __init__(self, message: str, option: str | None = None) -> None:
        super().__init__(message)
        self.option = option
        """The option that is wrong, if it is one."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The seconds for which a judging process may do nothing.

    They are counted in ticks of the supervisor and in beats of the process, which come later on a busy
    machine. Time in which the process waits for a processor does not count, where the system tells it.
    """

    resolve_s: float
    """For importing the target's module, or starting its driver."""
    silence_s: float
    """Without a sign of life: something keeps the interpreter."""
    stall_s: float
    """Without a turn of the event loop, though it was interrupted where it stood."""
    case_s: float
    """Without the beginning or the end of a case."""
    end_s: float
    """For ending, once everything is judged or interrupted."""
    memory_bytes: int
    """How much more memory it may come to hold than when its target was found, in bytes."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Returns the bounds that leave a right target all the time that the settings allow."""
        timeout_s = settings.arrival_timeout_s
        return cls(
            resolve_s=max(60.0, 40 * timeout_s),
            silence_s=max(15.0, 10 * timeout_s),
            stall_s=max(20.0, 10 * timeout_s),
            case_s=2 * Limits().case_s + settings.search_s,
            end_s=max(10.0, 5 * timeout_s) + settings.settle_s,
            memory_bytes=max(_LEAST_BYTES, min(_MOST_BYTES, machine_bytes() // 2)),
        )


def supervise(
    targets: Sequence[str],
    settings: Settings,
    subscribers: Sequence[EventSubscriber] = (),
    *,
    processes: int = 1,
    distinct: bool = False,
    drawn: bool = False,
    bounds: Bounds | None = None,
) -> None:
    """Judges targets one after the other; everything found goes to the subscribers.

    Args:
        targets: as the user named them.
        settings: the user's settings.
        subscribers: are told what happens, in order.
        processes: how many share the cases of each target.
        distinct: refuses targets that have one name.
        drawn: the results carry diagrams, which the HTML report alone shows.
        bounds: how long a process may do nothing.

    Raises:
        Refused: a target does not exist, or an option is wrong; nothing was judged.
        KeyboardInterrupt: it was interrupted; each target has a result all the same, unless this was
            before all of them were found.
    """
    bounds = bounds or Bounds.of(settings)
    with contextlib.ExitStack() as stack:
        stack.enter_context(ending_orphans())
        children = [
            [
                stack.enter_context(JudgeChild(target, settings, bounds.end_s, drawn=drawn))
                for _ in range(processes)
            ]
            for target in targets
        ]
        runs = [[_Run(child, settings, bounds, subscribers) for child in some] for some in children]
        interruption = stack.enter_context(_Interruption())
        for run in chain.from_iterable(runs):
            run.resolve(interruption)
        names = [some[0].result.target for some in runs]
        if distinct and len({*names}) < len(names):
            raise Refused("two targets have the same name, so a baseline cannot tell them apart")
        for some in runs:
            if processes > 1:
                some[0].refuse_to_share()
        for some in runs:
            _judge_shared(some, subscribers, interruption)
        if interruption.count:
            raise KeyboardInterrupt


def _judge_shared(
    runs: Sequence[_Run], subscribers: Sequence[EventSubscriber], interruption: _Interruption
) -> None:
    """Makes each process judge its share of the cases, all at once."""
    if len(runs) > 1:
        claimed = runs[0].claimed
        planned = [run.take_share(place, len(runs)) for place, run in enumerate(runs)]
        merged = MergedRun(planned, claimed, subscribers)
        for run in runs:
            run.subscribers = (merged.take,)
    with ThreadPoolExecutor(len(runs)) as threads:
        # Follows the first one in this thread, so that signals arrive.
        others = [threads.submit(run.judge, interruption) for run in runs[1:]]
        runs[0].judge(interruption)
        for other in others:
            while not other.done():
                wait([other], timeout=_TICK_S)
            other.result()


class _Interruption:
    """Counts SIGINT, SIGTERM, and all other signals that would end this process without a word.

    A target may send any of them to its parent.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in signal.valid_signals():
                if _would_end(number):
                    self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1


def _would_end(number: int) -> bool:
    """Returns whether a signal ends this process now, or asks it to end."""
    handler = signal.getsignal(number)
    if number in _ASKED:
        # Ignored stays ignored, as in the background of a shell.
        return handler is not signal.SIG_IGN
    name = getattr(number, "name", "")
    return handler is signal.SIG_DFL and name not in _SPARED


class _Run:
    """The run of one target: what its process told so far."""

    def __init__(
        self,
        child: JudgeChild,
        settings: Settings,
        bounds: Bounds,
        subscribers: Sequence[EventSubscriber],
    ) -> None:
        self._child = child
        self._bounds = bounds
        self.subscribers = subscribers
        self._share = 0, 1
        self._serves = False
        self._planned: dict[str, tuple[tuple[str, ...], str | None]] = {}
        self._begun: list[str] = []
        """The cases that began and have no result yet."""
        self._open = False
        """The target is open, or nearly: its first case has begun."""
        self._started = False
        self._finished = False
        self._resolved = False
        self._failure: str | None = None
        self._done = False
        self._pulse = _Pulse(bounds)
        self._memory_bytes = 0
        """The memory of the process when its target was found."""
        self.result = RunResult(
            target=child.target,
            capabilities=Capabilities(),
            settings=settings,
            invoked_as=child.target,
        )

    def resolve(self, interruption: _Interruption) -> None:
        """Waits until the process has found the target.

        Raises:
            Refused: there is no such target, or its module ended the process.
            KeyboardInterrupt: it was interrupted.
        """
        while not self._resolved:
            why = self._step()
            if interruption.count:
                self._child.interrupt()
                self._child.close(lambda: interruption.count > 1)
                raise KeyboardInterrupt
            if self._resolved:
                break
            if why is not None or self._done:
                why = why or self._failure or "its process ended"
                raise Refused(f"target {self._child.target!r}: while it was imported, {why}")

    @property
    def claimed(self) -> int:
        """The number of cases that apply to the target."""
        return sum(reason is None for _, reason in self._planned.values())

    def refuse_to_share(self) -> None:
        """Raises `Refused` if the cases of the target cannot be shared among processes."""
        why = why_not_shared(self.result.capabilities, serves=self._serves)
        if why is not None:
            raise Refused(f"{self._child.target}: {why}", "--processes")

    def take_share(self, place: int, processes: int) -> list[str]:
        """Takes a part of the cases; returns their IDs."""
        self._share = place, processes
        self._planned = dict(share(list(self._planned.items()), place, processes))
        self.result.selected = frozenset(self._planned)
        return list(self._planned)

    def judge(self, interruption: _Interruption) -> None:
        """Makes the process judge the target, and announces a result, even if it dies."""
        if interruption.count:
            self._conclude(INTERRUPTED, missing=False)
            return
        self._memory_bytes = self._child.memory_bytes()
        collect_seldom()
        self._child.go(*self._share)
        self._pulse = _Pulse(self._bounds)
        forwarded = 0
        while not self._finished:
            why = self._step()
            if self._finished:
                break  # an interruption that comes with the last word changes nothing
            if interruption.count > forwarded:
                forwarded = interruption.count
                if forwarded > 1:
                    self._child.kill()
                    self._conclude(INTERRUPTED, missing=False)
                    break
                self._child.interrupt()
                self._pulse.ends()
            if why is not None:
                if forwarded:
                    self._conclude(INTERRUPTED, missing=False)
                else:
                    self._conclude(why, missing=True)
        self._child.close(lambda: interruption.count > max(1, forwarded))

    def _step(self) -> str | None:
        """Takes the process's messages of one tick; returns why no more will come, if so."""
        messages = self._child.read(_TICK_S)
        self._pulse.starve(self._child.starved_s())
        for message in messages:
            self._take(message)
            self._pulse.take(message)
        if self._finished:
            return None
        if self._child.ended:
            return self._failure or self._child.epitaph()
        if self._done:
            return self._failure or "its judge ended without a result"
        overdue = self._pulse.overdue(silent=not messages, resolving=not self._resolved)
        overdue = overdue or self._swollen()
        if overdue is not None:
            return self._child.put_down(overdue)
        return None

    def _swollen(self) -> str | None:
        """Returns by how much the process grew, if that was too much for the machine."""
        grown = self._child.memory_bytes() - self._memory_bytes
        if grown <= self._bounds.memory_bytes:
            return None
        return f"it took {grown / (1 << 20):.0f} MiB of memory"

    def _take(self, message: dict[str, Any]) -> None:
        match message["kind"]:
            case "resolved":
                self._resolve(message)
            case "refused":
                raise Refused(message["message"], message["option"])
            case "failed":
                self._failure = message["message"]
            case "interrupted":
                self._failure = "it interrupted its process"
            case "done":
                self._done = True
            case "event":
                try:
                    event = decode(message["content"], self.result)
                except (ValueError, LookupError, TypeError, AttributeError) as error:
                    self._failure = f"a result could not be read: {type(error).__name__}: {error}"
                else:
                    self._pass_on(event)

    def _resolve(self, message: dict[str, Any]) -> None:
        self.result.target = message["target"]
        self.result.about = message["about"]
        self.result.capabilities = decode_claims(message["claims"])
        self.result.selectable = message["selectable"]
        self._serves = message["serves"]
        self._planned = {
            identifier: (tuple(requirements), reason)
            for identifier, requirements, reason in message["planned"]
        }
        self.result.selected = frozenset(self._planned)
        self._resolved = True

    def _pass_on(self, event: EngineEvent) -> None:
        match event:
            case RunStarted():
                self._started = True
            case CaseStarted():
                self._open = True
                self._begun.append(event.case)
            case CaseFinished():
                self._open = True
                self._begun = [one for one in self._begun if one != event.result.id]
            case RunFinished():
                self._finished = True
                self._note_lost()
            case ResultRevised() | CaseGoesOn():
                pass
        self._tell(event)

    def _note_lost(self) -> None:
        """Gives a result to each case whose message was damaged on its way."""
        result = self.result
        stopped = result.unusable or result.silent or result.suite_failure
        if self._child.lost and not stopped:
            self._fill_in("its result was lost: the target wrote into the judge's channel")

    def _conclude(self, why: str, *, missing: bool) -> None:
        """Announces the result of a run that did not finish itself."""
        self._finished = True
        result = self.result
        result.duration_s = self._child.age_s
        if missing and self._started and not self._open:
            result.unusable = (
                f"target {self._child.target!r} cannot be used: while it was opened, {why}"
            )
        else:
            result.suite_failure = why if not missing else f"the run ended early: {why}"
            if missing:
                self._fill_in(why)
        self._tell(RunFinished(self._child.target, result))

    def _fill_in(self, why: str) -> None:
        known = {case.id for case in self.result.cases}
        for identifier, (requirements, reason) in self._planned.items():
            if identifier in known:
                continue
            began = identifier in self._begun
            case = CaseResult(
                id=identifier,
                requirements=requirements,
                outcome="not_claimed" if reason else "error",
                blame=None if reason else "target",
                message=reason or (f"while this case ran, {why}" if began else f"not run: {why}"),
                decided=False,
                specification=self.result.settings.specification,
            )
            self.result.cases.append(case)
            self._tell(CaseFinished(self._child.target, case))
        self.result.suite_failure = self.result.suite_failure or f"the run ended early: {why}"

    def _tell(self, event: EngineEvent) -> None:
        for subscriber in self.subscribers:
            subscriber(event)


class _Pulse:
    """Tells a process that is slow from one that stands still."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._silent_s = 0.0
        self._still_s = 0.0
        self._idle_s = 0.0
        self._turns = 0
        self._starved_s = 0.0
        self._ends = False

    def starve(self, starved_s: float) -> None:
        """Takes for how long the process has waited for a processor since it began, in seconds."""
        waited_s, self._starved_s = max(0.0, starved_s - self._starved_s), starved_s
        self._silent_s = max(0.0, self._silent_s - waited_s)
        self._still_s = max(0.0, self._still_s - waited_s)

    def ends(self) -> None:
        """Says that the process was asked to end."""
        self._ends = True
        self._idle_s = 0.0

    def take(self, message: dict[str, Any]) -> None:
        """Takes a message that shows that the process lives."""
        self._silent_s = 0.0
        if message["kind"] != "beat":
            self._idle_s = self._still_s = 0.0
            return
        self._idle_s += BEAT_S
        moved = message["turns"] != self._turns
        self._still_s = 0.0 if moved else self._still_s + BEAT_S
        self._turns = message["turns"]

    def overdue(self, *, silent: bool, resolving: bool) -> str | None:
        """Returns what did not happen in time, if anything.

        Args:
            silent: whether no message came within the last tick.
            resolving: the target is not found yet.
        """
        bounds = self._bounds
        self._silent_s += _TICK_S if silent else 0.0
        if self._ends and self._idle_s + self._silent_s >= bounds.end_s:
            return f"it did not end within {bounds.end_s:g} s"
        if resolving:
            waited_s = self._idle_s + self._silent_s
            return f"it took more than {waited_s:g} s" if waited_s >= bounds.resolve_s else None
        if self._silent_s >= bounds.silence_s:
            return f"it blocked the interpreter for {bounds.silence_s:g} s"
        if self._still_s >= bounds.stall_s:
            return f"it blocked the event loop for {bounds.stall_s:g} s"
        if self._idle_s >= bounds.case_s:
            return f"no case came to an end for {bounds.case_s:g} s"
        return None
