"""The formats of reports. A new format is a module of this package and a line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from eventhook_conformance.results import RunResult


@dataclass(frozen=True)
class Format:
    """One format."""

    name: str
    """Its option on the command line, without the dashes."""
    help: str
    function: str
    """Its module and function: it takes the results and returns the text."""
    shows_baseline: bool = False
    """The function also takes the lines of a baseline."""

    def render(self, results: Sequence[RunResult], notes: Sequence[str] = ()) -> str:
        """Returns the report as text; `notes` are the lines of a baseline."""
        # Imported only when it is used: jinja2 alone takes a tenth of a second.
        module, _, function = self.function.partition(":")
        write = getattr(import_module(f"{__package__}.{module}"), function)
        text: str = write(results, notes) if self.shows_baseline else write(results)
        return text


FORMATS: Final = {
    one.name: one
    for one in (
        Format("json", "Write the JSON report.", "json_report:json_text"),
        Format("junit", "Write JUnit XML, for CI servers.", "junit:junit"),
        Format("html", "Write one HTML page, for people.", "html:html", shows_baseline=True),
        Format(
            "markdown",
            "Write Markdown. Adds to the file if it is $GITHUB_STEP_SUMMARY.",
            "markdown:markdown",
            shows_baseline=True,
        ),
        Format("ctrf", "Write CTRF JSON (Common Test Report Format).", "ctrf:ctrf"),
        Format("badge", "Write the JSON of a shields.io endpoint badge.", "badge:badge"),
    )
}
"""By name."""
