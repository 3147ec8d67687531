"""Authenticates readers, parses ids and `Accept`, and words refusals (SSE-06, SSE-17)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from uuid import UUID

from eventhook_conformance.target import Tenant

EVENT_STREAM: Final = "text/event-stream"

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_BEARER: Final = re.compile(r"Bearer +(\S+)", re.IGNORECASE)


class Refused(Exception):
    """The request is answered with a problem (RFC 9457).

    Args:
        status: the HTTP status.
        detail: what was wrong, and what would be right.
        headers: that the answer carries beside its content type.
    """

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Authenticator:
    """Authenticates by bearer tokens, one for each tenant."""

    tokens: Mapping[str, UUID]

    @classmethod
    def of(cls, tenants: Iterable[Tenant]) -> Authenticator:
        """Makes an authenticator that accepts the credentials in the tenants' headers."""
        return cls({bearer(one.headers["Authorization"]) or "": one.id for one in tenants})

    async def authenticate(self, authorization: str | None) -> UUID | None:
        """Returns the tenant whose token the header carries, or None."""
        token = bearer(authorization)
        if not token:
            return None
        given, found = token.encode(), None
        # All are compared, in constant time, so that timing tells nothing of any of them.
        for known, tenant in self.tokens.items():
            if hmac.compare_digest(known.encode(), given):
                found = tenant
        return found


def bearer(authorization: str | None) -> str | None:
    """Returns the token of an `Authorization` header; None if it carries none."""
    match = _BEARER.fullmatch((authorization or "").strip())
    return match[1] if match else None


def parse_id(text: str) -> UUID:
    """Returns an id of the path: a UUID in its hyphenated form, in either case.

    Raises:
        Refused: 400, if it is no such UUID.
    """
    if _UUID.fullmatch(text) is None:
        raise Refused(
            HTTPStatus.BAD_REQUEST,
            f"the id: expected a UUID such as 123e4567-e89b-42d3-a456-426614174000, got {text[:80]!r}",
        )
    return UUID(text)


def accepts_event_stream(accept: str | None) -> bool:
    """Returns whether an `Accept` header admits `text/event-stream`: the most specific range decides."""
    if accept is None or not accept.strip():
        return True
    best = (-1, False)
    for part in accept.lower().split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        rank = {"*/*": 0, "text/*": 1, EVENT_STREAM: 2}.get(media, -1)
        if rank >= 0:
            best = max(best, (rank, not _is_excluded(parameters)))
    return best[1]


def _is_excluded(parameters: Iterable[str]) -> bool:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return re.fullmatch(r"0(\.0{0,3})?", value.strip()) is not None
    return False
