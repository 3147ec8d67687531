"""Endings; then the kinds, the charges, and the merging of equal breaches."""

from __future__ import annotations

import pickle

import pytest

from checker.builder import KEY, Timeline, event, token
from eventhook_conformance.checker import VIOLATION_KINDS, Violation, check, condense
from eventhook_conformance.checker.violation import charge
from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import Capabilities


@pytest.fixture
def at() -> Timeline:
    return Timeline()


def test_an_active_subscription_goes_on(at: Timeline) -> None:
    s = at.subscribe()
    at.end(s)
    at.shows("ended", "PUB-01", because="s1 to go on: it was not left")


def test_an_active_stream_goes_on(at: Timeline) -> None:
    s = at.subscribe(KEY)
    at.end(s)
    at.shows("ended", "STR-06", because="it ended (StopAsyncIteration)")


def test_losing_a_subscription_outside_a_fault(at: Timeline) -> None:
    s = at.subscribe()
    at.end(s, "lost", "SubscriptionLost: gone")
    at.shows("ended", "PUB-01", because="it raised SubscriptionLost: SubscriptionLost: gone")


def test_a_read_that_raises(at: Timeline) -> None:
    s = at.subscribe()
    at.end(s, "raised", "KeyError: 'x'")
    at.shows("ended", "PUB-01", because="its read raised KeyError: 'x'")


def test_it_ends_when_it_is_left(at: Timeline) -> None:
    s = at.subscribe()
    at.leave(s)
    at.end(s)
    at.left(s)
    assert at.is_good()


def test_it_ends_when_its_client_closes(at: Timeline) -> None:
    s = at.subscribe()
    at.close()
    at.end(s)
    assert at.is_good()


@pytest.mark.parametrize("how", ["lost", "raised"])
@pytest.mark.parametrize("left", [True, False])
def test_it_ends_in_order_then(at: Timeline, how: str, left: bool) -> None:
    s = at.subscribe()
    if left:
        at.leave(s)
    else:
        at.close()
    at.end(s, how)  # type: ignore[arg-type]
    at.shows("ended", "PUB-01", because="to end with StopAsyncIteration, since it was left")


def test_it_does_not_end_before_it_is_left(at: Timeline) -> None:
    s = at.subscribe()
    at.end(s)
    at.leave(s)
    at.left(s)
    at.shows("ended", "PUB-01", because="to go on")


def test_an_end_that_the_case_awaits_is_right(at: Timeline) -> None:
    s = at.subscribe()
    s.end_awaited = True
    at.end(s, "lost")
    assert at.is_good()


def test_a_fault_may_cost_a_subscription(at: Timeline) -> None:
    s = at.subscribe()
    at.fault()
    at.end(s, "lost")
    assert at.is_good()


@pytest.mark.parametrize("how", ["stopped", "raised"])
def test_a_fault_ends_nothing_as_if_in_order(at: Timeline, how: str) -> None:
    s = at.subscribe()
    at.fault()
    at.end(s, how)  # type: ignore[arg-type]
    assert at.kinds() == ["ended"]


def test_a_later_fault_excuses_no_end(at: Timeline) -> None:
    s = at.subscribe()
    at.end(s, "lost")
    at.fault()
    assert at.kinds() == ["ended"]


# Kinds and charges


def test_every_charge_is_a_requirement() -> None:
    for kind in VIOLATION_KINDS:
        for side in ("events", "streams"):
            assert set(charge(kind, side)) <= requirements().keys()


def test_every_kind_but_a_cases_own_is_charged() -> None:
    assert [kind for kind in VIOLATION_KINDS if not charge(kind, "events")] == ["failed"]


def test_what_is_not_judged_of_streams_is_charged_to_nothing() -> None:
    assert [kind for kind in VIOLATION_KINDS if not charge(kind, "streams")] == [
        "disordered",
        "acausal",
        "failed",
    ]


def test_the_same_history_gets_the_same_answer(at: Timeline) -> None:
    s = at.subscribe()
    a, _, c = at.publishes(3)
    at.deliver(s, c, a, a, event())
    once, twice = at.judge(), at.judge()
    assert once == twice
    assert len(once) > 2


def test_a_ledger_is_not_needed(at: Timeline) -> None:
    s = at.subscribe(KEY)
    at.deliver(s, token(1))
    assert [one.kind for one in check(at.history, Capabilities())] == ["phantom"]


# Violations


def violation(**members: object) -> Violation:
    plain: dict[str, object] = {
        "kind": "lost",
        "requirements": ("PUB-01",),
        "expected": "it to come",
        "seen": "it did not",
    }
    return Violation(**{**plain, **members})  # type: ignore[arg-type]


def test_a_message_says_what_was_expected_and_what_was_seen() -> None:
    assert violation().message == "expected it to come; seen: it did not"


def test_charging_adds_requirements_once() -> None:
    charged = violation().charging(["EVT-01", "PUB-01"])
    assert charged.requirements == ("PUB-01", "EVT-01")
    assert violation().requirements == ("PUB-01",)


def test_the_first_of_a_kind_stands_for_all() -> None:
    many = [violation(seen="a"), violation(seen="b"), violation(kind="repeated"), violation()]
    found = condense(many)
    assert [(one.kind, one.seen, one.count) for one in found] == [
        ("lost", "a", 3),
        ("repeated", "it did not", 1),
    ]
    assert found[0].message.endswith("seen: a (the first of 3 such breaches)")
    assert "of" not in found[1].witnessed


def test_other_charges_are_other_breaches() -> None:
    assert len(condense([violation(), violation(requirements=("STR-01",))])) == 2


def test_what_a_case_found_itself_stands_for_itself() -> None:
    own = [violation(kind="failed", seen=seen) for seen in ("a", "b", "a")]
    assert [(one.seen, one.count) for one in condense(own)] == [("a", 2), ("b", 1)]


def test_nothing_condenses_to_nothing() -> None:
    assert condense([]) == []


def test_a_violation_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(violation())) == violation()  # because: our own
