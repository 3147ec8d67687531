"""Links from every report to the page of a requirement on the documentation's site."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from checker.builder import Timeline
from eventhook_conformance.cli import main
from eventhook_conformance.report.failure import failure_text
from eventhook_conformance.report.formats import FORMATS
from eventhook_conformance.report.pages import check_docs_url, page_of
from eventhook_conformance.settings import Settings
from report import made

SITE = "https://docs.example/suite/"
PAGE = "https://docs.example/suite/requirements/PUB-02.html"


def test_a_page_is_found_below_the_address() -> None:
    assert page_of("PUB-02", SITE) == PAGE
    assert page_of("PUB-02", "../site") == "../site/requirements/PUB-02.html"


@pytest.mark.parametrize("good", [SITE, "http://127.0.0.1:8000", "../site", "site", "/srv/site"])
def test_an_address_of_the_web_and_a_path_are_taken(good: str) -> None:
    assert check_docs_url(good) == good


@pytest.mark.parametrize("bad", ["javascript:alert(1)", "data:text/html,x", "file:///x", " ", ""])
def test_another_address_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="expected an http address or a path, got"):
        check_docs_url(bad)


def test_a_failure_names_the_page_of_what_it_breaks() -> None:
    case = made.failed(Timeline())
    pages = failure_text(case, "made", SITE).splitlines()[-2:]
    assert pages == [f"  page      {PAGE}", f"  page      {PAGE.replace('02', '01')}"]
    assert "page " not in failure_text(case, "made")


@pytest.mark.parametrize("name", ["html", "markdown", "junit", "ctrf"])
def test_a_report_links_the_page_only_where_there_is_a_site(name: str) -> None:
    case = made.failed(Timeline())
    linked = made.result(case, settings=Settings(docs_url=SITE))
    assert PAGE in FORMATS[name].render([linked])
    assert "/requirements/" not in FORMATS[name].render([made.result(case)])


def test_the_address_on_the_command_line_is_checked() -> None:
    done = CliRunner().invoke(main, ["run", "memory", "--docs-url", "javascript:x"])
    assert done.exit_code == 2
    assert "expected an http address or a path, got 'javascript:x'" in done.output


def test_the_json_report_stays_as_its_schema_has_it() -> None:
    linked = made.result(settings=Settings(docs_url=SITE))
    assert "docs_url" not in json.loads(FORMATS["json"].render([linked]))["results"][0]["settings"]
