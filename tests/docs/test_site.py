"""The site: built strictly, with a page for each requirement, read and searched without a network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.specification.requirements import requirements
from report.browser import PROGRAM, Page, browser

ROOT = Path(__file__).parents[2]
DRAWINGS = json.loads((ROOT / "docs" / "histories.json").read_text(encoding="utf-8"))
CONFIG = ROOT / ".ci" / "site" / "mkdocs.yml"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("site")]


def test_what_is_drawn_is_a_mutant_named_for_the_requirement() -> None:
    mutants = registered_mutants()
    assert len(DRAWINGS) > 20
    for identifier, drawing in DRAWINGS.items():
        assert identifier in mutants[drawing["mutant"]].caught_by, (
            f"remove {identifier} from docs/histories.json and run .ci/site/histories.py"
        )


def build(config: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["mkdocs", "build", "--strict", "-f", str(config), "-d", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", *command],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(CONFIG, folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if PROGRAM is None:
        pytest.skip("NO BROWSER: the site is not looked at (install chromium)")
    with browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


def text_of(file: Path) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", file.read_text(encoding="utf-8")).split())


def test_each_requirement_has_a_page_that_tells_all_of_it(site: Path) -> None:
    for one in requirements().values():
        text = text_of(site / "requirements" / f"{one.id}.html")
        assert one.title.partition("`")[0] in text, one.id
        assert "By version of the specification" in text
    drawn = [
        one
        for one in requirements()
        if '<svg class="sequence"'
        in (site / "requirements" / f"{one}.html").read_text(encoding="utf-8")
    ]
    assert set(drawn) == set(DRAWINGS)
    mutants = [one.name for one in registered_mutants().values() if "PUB-05" in one.caught_by]
    text = text_of(site / "requirements" / "PUB-05.html")
    assert mutants
    for told in (
        *mutants,
        "litestar-channels",
        "Cases that test it",
        "1.0 says: What was published before",
    ):
        assert told in text


def test_a_text_links_the_requirements_that_it_names(site: Path) -> None:
    verdicts = (site / "verdicts.html").read_text(encoding="utf-8")
    assert 'href="requirements/PUB-05.html"' in verdicts
    page = (site / "requirements" / "PUB-05.html").read_text(encoding="utf-8")
    assert 'href="../verdicts.html#litestar-channels"' in page


def test_no_page_leads_to_the_repository(site: Path) -> None:
    for file in (one for one in site.rglob("*.html") if one.name != "404.html"):
        for link in re.findall(r'href="([^"#?]+)', file.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:", link):
                assert (file.parent / link).exists(), f"{file.relative_to(site)}: {link}"


@pytest.mark.parametrize("damage", ["[x](no-such-page.md)", "[x](baseline.md#no-such-part)"])
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path, damage: str) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text(f"# Home\n\n{damage}\n", encoding="utf-8")
    (docs / "baseline.md").write_text("# Baseline\n", encoding="utf-8")
    told = CONFIG.read_text(encoding="utf-8")
    validation = next(line for line in told.splitlines() if line.startswith("validation:"))
    (tmp_path / "mkdocs.yml").write_text(f"site_name: x\n{validation}\n", encoding="utf-8")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "built")
    assert done.returncode == 1
    assert "no-such" in done.stderr


@pytest.mark.browser
@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_read_from_a_file_without_a_network(
    site: Path, page: Page, width: int, scheme: str
) -> None:
    page.requests.clear()
    page.errors.clear()
    page.look(width, "dark" if scheme == "dark" else "light")
    for name in ("index.html", "verdicts.html", "specification.html", "requirements/PUB-04.html"):
        page.open(site / name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert [one for one in page.requests if not one.startswith(("file:", "data:"))] == []
    assert page.errors == []


@pytest.mark.browser
def test_it_is_searched_from_a_file(site: Path, page: Page) -> None:
    page.look(1440)
    page.open(site / "index.html")
    found = page.evaluate(
        """new Promise(done => {
            const box = document.querySelector('.md-search__input');
            box.focus();
            box.value = 'PUB-04 first event';
            box.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true}));
            const look = setInterval(() => {
                const links = [...document.querySelectorAll('.md-search-result__link')];
                if (links.length) { clearInterval(look); done(links.map(one => one.href)); }
            }, 50);
            setTimeout(() => { clearInterval(look); done([]); }, 30000);
        })"""
    )
    assert any("requirements/PUB-04.html" in one for one in found), found
