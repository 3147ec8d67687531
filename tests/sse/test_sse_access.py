"""Credentials, ids and `Accept`, as the reference reads them."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from eventhook_reference.sse.access import Authenticator, Refused, accepts_event_stream, parse_id

TENANT = uuid4()


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ("Bearer secret", True),
        ("bearer   secret", True),
        (" Bearer secret ", True),
        (None, False),
        ("", False),
        ("Bearer", False),
        ("Bearer ", False),
        ("secret", False),
        ("Basic secret", False),
        ("Bearer secre", False),
        ("Bearer secrets", False),
        ("Bearer secret, Bearer other", False),
        ("Bearer s\u00e9cret", False),
    ],
)
def test_authenticator(header: str | None, known: bool) -> None:
    found = asyncio.run(Authenticator({"secret": TENANT}).authenticate(header))
    assert found == (TENANT if known else None)


@pytest.mark.parametrize(
    ("accept", "right"),
    [
        (None, True),
        ("", True),
        ("*/*", True),
        ("text/*", True),
        ("Text/Event-Stream", True),
        ("text/html, text/event-stream;q=0.1", True),
        ("text/html", False),
        ("application/*", False),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=0.000, */*", False),
        ("text/*;q=0, */*", False),
        ("text/*;q=0, text/event-stream", True),
        ("nonsense", False),
    ],
)
def test_accept(accept: str | None, right: bool) -> None:
    assert accepts_event_stream(accept) is right


def test_ids() -> None:
    text = "123E4567-e89b-42d3-a456-426614174000"
    assert parse_id(text) == UUID(text)
    for bad in ("", text.replace("-", ""), "{" + text + "}", "urn:uuid:" + text, text + "\n"):
        with pytest.raises(Refused) as caught:
            parse_id(bad)
        assert caught.value.status == 400
