"""Payloads and keys that streams have to carry, and keys that they have to refuse."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

import eventhook_fixtures
from eventhook_conformance.contract.grammar import MAX_NAME_BYTES

KIB_64: Final = 65_536
PAYLOADS: Final = (
    "",
    " ",
    "  world",
    "world  ",
    "\tworld",
    "\n",
    "\r",
    "\r\n",
    "one\r\ntwo\r\n\r\nthree\rfour\n\nfive\n",
    "\"double\" 'single' `back` \\ / \\n \\u0041",
    "data: x\nevent: y\nid: 1\n\n: comment",
    '{"type": "ERROR", "payload": null}',
    '{"b": 1,  "a":2, "n":1.0, "e":1e3, "u":"\\u00e9"}',
    "[1,2,  3]",
    *("null", "0", "007", "1.0", "1e3", "-0", "true"),
    *("6BA7B810-9DAD-11D1-80B4-00C04FD430C8", "2024-01-31T00:00:00Z", "NaN"),
    "\x00",
    "\x01\x1b[0m\x7f\x85",
    "a\u2028b\u2029c",
    "\ufeffmark",
    "e\u0301 \u00e9 \u202eabc \u05d0\u05d1",
    "\U0001f469\u200d\U0001f4bb \U0010ffff",
    "x" * KIB_64,
    "0123456789abcd\r\n" * (KIB_64 // 16),
    "\u00e9" * (KIB_64 // 2),
)


def well_formed_keys() -> list[str]:
    """Returns the vectors, each made unique; the longest stay as long as they are."""
    keys = []
    for entry in eventhook_fixtures.load("stream_keys")["valid"]:
        fresh = uuid4().hex
        room = MAX_NAME_BYTES - len(fresh)
        value = entry["value"]
        keys.append((value[:room] + fresh) if len(value) > room else value + fresh)
    return keys


def malformed_keys(key: str) -> list[str]:
    """Returns the vectors, and keys that could widen or cut off a key in use."""
    vectors = [entry["value"] for entry in eventhook_fixtures.load("stream_keys")["invalid"]]
    return [
        *vectors,
        f"{key}.*",
        f"{key}.>",
        f"{key}.",
        f".{key}",
        f"{key} ",
        f" {key}",
        f"{key}\n",
    ]
