"""The HTTP client under schemathesis: what HTTP allows is no finding."""

from __future__ import annotations

import socket
import threading
from http import client

import pytest
from requests import adapters, exceptions, sessions

from eventhook_conformance.sse.schemathesis_runner import (
    read_all_that_http_allows,
    send_as_the_server_allows,
)

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


def ask_three_times(method: str, kept: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Asks a server that closes each connection at its second request; returns the statuses.

    Args:
        method: of the requests.
        kept: how many requests a connection answers; with 0 none is answered.
        monkeypatch: takes back what is changed of the client.
    """
    monkeypatch.setattr("requests.sessions.HTTPAdapter", adapters.HTTPAdapter)
    send_as_the_server_allows()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    for _ in range(kept):
                        connection.recv(65536)
                        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                    connection.recv(65536)

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        host, port = listening.getsockname()
        try:
            with sessions.Session() as session:
                session.trust_env = False
                url = f"http://{host}:{port}/"
                return [session.request(method, url, timeout=30).status_code for _ in range(3)]
        finally:
            listening.shutdown(socket.SHUT_RDWR)


def test_what_a_kept_connection_did_not_answer_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert ask_three_times("HEAD", 1, monkeypatch) == [204, 204, 204]


@pytest.mark.parametrize(("method", "kept"), [("HEAD", 0), ("POST", 1)])
def test_a_new_connection_without_an_answer_is_a_finding_and_no_post_is_repeated(
    method: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(exceptions.ConnectionError):
        ask_three_times(method, kept, monkeypatch)
