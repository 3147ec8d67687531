"""JUnit XML: valid by the schema, and red exactly where the verdict is."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema

from checker.builder import Timeline
from eventhook_conformance.report.junit import junit
from eventhook_conformance.results import RunResult
from report import made

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit-10.xsd"))


def valid(*results: RunResult) -> ET.Element:
    """Returns the report as a reader gets it, after checking it by the schema."""
    text = junit(results).encode("utf-8").decode("utf-8")
    SCHEMA.validate(text)
    return ET.fromstring(text)  # noqa: S314  # made by us


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("<testcase ", '<testcase unknown="x" ', "unknown"),
        (' errors="0"', "", "errors"),
        (' time="1.500"', ' time="soon"', "soon"),
        ("<properties>", "<extras/><properties>", "extras"),
    ],
)
def test_the_schema_refuses_what_is_wrong(right: str, wrong: str, reason: str) -> None:
    text = junit([made.all_pass()])
    assert right in text
    with pytest.raises(xmlschema.XMLSchemaValidationError, match=reason):
        SCHEMA.validate(text.replace(right, wrong))


def test_a_conformant_target_is_all_green() -> None:
    root = valid(made.all_pass())
    suite = root[0]
    assert suite.get("name") == "made"
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "0")
    assert suite.get("tests") == str(len(suite.findall("testcase"))) == root.get("tests")
    first = suite.find("testcase")
    assert first is not None
    assert (first.get("classname"), first.get("time")) == ("made.made", "0.013")
    assert first.get("name", "").endswith(")")
    properties = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert properties["verdict"] == "conformant"
    assert properties["claims.profiles"] == "events"
    assert properties["settings.seed"] == "0"


def test_every_outcome_has_its_element() -> None:
    root = valid(made.of_everything())
    suite = root[0]
    by_name = {str(one.get("name")): one for one in suite.findall("testcase")}
    failure = by_name["broken (PUB-02)"].find("failure")
    assert failure is not None
    assert failure.get("type", "").startswith("PUB-0")
    assert "expected" in (failure.text or "")
    assert "again" in (failure.text or "")
    error = by_name["undecided (PUB-05)"].find("error")
    assert error is not None
    assert error.get("type") == "undecided, blame: driver"
    assert error.get("message") == "it died"
    skipped = by_name["streams (STR-01)"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "profile streams is not claimed"


def test_a_should_alone_is_shown_and_fails_nothing() -> None:
    result = made.all_pass()
    result.cases.append(made.advisory_failure())
    assert result.verdict == "conformant"
    suite = valid(result)[0]
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "1")
    skipped = suite.find("testcase/skipped")
    assert skipped is not None
    assert "SHOULD not met" in skipped.get("message", "")
    assert "PUB-19" in (suite.findtext("testcase/system-out") or "")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (made.result(unusable="target 'x' cannot be used: no"), "cannot be used"),
        (made.result(made.passed(), suite_failure="interrupted"), "interrupted"),
        (made.result(), "no case passed or failed"),
        (made.result(made.passed()), "untested: "),
    ],
    ids=["unusable", "interrupted", "nothing", "untested"],
)
def test_what_keeps_from_a_verdict_is_red(result: RunResult, message: str) -> None:
    suite = valid(result)[0]
    errors = [one.get("message", "") for one in suite.iter("error")]
    assert any(message in one for one in errors)
    assert int(suite.get("errors", "0")) == len(errors) > 0


def test_whatever_a_target_delivers_stays_xml(at: Timeline) -> None:
    suite = valid(made.result(made.hostile(at), target=made.HOSTILE))[0]
    assert "\\x00\\u202e\\ud800" in suite.get("name", "")
    assert "<script>" in suite.get("name", "")
    assert suite.find("script") is None


def test_counts_are_summed() -> None:
    root = valid(made.of_everything(), made.all_pass())
    assert root.get("failures") == "2"
    assert root.get("time") == "3.000"


@pytest.fixture
def at() -> Timeline:
    return Timeline()
