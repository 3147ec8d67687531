"""The process in which a supervised target is judged. It tells the supervisor what happens.

What it needs of the standard library is bound before the target's module is imported: a target may
replace any of it.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import fcntl
import os
import pickle
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.event_encoding import encode, encode_claims
from eventhook_conformance.engine.events import (
    CaseFinished,
    EngineEvent,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.engine.framing import FrameWriter
from eventhook_conformance.engine.judge_request import BEAT_S, UNHEARD, JudgeRequest
from eventhook_conformance.engine.leaks import end_children
from eventhook_conformance.engine.process_end import is_stopped_without_a_terminal
from eventhook_conformance.engine.resolve_target import TargetNotFound, resolve
from eventhook_conformance.engine.runner import chosen_for, in_order, judge_all, selectable
from eventhook_conformance.engine.seal import Seal
from eventhook_conformance.engine.selection import WrongSelection
from eventhook_conformance.engine.shares import share
from eventhook_conformance.engine.vital_signs import VitalSigns
from eventhook_conformance.probe.failure import describe

_HIGH: Final = 400
"""A target that closes many descriptors seldom goes this high."""
_LOOK_S: Final = 0.5
"""How often the suite is looked at for changes, in seconds: a look takes some milliseconds."""
_HELD_BACK: Final = frozenset({signal.SIGALRM, signal.SIGINT})

_exit: Final = os._exit
_getpid: Final = os.getpid
_getppid: Final = os.getppid
_kill: Final = os.kill
_sleep: Final = time.sleep
_monotonic: Final = time.monotonic
_mask: Final = signal.pthread_sigmask
_run_exit_functions: Final[Callable[[], None]] = atexit._run_exitfuncs  # noqa: SLF001  # because: the interpreter's own end waits for threads that never end


def main() -> NoReturn:
    """Judges the target that the request on standard input names, and ends the process."""
    look = Seal(catalog().values()).broken
    try:
        request: JudgeRequest = pickle.load(sys.stdin.buffer)  # noqa: S301  # because: the supervisor wrote it
    except EOFError:
        _exit(UNHEARD)  # the process that started it early has ended
    sys.argv[:] = request.argv
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    faulthandler.enable(_lifted(request.stacks))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    link = _Link(request)
    try:
        _judge(link, request, look)
    except KeyboardInterrupt:
        link.tell({"kind": "interrupted"})
    except TargetNotFound as error:
        link.tell({"kind": "refused", "option": None, "message": str(error)})
    except WrongSelection as error:
        link.tell({"kind": "refused", "option": "-k", "message": str(error)})
    except BaseException as error:  # because: the supervisor says why there is no verdict
        who = "the suite failed:" if issubclass(type(error), Exception) else "it raised"
        link.tell({"kind": "failed", "message": f"{who} {describe(error)}"})
    link.tell({"kind": "done"})
    _leave()


def _leave() -> NoReturn:
    """Ends the process as the interpreter would, without waiting for threads."""
    for last in (_run_exit_functions, _flush, end_children):
        # A target may have closed, limited or replaced what it needs.
        with contextlib.suppress(BaseException):
            last()
    _exit(0)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _lifted(descriptor: int) -> int:
    """Moves a descriptor to a high number, where no other program inherits it."""
    lifted = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(descriptor)
    return lifted


def _judge(link: _Link, request: JudgeRequest, look: Callable[[], str | None]) -> None:
    settings = request.settings
    subject = resolve(request.target, settings.profiles)
    chosen = in_order(chosen_for(subject, settings))
    claims = subject.capabilities
    link.tell(
        {
            "kind": "resolved",
            "target": str(subject.target.name),
            "about": str(subject.target.about),
            "claims": encode_claims(claims),
            "serves": subject.target.server is not None,
            "planned": [[one.id, one.case.requirements, one.unmet(claims)] for one in chosen],
            "selectable": selectable(),
        }
    )
    if (told := link.told_to_go()) is not None:
        mine = share(chosen, *told)
        due = 0.0

        def forward(event: EngineEvent) -> None:
            nonlocal due
            if isinstance(event, RunStarted):
                link.signs.start()
            if isinstance(event, RunFinished):
                link.signs.stop()
                due = 0.0
            if isinstance(event, CaseFinished | RunFinished) and _monotonic() >= due:
                if (changed := look()) is not None:
                    link.break_off(f"the target changed {changed} of the suite that judges it")
                due = _monotonic() + _LOOK_S
            link.tell({"kind": "event", "content": encode(event, drawn=request.drawn)})

        judge_all([subject], settings, [forward], chosen=[mine])


class _Link:
    """The connection to the supervisor.

    Args:
        request: of the supervisor.
    """

    def __init__(self, request: JudgeRequest) -> None:
        self._pid = _getpid()
        self._supervisor = _getppid()
        self._socket = socket.socket(fileno=_lifted(request.channel))
        self._send = self._socket.send
        self._writer = FrameWriter(request.mark)
        self._unsent = bytearray()
        self._lock = threading.Lock()
        self._waits = False
        self.signs = VitalSigns(self.break_off)
        threading.Thread(target=self._beat, name="eventhook-beat", daemon=True).start()

    def tell(self, message: dict[str, Any]) -> None:
        """Sends a message; ends the process if the supervisor cannot be reached any more."""
        if _getpid() != self._pid:
            _exit(0)  # a copy of the process, which a target forked
        before = _mask(signal.SIG_BLOCK, _HELD_BACK)  # a message may not be cut
        try:
            with self._lock:
                self._unsent += self._writer.frame(message)
                while self._unsent:
                    del self._unsent[: self._send(self._unsent)]
        except OSError:
            _exit(UNHEARD)
        finally:
            _mask(signal.SIG_SETMASK, before)

    def told_to_go(self) -> tuple[int, int] | None:
        """Waits until the supervisor says that the target is next.

        Returns:
            The place of this process, and how many share the cases; None if the supervisor went away.
        """
        self._waits = True
        told = self._socket.recv(2)
        self._waits = False
        return (told[0], told[1]) if len(told) == 2 else None

    def _keep_supervised(self) -> None:
        """Continues a stopped supervisor that no shell can continue: it would stay stopped for ever.

        Leaves a supervisor with a terminal alone: its user may have stopped it.
        """
        with contextlib.suppress(Exception):  # because: a target may have taken what is needed
            if is_stopped_without_a_terminal(self._supervisor) and _getppid() == self._supervisor:
                _kill(self._supervisor, signal.SIGCONT)

    def break_off(self, why: str) -> NoReturn:
        """Ends the process, and says why."""
        self.tell({"kind": "failed", "message": why})
        _exit(0)

    def _beat(self) -> None:
        while True:
            _sleep(BEAT_S)
            self._keep_supervised()
            if not self._waits:
                self.tell({"kind": "beat", "turns": self.signs.turns})
