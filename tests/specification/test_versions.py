"""Versions of the specification: 1.0 is frozen, and newer requirements are not asked under it."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import pytest

import eventhook_fixtures
from eventhook_conformance import specification
from eventhook_conformance.cases import catalog_of
from eventhook_conformance.checker import Violation
from eventhook_conformance.engine.execution import Ending
from eventhook_conformance.engine.outcome import decide
from eventhook_conformance.results import CaseResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import (
    Case,
    Instance,
    asked_in,
    requirements,
    specification_version,
    versions,
)
from eventhook_conformance.specification.requirements import Requirement, _requirement

FROZEN = "5d4e270e3ed8b35b8f7da28f803f8788ee36cafa8802198cf5fd04c52e517c1e"
CASES = (files(specification) / "cases_1_0.txt").read_text(encoding="utf-8").splitlines()


def as_asked(requirement: Requirement) -> dict[str, object]:
    """Returns the members of a requirement that decide a verdict, and its text."""
    return {
        "id": requirement.id,
        "group": requirement.group,
        "level": requirement.level,
        "text": requirement.text,
        "profile": requirement.profile,
        "needs": {name: list(values) for name, values in requirement.needs.items()},
        "drivers": requirement.drivers,
    }


def test_the_released_data_of_1_0_never_changes() -> None:
    data = (files(eventhook_fixtures) / "requirements_1_0.json").read_bytes()
    assert hashlib.sha256(data).hexdigest() == FROZEN


def test_1_0_asks_what_it_asked_when_it_was_released() -> None:
    released = eventhook_fixtures.load("requirements_1_0")["requirements"]
    now = [as_asked(one) for one in requirements("1.0").values()]
    assert now == [as_asked(_requirement(one, "1.0")) for one in released]


def test_1_0_has_the_cases_that_it_was_released_with_and_no_others() -> None:
    now = {f"{one.id}  ({', '.join(one.case.requirements)})" for one in catalog_of("1.0").values()}
    assert now == set(CASES)


def test_a_case_that_is_not_among_those_of_a_released_version_is_not_asked_under_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = "eventhook_conformance.specification.catalog.released_cases"
    monkeypatch.setattr(module, {"1.0": {"m::c": ("PUB-02",)}, "1.1": None}.get)
    more = instance("PUB-01", "PUB-02").under("1.0")
    assert more is not None
    assert more.case.requirements == ("PUB-02",)
    assert instance("PUB-01").under("1.0") is None
    assert instance("PUB-01").under("1.1") is not None


def test_the_newest_version_is_the_default() -> None:
    assert versions()[-1] == specification_version() == Settings().specification
    assert requirements() == requirements(specification_version())
    assert versions()[0] == "1.0"


def test_a_newer_version_asks_all_that_an_older_one_asks() -> None:
    assert set(requirements("1.0")) <= set(requirements("1.1"))
    assert all(one.since == "1.0" for one in requirements("1.0").values())


@pytest.mark.parametrize("version", ["0.9", "1", "", "1.10"])
def test_a_version_that_was_not_released_is_refused(version: str) -> None:
    with pytest.raises(LookupError, match=r"expected 1\.0 or 1\.1"):
        asked_in("1.0", version)


def test_what_is_newer_is_not_asked_under_an_older_version() -> None:
    assert asked_in("1.0", "1.1")
    assert asked_in("1.1", "1.1")
    assert not asked_in("1.1", "1.0")


def test_a_text_that_changed_is_read_as_each_version_has_it() -> None:
    entry = {**eventhook_fixtures.load("requirements")["requirements"][0]}
    entry |= {"text": "New.", "texts": {"1.0": "Old."}}
    assert _requirement(entry, "1.0").text == "Old."
    assert _requirement(entry, "1.1").text == "New."


async def body(probe: object) -> None: ...


def instance(*identifiers: str, since: str = "1.0") -> Instance:
    about = Case(name="m::c", requirements=identifiers, implicates=frozenset(), since=since)
    return Instance(id="m::c", case=about, body=body, parameters={}, needs={})


def test_a_case_runs_where_one_of_its_requirements_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older = dict(requirements("1.0"))
    del older["PUB-02"]
    module = "eventhook_conformance.specification.catalog.requirements"
    monkeypatch.setattr(module, lambda version: older)
    monkeypatch.setattr(
        "eventhook_conformance.specification.catalog.released_cases", lambda _: None
    )
    both = instance("PUB-01", "PUB-02").under("1.0")
    assert both is not None
    assert both.case.requirements == ("PUB-01",)
    assert both.specification == "1.0"
    assert instance("PUB-02").under("1.0") is None


def test_a_case_may_be_newer_than_its_requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "eventhook_conformance.specification.catalog.released_cases", lambda _: None
    )
    newer = instance("PUB-01", since="1.1")
    assert newer.under("1.0") is None
    assert newer.under("1.1") is not None


def test_a_breach_is_charged_to_what_the_version_asks_alone() -> None:
    both = Violation("lost", ("PUB-01", "RPL-99"), "a", "b")
    newer = Violation("lost", ("RPL-99",), "a", "b")
    result = CaseResult(id="m::c", requirements=("PUB-01",), outcome="passed", specification="1.0")
    assert decide(result, [newer], Ending()).outcome == "passed"
    (violation,) = decide(result, [newer, both], Ending()).violations
    assert violation.requirements == ("PUB-01",)


def test_the_data_names_only_released_versions() -> None:
    data = eventhook_fixtures.load("requirements")
    named = {one["since"] for one in data["requirements"] if "since" in one}
    named |= {version for one in data["requirements"] for version in one.get("texts", {})}
    assert named <= set(versions())
