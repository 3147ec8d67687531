"""The HTML page, as text: its content, and that nothing from outside is markup."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser

from checker.builder import Timeline
from eventhook_conformance.report.html import html
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification.requirements import requirements
from report import made

VOID = {"meta", "link", "input", "wbr"}


class Reader(HTMLParser):
    """Checks that elements nest, and keeps those that a test asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.handlers: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids[value or ""] += 1
            if name in ("href", "src", "srcset", "action"):
                self.links.append(value or "")
            if name.startswith("on") or name == "style":
                self.handlers.append(name)
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"] or ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            (self.scripts if self.open[-1] == "script" else self.styles).append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_a_page_of_everything_is_well_formed_and_needs_nothing() -> None:
    page = html([made.all_pass(), made.of_everything(), made.result(unusable="it is gone")])
    page.encode("utf-8")
    reader = read(page)
    assert max(reader.ids.values()) == 1
    assert reader.tags["script"] == reader.tags["style"] == 1
    assert reader.handlers == []
    local = [link for link in reader.links if link != "data:,"]
    assert local
    assert all(link.startswith("#") and link[1:] in reader.ids for link in local)
    assert not re.search(r"url\((?!#)|@import|https?:", page)


def test_the_policy_allows_the_two_that_are_ours_and_nothing_else() -> None:
    reader = read(html([made.all_pass()]))
    assert "default-src 'none'" in reader.policy
    for kind, (text,) in (("script-src", reader.scripts), ("style-src", reader.styles)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in reader.policy


def test_text_from_outside_is_escaped() -> None:
    result = made.result(made.hostile(Timeline()), target=made.HOSTILE, suite_failure=made.HOSTILE)
    result.invoked_as = made.HOSTILE
    page = html([result], [made.HOSTILE])
    assert "<script>document" not in page
    assert "&lt;script&gt;document.title=" in page
    assert "\x00" not in page
    assert "\u202e" not in page
    assert "\\x00\\u202e\\ud800" in page
    assert read(page).tags["script"] == 1


def test_every_requirement_has_a_row_with_a_cell_for_each_target() -> None:
    page = html([made.all_pass(), made.result(made.failed(Timeline()), target="other")])
    for one in requirements():
        assert f'id="{one}"' in page
    row = page[page.index('id="PUB-02"') :]
    row = row[: row.index("</tr>")]
    assert row.count("<td") == 2
    assert 'class="passed"' in row
    assert 'class="failed"' in row
    assert 'href="#failure-1-0"' in row
    assert "Not claimed: profile streams is not claimed" in page


def test_a_failure_has_its_text_its_diagram_and_its_command() -> None:
    page = html([made.result(made.failed(Timeline()))])
    assert requirements()["PUB-02"].text in page.replace("&#39;", "'")
    assert page.count('<svg class="sequence"') == 2
    assert 'class="row offence' in page
    assert "eventhook-conformance run made -k made::broken" in page
    assert "0.25" not in page
    assert "250.0 ms" in page


def test_a_good_page_has_no_failures() -> None:
    page = html([made.all_pass()])
    assert 'id="failures"' not in page
    assert "<title>made: conformant" in page


def test_the_baseline_has_its_say() -> None:
    assert "worse  made x" in html([made.all_pass()], ["worse  made x"])


def test_a_page_of_very_many_failures_stays_small() -> None:
    cases = [made.failed(Timeline(), f"made::broken_{number}") for number in range(150)]
    page = html([made.result(*cases)])
    assert page.count('<svg class="sequence"') == 240
    assert page.count('data-item="failure"') == 150


def test_backticks_are_code_and_names_break_between_words() -> None:
    page = html([made.result(made.failed(Timeline(), "made::gets_it_once"))])
    assert "`" not in re.sub(r"(?s)<script>.*</script>|<pre>.*?</pre>", "", page)
    assert "<code>data</code> keeps any JSON value" in page
    assert "<code>made::<wbr>gets_<wbr>it_<wbr>once</code>" in page


def test_one_cause_is_one_group_and_its_other_cases_are_folded() -> None:
    cases = [made.failed(Timeline(), f"made::broken_{number}") for number in range(4)]
    page = html([made.result(*cases, made.undecided())])
    assert page.count('class="cause"') == 2
    assert page.count('class="alike"') == 1
    assert "and 3 more alike" in page
    assert '<span class="count">4 cases</span>' in page


def test_what_the_kit_does_a_should_and_a_partial_run_are_said() -> None:
    case = made.passed("PAT-01")
    settings = Settings(selection="PAT-01")
    page = html([made.result(case, made.advisory_failure(), kit=("filtering",), settings=settings)])
    assert "holds, by the kit" in page
    assert "does not hold (SHOULD)" in page
    assert "A partial run: <code>-k PAT-01</code>" in page
    assert "not selected" not in html([made.all_pass()])


def test_a_requirement_that_was_left_out_says_by_what() -> None:
    settings = Settings(selection="PUB-01")
    result = made.result(made.passed(), settings=settings, selectable={"PUB-02": ["x::y"]})
    page = html([result])
    assert "Not selected by -k &#39;PUB-01&#39;" in page
    assert "Not claimed: not selected" not in page
