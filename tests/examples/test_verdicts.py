"""Reads the buses to be measured, runs them, and makes the page."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from eventhook_conformance.cases import catalog_of
from eventhook_conformance.report import submission
from examples.scripts import EXAMPLES, script

measuring = script("verdicts_measuring")
pages = script("verdicts_page")
verdicts = script("verdicts")

TOY = """
[[bus]]
name = "toy"
language = "Python"
library = "a list"
target = "toy:target"
[bus.broken]
file = "toy.py"
replace = "total_order=True"
by = "event_capacity=2000"
turns = "PUB-18"
"""
ENVIRONMENT = dict(os.environ)


def toy(folder: Path, text: str = TOY) -> Path:
    """Returns a folder of examples with one in it."""
    examples = folder / "examples"
    (examples / "toy").mkdir(parents=True)
    (examples / "toy" / "verdicts.toml").write_text(text, encoding="utf-8")
    return examples


def report(**changes: Any) -> dict[str, Any]:
    """Returns a report of one run that failed one requirement."""
    case = {"requirements": ["PUB-02"], "outcome": "failed"}
    told = {
        "verdict": "non-conformant",
        "environment": {"date": "2026-11-30T08:00:00Z"},
        "specification": {"version": "1.1"},
        "target": {"about": "toy 1.0", "capabilities": {"total_order": True}},
        "duration_s": 1.6,
        "requirements": [
            {"id": "PUB-01", "level": "MUST", "title": "One", "outcome": "failed"},
            {"id": "PUB-02", "level": "MUST", "title": "Two", "outcome": "passed"},
            {"id": "PUB-03", "level": "MUST", "title": "Three", "outcome": "error"},
            {"id": "PUB-04", "level": "MUST", "title": "Four", "outcome": "not_claimed"},
        ],
        "cases": [
            {**case, "violations": [{"requirement": "PUB-01", "message": "by another case"}]},
            {
                **case,
                "requirements": ["PUB-01"],
                "violations": [{"requirement": "PUB-01", "message": "a | b <i>\n*c*"}],
            },
            {"requirements": ["PUB-04"], "outcome": "not_claimed", "violations": []},
        ],
    }
    return {"schema": 1, "results": [{**told, **changes}]}


def test_every_bus_of_the_examples_can_be_read() -> None:
    names = [entry.bus.name for entry in measuring.read_entries(EXAMPLES)]
    assert names[:2] == ["memory", "nats"]
    assert {"skeleton", "redis-pubsub", "rabbitmq"} <= set(names)


def test_what_is_to_be_broken_is_there_once() -> None:
    for entry in measuring.read_entries(EXAMPLES):
        if (broken := entry.bus.broken) is not None:
            text = (entry.folder / broken.file).read_text(encoding="utf-8")
            assert text.count(broken.replace) == 1, entry.bus.name
            assert broken.by != broken.replace, entry.bus.name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TOY.replace("library", "libary"), "toy/verdicts.toml: .*libary"),
        (TOY.replace('language = "Python"', ""), "toy/verdicts.toml: .*language"),
        (TOY.replace("=", ""), "toy/verdicts.toml: Expected"),
        (TOY.replace('"toy"', '"nats"'), "two buses of the name nats"),
        (TOY.replace("PUB-18", "PUB-99"), "toy: there is no requirement 'PUB-99'"),
    ],
    ids=["unknown", "missing", "no TOML", "twice", "no requirement"],
)
def test_a_file_that_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        measuring.read_entries(toy(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_what_a_build_left_is_not_read(tmp_path: Path) -> None:
    examples = toy(tmp_path)
    copied = examples / "toy" / "target" / "copy"
    copied.mkdir(parents=True)
    (copied / "verdicts.toml").write_text(TOY, encoding="utf-8")
    assert [entry.bus.name for entry in measuring.read_entries(examples)][2:] == ["toy"]


def test_a_report_is_counted_and_quoted() -> None:
    found = pages.measured_from(report(), "Python 3")
    assert (found.held, found.not_claimed, found.cases, found.seconds) == (1, 1, 2, 2)
    assert found.undecided == ("PUB-03",)
    assert [one.message for one in found.failed] == ["a | b <i> *c*"]
    assert found.claims == "events streams, total_order=True"


def test_the_page_shows_each_bus_and_breaks_at_nothing_that_it_said() -> None:
    row = pages.Row("toy", "Python", "a list", "An expert's\nsentence.")
    text = pages.page([row], {"toy": pages.measured_from(report(), "Python 3")}, "the suite")
    assert (
        "| [toy](#toy) | ✗ non-conformant | events ✗, streams ✓ · 1.1 | a list (Python) | 1 | 1 |"
        in text
    )
    assert "judged on 2026-11-30 by specification 1.1, with toy 1.0, Python 3: 2 cases" in text
    assert "An expert's sentence." in text
    assert "- **PUB-01** One: a \\| b \\<i\\> \\*c\\*" in text
    assert "1 requirement undecided" in text


def test_a_bus_that_was_not_measured_is_not_on_the_page() -> None:
    assert "toy" not in pages.page([pages.Row("toy", "Python", "a list", "")], {}, "the suite")


def test_long_messages_are_cut() -> None:
    assert pages.shortened("x" * 1000).endswith("x…")
    assert len(pages.shortened("x" * 1000)) == 240


def test_one_is_renewed_and_the_others_stay(tmp_path: Path) -> None:
    entries = measuring.read_entries(toy(tmp_path))
    docs = tmp_path / "docs"
    docs.mkdir()
    found = pages.measured_from(report(), "Python 3")
    verdicts.write(entries, {"toy": found, "memory": found, "gone": found}, docs)
    kept = verdicts.read_measured(docs / "verdicts.json")
    assert kept == {"memory": found, "toy": found}
    verdicts.write(entries, kept, docs)
    assert verdicts.read_measured(docs / "verdicts.json") == kept


def test_the_page_in_the_docs_is_made_of_what_lies_beside_it(tmp_path: Path) -> None:
    docs = EXAMPLES.parent / "docs"
    kept = verdicts.read_measured(docs / "verdicts.json")
    verdicts.write(measuring.read_entries(EXAMPLES), kept, tmp_path)
    for name in ("verdicts.md", "verdicts.json"):
        made = (tmp_path / name).read_text(encoding="utf-8")
        assert made == (docs / name).read_text(encoding="utf-8"), "run examples/verdicts.py --page"


def test_a_toolchain_that_is_not_there_is_named(tmp_path: Path) -> None:
    bus = measuring.Bus(
        name="toy", language="Rust", library="", target="toy:target", build="no-such-tool build"
    )
    with pytest.raises(measuring.Missing, match="there is no no-such-tool on this machine"):
        measuring.measure(measuring.Entry(bus, tmp_path))


def test_a_build_that_fails_is_no_missing_toolchain(tmp_path: Path) -> None:
    bus = measuring.Bus(
        name="toy", language="C", library="", target="toy:target", build="sh -c 'echo why; exit 3'"
    )
    with pytest.raises(measuring.Unmeasured, match="ended with 3: why") as caught:
        measuring.build(bus, tmp_path, ENVIRONMENT)
    assert not isinstance(caught.value, measuring.Missing)


def test_a_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text("import no_such_library\n", encoding="utf-8")
    bus = measuring.Bus(name="toy", language="Python", library="", target="toy:target")
    with pytest.raises(measuring.Missing, match="No module named 'no_such_library'"):
        measuring.measure(measuring.Entry(bus, tmp_path))


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    code = "import pathlib, time\ntry: time.sleep(60)\nfinally: pathlib.Path('left').touch()"
    with pytest.raises(measuring.Unmeasured, match="took longer than 1 s"):
        measuring.call([sys.executable, "-c", code], tmp_path, ENVIRONMENT, 1)
    assert (tmp_path / "left").exists()


@pytest.mark.slow
def test_a_bus_is_measured_and_broken(tmp_path: Path) -> None:
    source = (EXAMPLES / "my_bus_target.py").read_text(encoding="utf-8")
    examples = toy(tmp_path)
    (examples / "toy" / "toy.py").write_text(source, encoding="utf-8")
    entry = measuring.read_entries(examples)[-1]
    with measuring.surroundings(()) as environment:
        found = measuring.run(entry.bus, entry.folder, environment, "-k", "PUB-01")
    assert pages.measured_from(found, "").verdict == "conformant"
    assert measuring.broken_outcomes(entry) == ("passed", "failed")


def test_a_wrong_name_is_told(tmp_path: Path) -> None:
    with measuring.surroundings(()) as environment:
        script_file = str(EXAMPLES / "verdicts.py")
        code, output = measuring.call(
            [sys.executable, script_file, "nope"], tmp_path, environment, 60
        )
    assert code == 2
    assert "no bus nope; there are" in output


def test_what_lies_beside_the_page_is_json() -> None:
    text = (EXAMPLES.parent / "docs" / "verdicts.json").read_text(encoding="utf-8")
    assert json.loads(text)["schema"] == 1


def test_a_should_that_failed_is_said_so_in_the_table() -> None:
    told = report()
    told["results"][0]["requirements"][0]["level"] = "SHOULD"
    measured = {"toy": pages.measured_from(told, "")}
    text = pages.page([pages.Row("toy", "Python", "toy", "")], measured, "suite")
    assert "| 1 | 1 (SHOULD) |" in text


def test_what_was_judged_before_is_kept_where_the_bus_or_the_specification_changed() -> None:
    first = pages.measured_from(report(), "")
    again = pages.measured_from(report(duration_s=9.0), "").after(first)
    assert again.earlier == ()
    target = {"about": "toy 2.0", "capabilities": {}}
    newer = pages.measured_from(report(target=target), "").after(again)
    (before,) = newer.earlier
    assert (before.about, before.failed) == ("toy 1.0", ("PUB-01",))
    text = pages.page([pages.Row("toy", "Python", "a list", "")], {"toy": newer}, "the suite")
    assert (
        "- before, on 2026-11-30 by specification 1.1, with toy 1.0: non-conformant; not PUB-01"
        in text
    )
    assert pages.measured_from(report(verdict="inconclusive"), "").after(newer).earlier[1] == before


def test_a_profile_fails_by_a_must_alone() -> None:
    told = report()
    assert pages.measured_from(told, "").profiles() == {"events": "✗", "streams": "✓"}
    told["results"][0]["requirements"][0]["level"] = "SHOULD"
    assert pages.measured_from(told, "").profiles() == {"events": "?", "streams": "✓"}


def test_what_a_vendor_submitted_is_on_the_page_and_says_who_did(tmp_path: Path) -> None:
    folder = tmp_path / "submitted"
    folder.mkdir()
    about = {"name": "acme", "language": "Go", "library": "acme 2", "by": "A|cme", "source": "here"}
    text = "\n".join(f"{name} = {value!r}" for name, value in about.items())
    (folder / "acme.toml").write_text(text, encoding="utf-8")
    (folder / "acme.json").write_text(json.dumps(report()), encoding="utf-8")
    verdicts.write(measuring.read_entries(toy(tmp_path)), {}, tmp_path)
    page = (tmp_path / "verdicts.md").read_text(encoding="utf-8")
    assert "| [acme](#acme) | ✗ non-conformant |" in page
    assert "Submitted by A\\|cme; from here." in page
    assert "acme" not in (tmp_path / "verdicts.json").read_text(encoding="utf-8")


def test_what_was_submitted_passes_the_check() -> None:
    for file in sorted((EXAMPLES.parent / "docs" / "submitted").glob("*.toml")):
        report = submission.read_report(file.with_suffix(".json"))
        about = submission.read_about(file)
        assert submission.problems(report, about, catalog_of) == [], file.name
