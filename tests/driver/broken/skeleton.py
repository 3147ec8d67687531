"""The skeleton driver of the examples, for the broken ones to break."""

import asyncio
import importlib.util
import sys
from pathlib import Path

_FILE = Path(__file__).parents[3] / "examples" / "drivers" / "skeleton" / "driver.py"
_SPEC = importlib.util.spec_from_file_location("skeleton_driver", _FILE)
driver = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(driver)

Driver = driver.Driver
Refusal = driver.Refusal


def run(kind):
    """Runs a driver of that class."""
    try:
        asyncio.run(kind().run())
    except KeyboardInterrupt:
        sys.exit(130)
