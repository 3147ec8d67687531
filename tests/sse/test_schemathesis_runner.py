"""The HTTP client under schemathesis: what HTTP allows is no finding."""

from __future__ import annotations

import socket
import threading
from http import client

import pytest

from eventhook_conformance.sse.schemathesis_runner import read_all_that_http_allows

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
ANSWER = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked \t\r\nCache-Control:\tno-store \t\r\n"
    b"Set-Cookie: a=b \r\nSet-Cookie: c=d\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
)


def answered(content: bytes) -> client.HTTPResponse:
    """Returns the answer to one request of the standard library's client, all of it read."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(content)

        serving = threading.Thread(target=serve)
        serving.start()
        host, port = listening.getsockname()
        asking = client.HTTPConnection(host, port, timeout=30)
        asking.request("GET", "/")
        answer = asking.getresponse()
        assert answer.read() == b"hi"
        asking.close()
        serving.join()
    return answer


def test_informational_answers_and_blanks_after_values_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "parse_headers", client.parse_headers)
    monkeypatch.setattr(client.HTTPConnection, "response_class", client.HTTPResponse)
    read_all_that_http_allows()
    answer = answered(2 * HINTS + ANSWER)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers.get_all("Set-Cookie") == ["a=b", "c=d"]
    assert answer.headers["Link"] is None
