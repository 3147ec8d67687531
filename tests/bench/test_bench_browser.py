"""The page of a bench in a real browser: widths, colours, and nothing asked of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from bench import made_bench as made
from eventhook_conformance.bench.page import page
from report.browser import PROGRAM, browser
from report.test_html_browser import contrast

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        PROGRAM is None, reason="NO BROWSER: the bench's page is untested (install chromium)"
    ),
]


def test_the_page_is_legible_at_every_width_and_in_the_dark(tmp_path: Path) -> None:
    written = tmp_path / "bench.html"
    bench = made.bench(made.target("one"), made.target("other", speed=7e3, lost=3))
    written.write_text(page(bench), encoding="utf-8")
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    with browser(tmp_path / "profile") as chromium:
        for width in (375, 1440):
            for scheme in schemes:
                chromium.look(width, scheme)
                chromium.open(written)
                assert chromium.evaluate("document.documentElement.scrollWidth") <= width
                paper = _colour(chromium, "figure", "backgroundColor")
                assert contrast(_colour(chromium, ".plot text", "fill"), paper) > 4.5
                for series in (".line.s0", ".line.s1"):
                    assert contrast(_colour(chromium, series, "stroke"), paper) > 3
                smallest = chromium.evaluate(
                    "Math.min(...[...document.querySelectorAll('.plot text')].map("
                    "one => one.getBoundingClientRect().height))"
                )
                assert smallest >= 9
        assert chromium.errors == []
        assert set(chromium.requests) <= {written.as_uri(), "data:,"}


def _colour(chromium: object, selector: str, name: str) -> list[int]:
    expression = (
        f"getComputedStyle(document.querySelector('{selector}')).{name}.match(/\\d+/g).map(Number)"
    )
    found: list[int] = chromium.evaluate(expression)  # type: ignore[attr-defined]
    return found
