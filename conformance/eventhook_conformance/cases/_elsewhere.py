"""Cases whose publisher is the subscriber's own client, or another, with nothing sent before."""

from __future__ import annotations

from typing import Final

import pytest

from eventhook_conformance.cases import needs

OTHER: Final = needs(multi_client=True, activation="bus")
"""Only where entering makes active on every client is the first event of another client owed."""

elsewhere: Final = pytest.mark.parametrize("via", ["same", pytest.param("other", marks=OTHER)])
"""Runs a case through the subscriber's own client, and through another."""
