"""Reading the SSE endpoints of a target, in several independent ways.

    parser.py     the WHATWG rules: bytes in, events out; imports nothing
    client.py     a stream read with httpx, every wait bounded
    second.py     the same stream read with aiohttp, by rules written separately
    raw.py        a plain socket, for readers that stall, reset, or leave early
    judging.py    what must hold of a stream; pure
    session.py    all that a case needs, over these; stream.py: one open stream
    provisioning.py, publishing.py, holdings.py: things to look at, traffic, what a server holds
    browser.py    a headless Chromium's EventSource
    fuzzing.py    schemathesis

Importing this package imports none of them but the parser.
"""

from eventhook_conformance.sse.parser import Parser, ServerSentEvent

__all__ = ["Parser", "ServerSentEvent"]
