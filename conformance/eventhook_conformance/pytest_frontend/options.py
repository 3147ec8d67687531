"""The part of the pytest plugin that every pytest run loads: its options, so it costs next to nothing.

It loads `plugin`, which does the work, if a target is given or the suite's cases are collected.
Nothing else of the suite may be imported here.
"""

from __future__ import annotations

import warnings
from typing import Final

import pytest

PACKAGE_NAME: Final = "eventhook_conformance"
REPORTS: Final = {
    "json": "write the JSON report",
    "junit": "write JUnit XML, with the suite's own explanations",
    "html": "write one HTML page, for people",
    "markdown": "write Markdown; adds to the file if it is $GITHUB_STEP_SUMMARY",
    "ctrf": "write CTRF JSON (Common Test Report Format)",
    "badge": "write the JSON of a shields.io endpoint badge",
}
"""The formats of reports, as `report.formats` has them, which is not loaded here."""


def pytest_addoption(parser: pytest.Parser) -> None:
    # No defaults: `Settings` has them, and it is not loaded here.
    group = parser.getgroup("eventhook-conformance")
    group.addoption(
        "--target",
        action="append",
        default=[],
        metavar="TARGET",
        help="event bus to judge: a registered name, module:attribute or driver:COMMAND "
        "(repeatable); with --pyargs eventhook_conformance",
    )
    group.addoption(
        "--eventhook-profile",
        action="append",
        default=[],
        metavar="P",
        help="test this profile only (repeatable); default: all that the target claims",
    )
    group.addoption(
        "--eventhook-specification",
        metavar="VERSION",
        help="version of the specification to ask; default: the newest",
    )
    group.addoption(
        "--eventhook-seed",
        type=int,
        metavar="N",
        help="seed of the random choices; the same seed repeats them; default: 0",
    )
    group.addoption(
        "--eventhook-timeout",
        type=float,
        metavar="SECONDS",
        help="timeout for events that must come; default: 3",
    )
    group.addoption(
        "--eventhook-settle",
        type=float,
        metavar="SECONDS",
        help="how long to listen, once, for events that must not come; default: 0.2",
    )
    group.addoption(
        "--eventhook-at-once",
        type=int,
        metavar="N",
        help="maximum concurrent cases; default: 1, or 96 for a distant target",
    )
    group.addoption(
        "--eventhook-browser",
        action="store_true",
        help="read the SSE streams with a headless Chromium too",
    )
    group.addoption(
        "--eventhook-examples",
        type=int,
        metavar="N",
        help="number of random histories; default: 10",
    )
    group.addoption(
        "--eventhook-depth",
        choices=("quick", "normal", "deep"),
        help="how many events and how long silences cases use; default: normal; deep takes minutes",
    )
    group.addoption(
        "--eventhook-baseline",
        metavar="FILE",
        help="fail only on failures that this file does not have",
    )
    group.addoption(
        "--eventhook-docs-url",
        metavar="URL",
        help="link each requirement to its page on this site; default: $EVENTHOOK_DOCS_URL",
    )
    for name, text in REPORTS.items():
        group.addoption(f"--eventhook-{name}", metavar="FILE", help=text)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(**capabilities): applies only where the target claims one of these values"
    )
    if config.getoption("--target") or any(PACKAGE_NAME in one for one in config.args):
        # The cases name their own loop; a run that turns warnings into errors would end before it begins.
        warnings.filterwarnings("ignore", message=r".*asyncio_default_fixture_loop_scope")
        # The suite takes half a second to import.
        from eventhook_conformance.pytest_frontend import plugin

        config.pluginmanager.register(plugin, f"{PACKAGE_NAME}.{plugin.__name__}")
