"""Says how a process ended, and where it stood."""

from __future__ import annotations

import re
import signal
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Final

from eventhook_conformance.engine.judge_request import UNHEARD

_FRAME: Final = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')
_STACK: Final = re.compile(r"^(?:Current thread|Thread) 0x\w+.*:$")
_FRAMES: Final = 3
_PLUMBING: Final = ("/asyncio/", "/eventhook_conformance/", "/selectors.py", "/threading.py")


def describe_end(status: int) -> str:
    """Returns how a process ended, in words.

    Args:
        status: as `subprocess` has it: negative for a signal.
    """
    if status == UNHEARD:
        return "it closed the descriptor by which its results are told"
    if status >= 0:
        return f"it ended its process with exit status {status}"
    name = f"signal {-status}"
    with suppress(ValueError):
        name = signal.Signals(-status).name
    return f"its process was ended by {name}"


def is_stopped_without_a_terminal(pid: int) -> bool:
    """Returns whether a process is stopped and has no terminal from which it could go on.

    Raises:
        OSError, ValueError: there is no such process, or the system does not tell.
    """
    # After the name, which may have any letter: state, parent, group, session, terminal.
    told = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return told[0] == b"T" and told[4] == b"0"


def last_stack(text: str) -> str | None:
    """Returns where a process stood, as `faulthandler` wrote it, innermost first; None if it is unknown.

    Frames of the event loop and of the suite say nothing, and are left out.
    """
    stacks: list[tuple[bool, list[str]]] = []
    for line in text.splitlines():
        if _STACK.match(line):
            stacks.append((line.startswith("Current"), []))
        elif stacks and (frame := _FRAME.match(line)):
            path, number, function = frame.groups()
            started = (path, function) == ("<string>", "<module>")  # the judge itself, by `-c`
            if not started and not any(part in path for part in _PLUMBING):
                stacks[-1][1].append(f"{function} ({PurePath(path).name}:{number})")
    stacks.sort(key=lambda one: not one[0])
    frames = next((frames for _, frames in stacks if frames), [])
    return ", called by ".join(frames[:_FRAMES]) or None
