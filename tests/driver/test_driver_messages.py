"""The protocol's lines: read strictly, put into words if wrong, and as the schema has them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

import eventhook_fixtures
from eventhook_conformance.driver import messages, process
from eventhook_conformance.driver.check_runner import check_driver
from eventhook_conformance.driver.checks import CHECKS
from eventhook_conformance.driver.messages import NotAMessage, read_answer, read_result
from eventhook_conformance.driver.process import DriverProcess
from eventhook_conformance.driver.stderr import Lines, Outlet

SCHEMA = eventhook_fixtures.schema("driver")
PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"hello\n", "'hello', which is no JSON; what is for people belongs on standard error"),
        (b"\xff\n", "which is no UTF-8"),
        (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"result":{}}\n', "behind a byte order mark"),
        (b'[{"jsonrpc":"2.0","id":1,"result":{}}]\n', "a batch; expected one object a line"),
        (b"7\n", "expected an object"),
        (b'{"jsonrpc":"2.0","method":"log"}\n', "a request or a notification"),
        (b'{"id":1,"result":{}}\n', 'without "jsonrpc": "2.0"'),
        (b'{"jsonrpc":"1.0","id":1,"result":{}}\n', 'without "jsonrpc": "2.0"'),
        (b'{"jsonrpc":"2.0","result":{}}\n', "whose id is None"),
        (b'{"jsonrpc":"2.0","id":"1","result":{}}\n', "whose id is '1'"),
        (b'{"jsonrpc":"2.0","id":1.5,"result":{}}\n', "whose id is 1.5"),
        (b'{"jsonrpc":"2.0","id":true,"result":{}}\n', "whose id is True"),
        (b'{"jsonrpc":"2.0","id":1}\n', "has neither a result nor an error"),
        (b'{"jsonrpc":"2.0","id":1,"error":"no"}\n', "has neither a result nor an error"),
        (
            b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}\n',
            "has a result and an error",
        ),
        (b'{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":""}}\n', "an integer"),
        (b'{"jsonrpc":"2.0","id":1,"error":{"code":1}}\n', "an error of"),
        (b"[" * 100_000 + b"\n", "which is no JSON"),
    ],
)
def test_a_line_that_is_no_answer_is_told_why(line: bytes, words: str) -> None:
    with pytest.raises(NotAMessage) as caught:
        read_answer(line)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    assert len(message) < 400
    if not line.startswith((b"\xef", b"\xff", b"hello", b"[[")):
        assert not validator("answer").is_valid(json.loads(line))


def test_right_answers_are_read() -> None:
    answer = read_answer(b'{"jsonrpc":"2.0","id":3,"result":{"client":"c1"},"extra":1}\n')
    assert answer.id == 3
    assert isinstance(answer.result, msgspec.Raw)
    assert read_result("open", answer.result, messages.Opened).client == "c1"
    refused = read_answer(b'{"jsonrpc":"2.0","id":3,"error":{"code":-32001,"message":"no"}}\n')
    assert isinstance(refused.error, messages.Failure)
    assert (refused.error.code, refused.error.message) == (-32001, "no")


@pytest.mark.parametrize(
    ("method", "kind", "wrong"),
    [
        ("open", messages.Opened, {"client": 1}),
        ("open", messages.Opened, {}),
        ("subscribe", messages.Subscribed, {"subscription": None}),
        ("next", messages.Nexts, {"events": [], "ended": False}),
        ("next", messages.Nexts, {"events": {}, "ended": False, "dropped": 0}),
        ("next", messages.Nexts, {"events": [], "ended": 0, "dropped": 0}),
        ("next", messages.Nexts, {"events": [], "ended": False, "dropped": "0"}),
        ("cleanup", messages.Removed, {"removed": 1.5}),
        ("channels", messages.Channels, {"events": 1}),
        ("close", messages.Empty, None),
        ("initialize", messages.Initialized, {"protocol": 1, "name": "x"}),
    ],
)
def test_a_result_of_another_shape_is_told_what_is_right(
    method: str, kind: type[Any], wrong: object
) -> None:
    with pytest.raises(NotAMessage) as caught:
        read_result(method, msgspec.Raw(json.dumps(wrong).encode()), kind)
    assert f"as the result of `{method}`; expected {messages.RESULTS[method]}" in str(caught.value)
    assert not validator(f"{method}_result").is_valid(wrong)


def test_the_schema_knows_every_method() -> None:
    named = {name.removesuffix("_request") for name in SCHEMA["$defs"] if name.endswith("_request")}
    assert named == set(messages.RESULTS)


def test_every_message_of_a_session_is_as_the_schema_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compares all messages between the check and the suite's own driver."""
    asked: dict[int, str] = {}
    wrong: list[str] = []
    seen: set[str] = set()

    def request_line(number: int, method: str, params: bytes) -> bytes:
        line = messages.request_line(number, method, params)
        asked[number] = method
        if method in messages.RESULTS and not validator("request").is_valid(json.loads(line)):
            wrong.append(line.decode()[:300])
        return line

    def take(self: DriverProcess, line: bytes) -> None:
        answer = json.loads(line)
        if not validator("answer").is_valid(answer):
            wrong.append(line.decode()[:300])
        method = asked.get(answer["id"], "")
        if "result" in answer:
            seen.add(method)
            if not validator(f"{method}_result").is_valid(answer["result"]):
                wrong.append(line.decode()[:300])
        original(self, line)

    original = DriverProcess._take
    monkeypatch.setattr(process, "request_line", request_line)
    monkeypatch.setattr(DriverProcess, "_take", take)

    async def look() -> list[str | None]:
        command = [PROGRAM, "driver", "memory-replay"]
        return [one.wrong async for one in check_driver(command, "memory-replay", Outlet())]

    assert asyncio.run(look()) == [None] * (len(CHECKS) + 1)
    assert wrong == []
    assert seen == set(messages.RESULTS)


def test_standard_error_is_passed_through_with_a_label(capfd: pytest.CaptureFixture[str]) -> None:
    async def read(text: bytes) -> Lines:
        reader = asyncio.StreamReader()
        reader.feed_data(text)
        reader.feed_eof()
        lines = Lines("mine", Outlet())
        await lines.read(reader)
        return lines

    lines = asyncio.run(read(b"one\r\ntwo \xff\n\nlast without an end"))
    assert lines.last() == "one | two \\xff | last without an end"
    assert capfd.readouterr().err == (
        "[mine] one\n[mine] two \\xff\n[mine] \n[mine] last without an end\n"
    )
    flood = asyncio.run(read(b"x" * 300_000 + b"\n" + b"y\n" * 5000))
    assert len(flood.last()) < 3000
    shown = capfd.readouterr().err.splitlines()
    assert len(shown) == 2001
    assert shown[-1] == "[mine] (more of its standard error is not shown)"
    assert max(map(len, shown)) < 500


def session(*requests: Any, target: str = "memory") -> list[dict[str, Any]]:
    """Returns the answers of the suite's own driver to those requests, by id."""
    lines = [
        one if isinstance(one, str) else json.dumps({"jsonrpc": "2.0", "id": number, **one})
        for number, one in enumerate(requests, start=1)
    ]
    done = subprocess.run(
        [PROGRAM, "driver", target],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_server_answers_what_is_no_request() -> None:
    answers = session(
        "hello",
        {"method": "dance", "params": {}},
        {"method": "next", "params": {"subscription": "s1", "max": 0, "timeout_ms": 0}},
        {"method": "initialize", "params": {"protocol": 1}},
        {"method": "shutdown", "params": {}},
    )
    by_id = {one["id"]: one for one in answers}
    assert by_id[None]["error"]["code"] == -32600
    assert by_id[2]["error"]["code"] == -32601
    assert by_id[3]["error"]["code"] == -32602
    assert by_id[4]["result"]["capabilities"]["in_process"] is False
    assert by_id[4]["result"]["capabilities"]["profiles"] == ["events", "streams"]
    assert by_id[5]["result"] == {}


def test_what_a_target_prints_is_kept_from_the_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "talks.py").write_text(
        "from eventhook_reference.memory import target\n"
        "print('hello from the import')\n"
        "opened = target.open\n"
        "from eventhook_conformance import Target\n"
        "def open_client():\n"
        "    print('opening', flush=True)\n"
        "    return opened()\n"
        "target = Target('talks', open=open_client)\n"
    )
    monkeypatch.chdir(tmp_path)
    [answer] = session({"method": "open", "params": {"address": None}}, target="talks:target")
    assert answer["result"] == {"client": "c1"}
