"""The HTML page in a real browser, with no network: search, links, widths, and requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from checker.builder import Timeline
from eventhook_conformance.report.html import html
from report import made
from report.browser import PROGRAM, Page, browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        PROGRAM is None, reason="NO BROWSER: the HTML page is untested (install chromium)"
    ),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    results = [made.all_pass(), made.of_everything()]
    failing = made.failed(Timeline(), "made::needle_in_a_haystack")
    results.append(made.result(failing, target="other", duration_s=2.0))
    path.write_text(html(results), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(chromium: Page, written: Path) -> Page:
    chromium.requests.clear()
    chromium.errors.clear()
    chromium.look(1440)
    chromium.open(written)
    return chromium


def shown(page: Page, kind: str) -> int:
    count: int = page.evaluate(
        f"[...document.querySelectorAll('[data-item={kind}]')].filter(e => !e.hidden).length"
    )
    return count


def search(page: Page, text: str) -> None:
    page.evaluate(
        f"(() => {{ const find = document.getElementById('find'); find.value = {text!r};"
        " find.dispatchEvent(new Event('input')); })()"
    )


def test_nothing_is_fetched_and_nothing_goes_wrong(page: Page, written: Path) -> None:
    assert [one for one in page.requests if not one.startswith("data:")] == [written.as_uri()]
    assert page.errors == []


def test_what_a_target_delivered_does_not_run(page: Page) -> None:
    assert "owned" not in page.evaluate("document.title")
    assert page.evaluate("document.scripts.length") == 1
    page.evaluate("document.body.append(Object.assign(document.createElement('script'),"
                  " {textContent: \"document.title = 'owned'\"}))")  # fmt: skip
    assert "owned" not in page.evaluate("document.title"), "the page's policy is no policy"


def test_search_narrows_and_widens_again(page: Page) -> None:
    before = {kind: shown(page, kind) for kind in ("requirement", "failure", "case")}
    assert before["failure"] == 5
    search(page, "needle haystack")
    assert (shown(page, "failure"), shown(page, "case"), shown(page, "requirement")) == (1, 1, 0)
    assert page.evaluate("document.getElementById('matrix').hidden") is True
    assert page.evaluate("document.getElementById('found').textContent") == (
        "0 requirements, 1 failure, 1 case"
    )
    search(page, "PUB-02 exactly")
    assert shown(page, "requirement") == 1
    search(page, "nothing is called so")
    assert page.evaluate("document.querySelector('.nothing').hidden") is False
    search(page, "")
    assert {kind: shown(page, kind) for kind in before} == before


def test_the_buttons_narrow_the_matrix(page: Page) -> None:
    everything = shown(page, "requirement")
    page.evaluate("document.querySelector('[data-show=failed]').click()")
    assert 0 < shown(page, "requirement") < everything
    assert page.evaluate(
        "[...document.querySelectorAll('tr[data-item=requirement]:not([hidden])')]"
        ".every(row => row.querySelector('td.failed'))"
    )
    page.evaluate("document.querySelector('[data-show=\"\"]').click()")
    assert shown(page, "requirement") == everything


def test_a_link_from_the_matrix_opens_its_failure(page: Page) -> None:
    anchor = page.evaluate("[...document.querySelectorAll('td a')].at(-1).hash")
    assert page.evaluate(f"document.querySelector({anchor!r}).open") is False
    page.evaluate(f"new Promise(done => {{ addEventListener('hashchange', done, {{once: true}});"
                  f" location.hash = {anchor!r}; }})")  # fmt: skip
    page.evaluate("new Promise(done => requestAnimationFrame(done))")
    assert page.evaluate(f"document.querySelector({anchor!r}).open") is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_the_page_is_legible(page: Page, width: int, scheme: Literal["light", "dark"]) -> None:
    page.look(width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = (
        page.evaluate(f"getComputedStyle(document.body).{name}.match(/\\d+/g).map(Number)")
        for name in ("color", "backgroundColor")
    )
    assert contrast(ink, paper) > 7
    assert (sum(paper) < 3 * 128) == (scheme == "dark")
    for name in ("sign.passed", "sign.failed", "sign.not_claimed", "tag.failed", "seen"):
        ink = page.evaluate(
            f"getComputedStyle(document.querySelector('.{name}')).color.match(/\\d+/g).map(Number)"
        )
        assert contrast(ink, paper) > 4, name
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('main *')].map("
        "one => parseFloat(getComputedStyle(one).fontSize)))"
    )
    assert smallest >= 10
    cut_off = page.evaluate(
        "[...document.querySelectorAll('.chips, .tags, .counts')].filter("
        "one => one.scrollWidth > one.clientWidth + 1).length"
    )
    assert cut_off == 0
    overrun = page.evaluate(
        "[...document.querySelectorAll('svg.sequence .row')].flatMap(row => {"
        " const line = row.querySelector('line[marker-end]'), text = row.querySelector('.label');"
        " return line && text && text.getBBox().width > line.getBBox().width"
        " ? [text.textContent] : []; })"
    )
    assert overrun == []


def test_alike_failures_are_folded_and_found(page: Page, tmp_path: Path) -> None:
    cases = [made.failed(Timeline(), f"made::broken_{number}") for number in range(4)]
    path = tmp_path / "alike.html"
    path.write_text(html([made.result(*cases)]), encoding="utf-8")
    page.open(path)
    fold = "document.querySelector('.alike')"
    assert page.evaluate(f"{fold}.open") is False
    assert page.evaluate(f"{fold}.querySelector('summary').textContent") == "and 3 more alike"
    search(page, "broken_3")
    assert page.evaluate(f"{fold}.open") is True
    assert shown(page, "failure") == 1
    search(page, "")
    assert page.evaluate(f"{fold}.open") is False
    page.evaluate("new Promise(done => { addEventListener('hashchange', done, {once: true});"
                  " location.hash = '#failure-0-3'; })")  # fmt: skip
    page.evaluate("new Promise(done => requestAnimationFrame(done))")
    assert page.evaluate(f"{fold}.open") is True


def contrast(one: list[int], other: list[int]) -> float:
    """Returns the contrast ratio as WCAG 2 defines it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[int]) -> float:
    parts = [part / 255 for part in colour[:3]]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
