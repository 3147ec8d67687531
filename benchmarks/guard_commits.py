"""Finds, exports and installs the commits that the guard compares, and runs commands in them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
INSTALL_S = 600
GIT_S = 60


class CannotTell(Exception):
    """The guard cannot compare; the message is one line that says why."""


@dataclass(frozen=True)
class Side:
    """One of the two commits, installed."""

    role: str
    """`base` or `HEAD`, as in the table."""
    commit: str
    python: Path


def say(text: str) -> None:
    """Prints progress on standard error."""
    print(f"  {text}", file=sys.stderr, flush=True)


def git(*arguments: str) -> str:
    """Runs git and returns its output.

    Raises:
        CannotTell: git failed; the message has its words.
    """
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=GIT_S,
            check=False,
        )
    except FileNotFoundError:
        raise CannotTell("git is not installed") from None
    if done.returncode != 0:
        reason = " ".join(done.stderr.split()) or f"exits {done.returncode}"
        raise CannotTell(f"git {arguments[0]}: {reason}")
    return done.stdout.strip()


def commit_of(name: str) -> str:
    """Returns the commit of a name.

    Raises:
        CannotTell: there is none.
    """
    git("rev-parse", "--git-dir")  # a folder that is not a repository fails for another reason
    try:
        return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except CannotTell:
        shallow = git("rev-parse", "--is-shallow-repository") == "true"
        hint = "; this clone is shallow: git fetch --unshallow --tags" if shallow else ""
        raise CannotTell(f"there is no commit {name!r}{hint}") from None


def last_tag(head: str) -> str:
    """Returns the last tag before a commit, not a tag of the commit itself."""
    try:
        return git("describe", "--tags", "--abbrev=0", f"{head}^")
    except CannotTell:
        raise CannotTell(
            f"no tag comes before {head[:10]}; say what to compare with, as in --against HEAD~10"
        ) from None


def install(role: str, commit: str, folder: Path) -> Side:
    """Makes an environment with that commit, and nothing of the checkout."""
    say(f"installing {role}, {git('log', '-1', '--format=%h %s', commit)}")
    archive, tree, environment = folder / "tree.tar", folder / "tree", folder / "venv"
    git("archive", "--format=tar", f"--output={archive}", commit)
    with tarfile.open(archive) as packed:
        packed.extractall(tree, filter="data")
    uv = shutil.which("uv")
    venv.create(environment, with_pip=uv is None)
    python = environment / "bin" / "python"
    # Compile both now, or the first round would pay for it.
    command = [uv, "pip", "install", "--compile-bytecode", "--python", str(python)]
    if uv is None:
        command = [str(python), "-m", "pip", "install", "--compile"]
    run(
        [*[part for part in command if part], "-q", f"{tree}[nats]"],
        INSTALL_S,
        f"installing {role}",
    )
    return Side(role, commit, python)


def run(command: Sequence[str], limit_s: float, what: str) -> str:
    """Runs a command and returns its output; ends everything that it started.

    Raises:
        CannotTell: the command fails, or does not end in time.
    """
    # Without a cache each process would compile all imports again.
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, ExitStack() as started:
        with _signals_held_back():
            process = started.enter_context(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env={**variables, "TMPDIR": scratch},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    start_new_session=True,
                )
            )
            started.callback(_end, process.pid)
        try:
            output, errors = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise CannotTell(f"{what}: did not end within {limit_s:g} s") from None
    if process.returncode != 0:
        last = (errors or output).strip().splitlines()[-1:]
        raise CannotTell(f"{what}: exits {process.returncode}: {' '.join(last)}")
    return output


def _end(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Delivers a signal after the body: one within `Popen` would leave a process that nobody knows of."""
    came: list[int] = []
    numbers = signal.SIGINT, signal.SIGTERM
    handlers = {
        number: signal.signal(number, lambda which, _: came.append(which)) for number in numbers
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
