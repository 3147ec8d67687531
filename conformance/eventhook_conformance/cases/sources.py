"""PAT-07: uses sources that a lenient comparison takes for one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventhook_conformance.cases._paced import deliver, side_by_side
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_UUID: Final = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
_LONG: Final = "s" * 63

_ALIKE: Final[tuple[tuple[str, ...], ...]] = (
    ("7", "007", "7.0", "+7", " 7", "7e0", "\u0667", "0x7"),
    ("1000", "1e3", "1_000", "1,000"),
    ("a?", "ab", "a", "a??"),
    ("[ab]", "a", "b"),
    ("{a,b}", "a,b", "{a}"),
    ("a.b", "a/b", "a\\b", "a b", "a-b", "a_b", "a:b", "a+b", "a%20b"),
    ("http://a", "http://a/", "HTTP://a", "http://a//", "http://a/."),
    ("\u00e9", "e\u0301", "e", "\u00c9"),
    ("\ufb01", "fi", "\uff46\uff49"),
    ("stra\u00dfe", "strasse", "STRASSE", "stra\u1e9ee"),
    ("i", "I", "\u0130", "\u0131"),
    ("\u03c3", "\u03c2", "\u03a3"),
    ("k", "\u212a", "K"),
    ("a", "a\u200b", "a\ufeff", "a\u00ad", "a\0", "a\0b", "a\u0301"),
    ("a ", "a", " a", "a\t", "a\n", "a\u00a0", "a\u3000", "a\r"),
    ('"a"', "'a'", "a", "`a`"),
    ("&amp;", "&", "&#38;"),
    ("%41", "A", "\\u0041", "\\x41"),
    ("null", "None", "nil", "undefined", "NaN", "true", "True"),
    (_UUID, _UUID.upper(), _UUID.replace("-", ""), f"urn:uuid:{_UUID}", f"{{{_UUID}}}"),
    tuple(_LONG + "s" * more + end for more in (0, 64, 192) for end in ("a", "b", "")),
    ("a", "aa", "aaa", "ba", "ab", "a:a", "a.a"),
    ("", " ", "\u200b", "*", ">", "%", "_", ".*", "0"),
)


@case("PAT-07", implicates={"unmatched", "lost", "lost-first"}, subscriptions=60)
async def sources_that_are_nearly_alike_stay_apart(probe: Probe) -> None:
    """Uses sources that differ in case, blanks, accents, numbers or length: each selects its own events."""
    await side_by_side(probe, (_stay_apart(probe, some) for some in _ALIKE), each=10)


async def _stay_apart(probe: Probe, sources: Sequence[str]) -> None:
    tenant = probe.make.tenant()
    events = probe.make.fitting(probe.make.event(tenant, source=one) for one in sources)
    listeners = [
        await probe.subscribe(EventPattern(tenant_id=tenant, source=one.source)) for one in events
    ]
    await deliver(probe, events, *listeners)
    for listener in listeners:
        await listener.leave()
