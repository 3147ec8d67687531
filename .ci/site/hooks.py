"""Adds the pages that are made of data to the site, and points links to files of the repository there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import requirement_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from eventhook_conformance.specification.requirements import requirements

ROOT: Final = Path(__file__).parents[2]
ROOMS: Final = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.md",
}
"""Files of the repository's top, and their pages."""
_ALONE: Final = ("index.md", "verdicts.md")
"""Pages that are a section by themselves: a list of it would hold only them."""
_LINK: Final = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)")
_NO_LINKS: Final = ("a", "pre", "code", "h1", "h2", "h3", "h4", "script", "style", "svg")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages."""
    for path, text in {**_repository_pages(), **requirement_pages.pages(ROOT / "docs")}.items():
        files.append(File.generated(config, path, content=text))
    return files


def _repository_pages() -> Mapping[str, str]:
    """Returns the files of the repository that the documents link, as pages by path."""
    pages = {page: (ROOT / name).read_text(encoding="utf-8") for name, page in ROOMS.items()}
    pages["license.md"] = f"# Licence\n\n```text\n{pages['license.md']}\n```\n"
    for document in (ROOT / "docs").glob("*.md"):
        for link in _LINK.findall(document.read_text(encoding="utf-8")):
            path = posixpath.normpath(f"docs/{link}")
            if path.startswith("examples/") and (ROOT / path).is_file():
                pages[_page_of(path)] = _as_page(path)
    return pages


def _as_page(path: str) -> str:
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return f"---\nsearch: {{boost: 0.3}}\n---\n{text}"
    head = "---\nsearch: {exclude: true}\n---\n"
    return f"{head}\n# {posixpath.basename(path)}\n\n`{path}`\n\n```python\n{text}\n```\n"


def _page_of(path: str) -> str:
    return ROOMS.get(path) or (path if path.endswith(".md") else f"{path}.md")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Points each link that leaves docs/ to the page of the file."""
    here = page.file.src_uri
    if here in _ALONE:
        page.meta["hide"] = ["navigation"]
    origin = {page: name for name, page in ROOMS.items()}.get(here)
    if origin is None:
        origin = here if here.startswith("examples/") else f"docs/{here}"

    def target(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), found[1]))
        goal = path.removeprefix("docs/") if path.startswith("docs/") else _page_of(path)
        if files.get_file_from_path(goal) is None:
            return found[1]
        return posixpath.relpath(goal, posixpath.dirname(here) or ".")

    return _LINK.sub(target, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links each requirement that a text names to its page."""
    groups = "|".join(sorted({one.group for one in requirements().values()}))
    name = re.compile(rf"\b(?:{groups})-\d\d\b")

    def link(found: re.Match[str]) -> str:
        goal = files.get_file_from_path(requirement_pages.path_of(found[0]))
        if goal is None or goal.src_uri == page.file.src_uri:
            return found[0]
        return f'<a href="{goal.url_relative_to(page.file)}">{found[0]}</a>'

    closed, out = [0], []
    for part in re.split(r"(<[^>]+>)", html):
        tag = re.match(r"</?([a-z0-9]+)", part)
        if tag is None:
            out.append(part if closed[0] else name.sub(link, part))
            continue
        if tag[1] in _NO_LINKS and not part.endswith("/>"):
            closed[0] += -1 if part.startswith("</") else 1
        out.append(part)
    return "".join(out)
