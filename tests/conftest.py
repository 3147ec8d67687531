"""What all tests of the suite share."""

from __future__ import annotations

pytest_plugins = ["pytester"]
