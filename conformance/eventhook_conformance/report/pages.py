"""Finds the page of a requirement on the documentation's site."""

from __future__ import annotations

import re
from typing import Final

_ADDRESS: Final = re.compile(r"https?://\S+|(?![a-zA-Z][\w+.-]*:)\S[^\x00-\x1f]*")


def page_of(identifier: str, docs_url: str) -> str:
    """Returns the address of a requirement's page."""
    return f"{docs_url.rstrip('/')}/requirements/{identifier}.html"


def check_docs_url(docs_url: str) -> str:
    """Returns the address if a page may link to it: of the web, or a path.

    Raises:
        ValueError: it is neither, such as `javascript:`.
    """
    if _ADDRESS.fullmatch(docs_url):
        return docs_url
    raise ValueError(f"expected an http address or a path, got {docs_url!r}")
