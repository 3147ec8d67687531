"""What a vendor starts from: a folder of templates for each language, copied under the vendor's name.

A template is a program that runs as it stands, for a bus called my-bus; that name, as it is spelled in
texts, in modules and in classes, is all that is replaced. `template.json` beside it says what it is and
what to run next; it is not copied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TEMPLATES: Final = Path(__file__).parent.parent / "templates"

_ABOUT: Final = "template.json"
_TOX: Final = "tox.ini"
_IGNORE: Final = ".gitignore"
_OURS: Final = {_TOX: "[testenv:conformance]", _IGNORE: "# eventhook-conformance"}
"""Files that a project has already as a rule, and how what is ours in them begins."""
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


class CannotScaffold(Exception):
    """Nothing was written; the message is one line that says why, and what would be right."""


@dataclass(frozen=True)
class Template:
    """What there is to start from in one language."""

    language: str
    title: str
    next: str
    """The command that gives the first verdict, for my-bus."""

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return TEMPLATES / self.language

    def files(self, name: str) -> dict[Path, str]:
        """What it writes for a bus of that name, by path in the vendor's folder.

        Raises:
            CannotScaffold: the name is no name.
        """
        if not _NAME.fullmatch(name):
            raise CannotScaffold(
                f"{name!r} is no name: right would be small letters, digits and hyphens, as in my-bus"
            )
        return {
            Path(rename(str(path.relative_to(self.folder)), name)): rename(
                path.read_text(encoding="utf-8"), name
            )
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name != _ABOUT and "__pycache__" not in path.parts
        }


def templates() -> dict[str, Template]:
    """All of them, by language."""
    found = {}
    for about in sorted(TEMPLATES.glob(f"*/{_ABOUT}")):
        language = about.parent.name
        found[language] = Template(language, **json.loads(about.read_text(encoding="utf-8")))
    return found


def rename(text: str, name: str) -> str:
    """The text with the vendor's name in place of my-bus, in each of its spellings."""
    words = name.split("-")
    spellings = {
        "my-bus": name,
        "my_bus": "_".join(words),
        "MyBus": "".join(word.capitalize() for word in words),
    }
    return re.sub("my-bus|my_bus|MyBus", lambda match: spellings[match[0]], text)


def write(files: Mapping[Path, str], folder: Path, *, force: bool = False) -> list[Path]:
    """Writes them all, or none. Returns what was written.

    A tox.ini or .gitignore that is there is added to; a .gitignore that has been added to stays.

    Raises:
        CannotScaffold: one of them is there already and must not be overwritten, or cannot be written.
    """
    files = {path: text for path, text in files.items() if not _is_ignored(folder / path)}
    there = [str(path) for path in files if _is_there(folder / path)]
    if there and not force:
        verb = "is" if len(there) == 1 else "are"
        raise CannotScaffold(
            f"{', '.join(there)} {verb} there already; nothing was written (--force overwrites)"
        )
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / path).open(_mode(folder / path), encoding="utf-8") as file:
                file.write(text if file.tell() == 0 else f"\n{text}")
    except OSError as error:
        raise CannotScaffold(f"{error.filename} cannot be written: {error.strerror}") from error
    return list(files)


def _is_there(path: Path) -> bool:
    return path.exists() and _mode(path) == "w"


def _is_ignored(path: Path) -> bool:
    """Whether git ignores already what it should."""
    return path.name == _IGNORE and _has_ours(path)


def _mode(path: Path) -> str:
    """How the file is opened: what lacks only our part is added to, all else written anew."""
    if path.name not in _OURS or not path.is_file():
        return "w"
    return "w" if _has_ours(path) else "a"


def _has_ours(path: Path) -> bool:
    return path.is_file() and _OURS[path.name] in path.read_text(encoding="utf-8", errors="replace")
