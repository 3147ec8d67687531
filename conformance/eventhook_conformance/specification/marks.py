"""Marks for the parameters of cases. This module alone of the specification needs pytest."""

from __future__ import annotations

from typing import Any, Final

import pytest


def needs(**capabilities: Any) -> pytest.MarkDecorator:
    """Returns a mark for one set of parameters: it applies only where these are claimed."""
    return pytest.mark.needs(**{name: (value,) for name, value in capabilities.items()})


OTHER: Final = needs(multi_client=True, activation="bus")
"""Only where entering makes active on every client is the first event of another client owed."""

via: Final = pytest.mark.parametrize("via", ["same", pytest.param("other", marks=OTHER)])
"""Runs a case through the subscriber's own client, and through another."""
