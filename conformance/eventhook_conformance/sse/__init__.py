"""Reads the SSE endpoints of a target, in several independent ways.

    parser.py     the WHATWG rules: bytes in, events out; imports nothing
    client.py     a stream read with httpx, every wait bounded
    independent_readers.py  the same stream read with aiohttp and httpx2
    socket_reader.py  a plain socket, for readers that stall, reset, or leave early
    checks.py     the rules for a stream, as pure functions
    stream.py     one open stream; session.py: all that a case needs
    provisioning.py, traffic.py, resource_meter.py: executions, traffic, what a server holds
    paths.py      the endpoints' paths; forwarding.py: a stream through a proxy of the suite's
    viewer/       a page that shows streams, for `serve --open`
    browser.py    a headless Chromium's EventSource
    fuzzing.py    schemathesis, over schemathesis_runner.py, document.py, asgi_client.py

Importing this package imports only the parser.
"""

from eventhook_conformance.sse.parser import Parser, ServerSentEvent

__all__ = ["Parser", "ServerSentEvent"]
