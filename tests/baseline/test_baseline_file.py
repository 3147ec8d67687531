"""The file: read strictly, written in one order, with what people wrote left as it is."""

from __future__ import annotations

import datetime
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from eventhook_conformance.baseline.file import parse, read_baseline, read_either
from eventhook_conformance.baseline.file_writer import dump
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


def test_a_file_without_a_table_is_read() -> None:
    assert parse('schema = 1\nspecification = "1.0"\n').entries == ()


def test_a_file_that_is_saved_again_is_the_same() -> None:
    text = dump(parse(FILE))
    assert text == FILE


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
    assert text.index("order::x") < text.index("a::first") < text.index("pace::y")
    assert parse(text).entries[1].reason == 'a "new" one\n\\'


def test_a_change_is_written_into_the_text_as_it_stands() -> None:
    before = parse(FILE)
    first, *others = before.entries
    changed = replace(first, requirements=("PUB-08",), expires=None)
    text = dump(replace(before, entries=(changed, *others)))
    expected = FILE.replace('["PUB-06"]', '["PUB-08"]').replace("expires = 2027-01-31\n", "")
    assert text == expected


def test_a_known_failure_turns_flaky_with_its_comments() -> None:
    before = parse(FILE)
    first, *others = before.entries
    text = dump(replace(before, entries=(replace(first, flaky=True), *others)))
    assert text == FILE.replace("[[known]]", "[[flaky]]", 1)
    assert [entry.flaky for entry in parse(text).entries] == [False, True, True]


def test_a_claim_that_changes_leaves_the_others_as_they_stand() -> None:
    before = parse(FILE.replace("total_order = true", "total_order = true  # by partition"))
    known = before.targets["nats"]
    claims = Capabilities(profiles={"events"}, total_order=True, event_capacity=8)
    text = dump(replace(before, targets={"nats": replace(known, claims=claims, run="nats:ours")}))
    assert "claims.total_order = true  # by partition\n" in text
    assert parse(text).targets["nats"].claims == claims
    assert parse(text).targets["nats"].run == "nats:ours"


@pytest.mark.parametrize(
    "order",
    [("target", "known", "flaky"), ("flaky", "target", "known"), ("known", "flaky", "target")],
)
def test_the_order_of_a_file_stays_with_each_comment_above_its_table(
    order: tuple[str, ...],
) -> None:
    tables = {
        "target": '# T\n[[target]]\nname = "nats"\nclaims.profiles = ["events"]\n',
        "known": '# K\n[[known]]\ntarget = "nats"\nrequirements = ["PUB-01"]\nreason = "r"\n',
        "flaky": '# F\n[[flaky]]\ntarget = "nats"\nrequirements = ["PUB-02"]\nreason = "r"\n',
    }
    blocks = [*(tables[kind] for kind in order), tables["known"].replace("PUB-01", "PUB-03")]
    text = "\n".join(['schema = 1\nspecification = "1.0"\n', *blocks])
    assert dump(parse(text)) == text


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
    assert text.startswith("# Known failures.")
    found = parse(text)
    assert found.targets["x"].claims == made.targets["x"].claims
    assert [one.flaky for one in found.entries] == [False, True]
    assert found.entries[0].expires == datetime.date.max
    assert dump(found) == text


def test_text_that_only_looks_like_a_table_is_none() -> None:
    odd = FILE.replace('"never promised"', '"""\n[[known]]\n"""')
    assert [entry.reason for entry in parse(odd).entries] == [
        "lost in the client's queue",
        "[[known]]\n",
        "slow machines",
    ]
    assert dump(parse(odd)) == odd


def test_tables_written_in_another_way_lose_comments_but_no_entry() -> None:
    odd = 'known = [{ target = "nats", requirements = ["PUB-01"], reason = "r" }]\n' + FILE.replace(
        "[[known]]", "[[flaky]]"
    )
    found = parse(odd)
    assert [entry.text for entry in found.entries] == [None] * 4
    again = parse(dump(found))
    assert again.entries[0].reason == "r"
    assert len(again.entries) == 4


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("schema = 1", "", "expected schema = 1, got None"),
        ("schema = 1", "schema = 2", "got 2"),
        ("schema = 1", "schema = ", "expected TOML"),
        ("schema = 1", "schema = 1\nknwon = 1", "got 'knwon'"),
        ('specification = "1.0"', "", "text for specification, got None"),
        ('name = "nats"', "", "line 5: expected text for name, got None"),
        ("claims.total_order = true", "claims.total_order = 3", "total_order is 3"),
        ('claims.profiles = ["events"]', 'claims.profiles = ["evnts"]', "expected a profile of"),
        ('reason = "never promised"', "", "line 20: expected text for reason, got None"),
        ('reason = "never promised"', 'reason = " "', "got ' '"),
        ('requirements = ["PUB-06"]', 'requirements = "PUB-06"', "got 'PUB-06'"),
        ('requirements = ["PUB-06"]', "requirements = []", "got []"),
        (
            "expires = 2027-01-31",
            'expires = "soon"',
            "line 12: expected a date for expires, such as 2027-01-31, got 'soon'",
        ),
        ("expires = 2027-01-31", "expires = 2027-01-31T10:00:00", "expected a date"),
        ('outcome = "undecided"', 'outcome = "passed"', "got 'passed'"),
        ('link = "https', 'lnk = "https', "got 'lnk'"),
        ("[[flaky]]", '[[target]]\nname = "nats"\n[[flaky]]', "'nats' is defined twice"),
        ("[[flaky]]", "[flaky]", "expected tables [[flaky]]"),
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


def test_the_file_that_the_documents_show_can_be_read() -> None:
    page = Path(__file__).parents[2] / "docs" / "baseline.md"
    _, _, rest = page.read_text(encoding="utf-8").partition("```toml\n")
    shown, _, _ = rest.partition("```")
    assert len(parse(shown).entries) == 1
    with pytest.raises(BrokenBaseline, match="expected schema = 1"):
        parse(shown.replace("schema = 1\n", ""))
