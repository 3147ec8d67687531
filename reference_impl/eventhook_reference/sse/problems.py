"""Refusals as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from eventhook_reference.sse.access import Refused

PROBLEM: Final = "application/problem+json"


def problem(refused: Refused) -> Response:
    """Returns the answer that says why."""
    body = {
        "type": "about:blank",
        "title": refused.status.phrase,
        "status": int(refused.status),
        "detail": refused.detail,
    }
    return JSONResponse(
        body, status_code=refused.status, headers=refused.headers, media_type=PROBLEM
    )


async def answer_refused(request: Request, error: Exception) -> Response:
    """Answers a refusal of the application."""
    assert isinstance(error, Refused)  # noqa: S101  # because: registered for nothing else
    return problem(error)


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Answers a refusal of the framework: an unknown path or a wrong method."""
    assert isinstance(error, HTTPException)  # noqa: S101  # because: registered for nothing else
    return problem(Refused(HTTPStatus(error.status_code), error.detail, error.headers))
