"""The file: read strictly, written in one order, with what people wrote left as it is."""

from __future__ import annotations

import datetime
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from eventhook_conformance.baseline.file import dump, parse, read_baseline, read_either
from eventhook_conformance.baseline.known import Baseline, BrokenBaseline, Entry, Known
from eventhook_conformance.target import Capabilities

FILE = """\
# Ours, and why.
schema = 1
specification = "1.0"

[[target]]
name = "nats"
run = "ours:nats"
claims.profiles = ["events"]
claims.total_order = true

# Fixed upstream, not released.
[[known]]
target = "nats"  # both servers
case = "order::x[same]"
requirements = ["PUB-06"]
reason = "lost in the client's queue"
link = "https://example.org/issues/1"
expires = 2027-01-31

[[known]]
target = "nats"
requirements = ["PUB-07", "PUB-20"]
reason = "never promised"
outcome = "undecided"

# Comes and goes.
[[flaky]]
target = "nats"
case = "pace::y"
requirements = ["PUB-18"]
reason = "slow machines"
"""


def test_a_file_is_read() -> None:
    found = parse(FILE)
    assert found.specification == "1.0"
    assert found.targets["nats"].claims == Capabilities(profiles={"events"}, total_order=True)
    assert found.targets["nats"].run == "ours:nats"
    first, second, third = found.entries
    assert (first.case, first.requirements) == ("order::x[same]", ("PUB-06",))
    assert first.expires == datetime.date(2027, 1, 31)
    assert first.link == "https://example.org/issues/1"
    assert first.line == 12
    assert (second.case, second.outcome, second.flaky) == (None, "undecided", False)
    assert third.flaky


def test_a_file_that_is_saved_again_is_the_same() -> None:
    text = dump(parse(FILE))
    assert sorted(text.splitlines()) == sorted(FILE.splitlines())
    assert dump(parse(text)) == text


def test_comments_stay_with_their_entries_when_others_go_and_come() -> None:
    before = parse(FILE)
    new = Entry(target="nats", case="a::first", requirements=("PUB-01",), reason='a "new" one\n\\')
    after = replace(before, specification="1.1", entries=(new, *before.entries[::2]))
    text = dump(after)
    assert text.startswith('# Ours, and why.\nschema = 1\nspecification = "1.1"\n')
    assert "# Fixed upstream, not released.\n[[known]]" in text
    assert 'target = "nats"  # both servers' in text
    assert "# Comes and goes.\n[[flaky]]" in text
    assert "never promised" not in text
    assert text.index("a::first") < text.index("order::x") < text.index("pace::y")
    assert parse(text).entries[0].reason == 'a "new" one\n\\'


def test_what_is_changed_is_written_anew_and_the_rest_kept() -> None:
    before = parse(FILE)
    changed = replace(before.entries[0], requirements=("PUB-08",), text=None)
    text = dump(replace(before, entries=(changed, *before.entries[1:])))
    found = parse(text).entries[1]
    assert found.requirements == ("PUB-08",)
    assert (found.link, found.expires) == (changed.link, changed.expires)


def test_a_new_file_explains_itself_and_is_read_back() -> None:
    entry = Entry(
        target="x\x00\ud800\x7f", case="a::b", requirements=("PUB-01",), expires=datetime.date.max
    )
    made = Baseline(
        specification="1.0",
        targets={"x": Known(name="x", claims=Capabilities(event_capacity=8))},
        entries=(entry, replace(entry, flaky=True)),
    )
    text = dump(made)
    assert text.startswith("# What is known not to hold.")
    found = parse(text)
    assert found.targets["x"].claims == made.targets["x"].claims
    assert [one.flaky for one in found.entries] == [False, True]
    assert found.entries[0].expires == datetime.date.max
    assert dump(found) == text


def test_text_that_only_looks_like_a_table_loses_comments_but_no_entry() -> None:
    odd = FILE.replace('"never promised"', '"""\n[[known]]\n"""')
    found = parse(odd)
    assert len(found.entries) == 3
    assert all(entry.text is None for entry in found.entries)
    again = parse(dump(found))
    assert [one.reason for one in again.entries] != []
    assert {one.reason for one in again.entries} == {one.reason for one in found.entries}


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("schema = 1", "", "schema is None; right would be 1"),
        ("schema = 1", "schema = 2", "schema is 2"),
        ("schema = 1", "schema = ", "this is no TOML"),
        ("schema = 1", "schema = 1\nknwon = 1", "no member 'knwon'"),
        ('specification = "1.0"', "", "specification is None"),
        ('name = "nats"', "", "line 5: name is None"),
        ("claims.total_order = true", "claims.total_order = 3", "total_order is 3"),
        ('claims.profiles = ["events"]', 'claims.profiles = ["evnts"]', "no such profile"),
        ('reason = "never promised"', "", "line 20: reason is None"),
        ('reason = "never promised"', 'reason = " "', "reason is ' '"),
        ('requirements = ["PUB-06"]', 'requirements = "PUB-06"', "requirements is 'PUB-06'"),
        ('requirements = ["PUB-06"]', "requirements = []", "requirements is"),
        ("expires = 2027-01-31", 'expires = "soon"', "line 12: expires is 'soon'"),
        ("expires = 2027-01-31", "expires = 2027-01-31T10:00:00", "expires is"),
        ('outcome = "undecided"', 'outcome = "passed"', "outcome is 'passed'"),
        ('link = "https', 'lnk = "https', "no member 'lnk'"),
        ("[[flaky]]", '[[target]]\nname = "nats"\n[[flaky]]', "'nats' stands here twice"),
        ("[[flaky]]", "[flaky]", "right would be tables [[flaky]]"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, right: str, wrong: str, reason: str
) -> None:
    assert right in FILE
    path = tmp_path / "known.toml"
    path.write_text(FILE.replace(right, wrong, 1))
    with pytest.raises(BrokenBaseline) as caught:
        read_baseline(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[" * 5000, b'{"results": [1]}', b"null"])
def test_files_that_are_something_else_are_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "known.toml"
    path.write_bytes(content)
    with pytest.raises(BrokenBaseline, match=r"known\.toml"):
        read_either(path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BrokenBaseline, match="cannot be read"):
        read_baseline(tmp_path / "known.toml")


def test_the_file_above_is_toml() -> None:
    assert set(tomllib.loads(FILE)) == {"schema", "specification", "target", "known", "flaky"}
