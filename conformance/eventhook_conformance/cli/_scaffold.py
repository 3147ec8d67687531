"""Copies a folder of templates under the vendor's name.

A template is a program that runs as it stands, for a bus named my-bus. Only that name is replaced, in its
spellings for texts, modules and classes. `template.json` describes the template and says what to run next;
it is not copied.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from eventhook_conformance import __version__

TEMPLATES: Final = Path(__file__).parent.parent / "templates"

_ABOUT: Final = "template.json"
_TOX: Final = "tox.ini"
_IGNORE: Final = ".gitignore"
_OURS: Final = {_TOX: "[testenv:conformance]", _IGNORE: "# eventhook-conformance"}
"""Files that most projects have already, and the first line of the suite's part in them."""
_VERSION: Final = "SUITE_VERSION"
"""Stands in templates for the version of the suite that writes them."""
_WORKFLOWS: Final = ".github"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


class CannotScaffold(Exception):
    """Nothing was written; the message is one line that says why."""


@dataclass(frozen=True)
class Template:
    """The template of one language."""

    language: str
    title: str
    next: str
    """The command for the first verdict, for my-bus."""
    base: str | None = None
    """The template that it extends: it has the files of that one, unless it has its own."""

    @property
    def folder(self) -> Path:
        """Returns the folder of its files."""
        return TEMPLATES / self.language

    @property
    def sources(self) -> dict[Path, Path]:
        """Returns each file by its path in the vendor's folder, where the bus is named my-bus."""
        folders = [TEMPLATES / self.base, self.folder] if self.base else [self.folder]
        return {
            path.relative_to(folder): path
            for folder in folders
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != _ABOUT and "__pycache__" not in path.parts
        }

    def files(self, name: str) -> dict[Path, str]:
        """Returns the files for a bus of that name, by path in the vendor's folder.

        Raises:
            CannotScaffold: the name is not valid.
        """
        if not _NAME.fullmatch(name):
            raise CannotScaffold(
                f"expected a name of small letters, digits and hyphens, such as my-bus, got {name!r}"
            )
        return {
            Path(rename(str(its), name)): rename(
                path.read_text(encoding="utf-8").replace(_VERSION, __version__), name
            )
            for its, path in self.sources.items()
        }


def name_of(folder: Path) -> str:
    """Returns the name of a folder, if it is a valid name of a bus, else my-bus."""
    return folder.name if _NAME.fullmatch(folder.name) else "my-bus"


def templates() -> dict[str, Template]:
    """Returns all templates by language."""
    found = {}
    for about in sorted(TEMPLATES.glob(f"*/{_ABOUT}")):
        language = about.parent.name
        found[language] = Template(language, **json.loads(about.read_text(encoding="utf-8")))
    return found


def rename(text: str, name: str) -> str:
    """Replaces my-bus by the vendor's name, in each of its spellings."""
    words = name.split("-")
    spellings = {
        "my-bus": name,
        "my_bus": "_".join(words),
        "MyBus": "".join(word.capitalize() for word in words),
    }
    return re.sub("my-bus|my_bus|MyBus", lambda match: spellings[match[0]], text)


def notes(folder: Path) -> list[str]:
    """Returns hints about the folder into which the files were written."""
    root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), folder)
    if root == folder:
        return []
    below = folder.relative_to(root)
    told = (
        f"GitHub runs workflows only from the root of the repository: move {below / _WORKFLOWS} to "
        f"{root}, and give its job `defaults: {{run: {{working-directory: {below}}}}}`"
    )
    return [told]


def wheel_note(folder: Path) -> str | None:
    """Returns how CI gets the suite, if the version installed here came from no index."""
    try:
        origin = distribution("eventhook-conformance").read_text("direct_url.json")
    except PackageNotFoundError:
        origin = None
    if origin is None:
        return None
    return (
        "the suite was installed here from a file or a repository, and not from an index: put its wheel "
        f"into {folder / 'wheels'}, where the workflow and tox look for it"
    )


def write(files: Mapping[Path, str], folder: Path, *, force: bool = False) -> list[Path]:
    """Writes all files or none. Returns the paths that were written.

    Adds to a tox.ini or .gitignore that exists; leaves a .gitignore that has the suite's part.

    Raises:
        CannotScaffold: a file exists already, or cannot be written.
    """
    files = {path: text for path, text in files.items() if not _is_ignored(folder / path)}
    there = [str(path) for path in files if _is_there(folder / path)]
    if there and not force:
        verb = "exists" if len(there) == 1 else "exist"
        raise CannotScaffold(
            f"{', '.join(there)} {verb} already; nothing was written (--force overwrites)"
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
    """Returns whether it is a .gitignore that has the suite's part already."""
    return path.name == _IGNORE and _has_ours(path)


def _mode(path: Path) -> str:
    """Returns the mode to open the file: append to a file that lacks only the suite's part, else write."""
    if path.name not in _OURS or not path.is_file():
        return "w"
    return "w" if _has_ours(path) else "a"


def _has_ours(path: Path) -> bool:
    return path.is_file() and _OURS[path.name] in path.read_text(encoding="utf-8", errors="replace")
