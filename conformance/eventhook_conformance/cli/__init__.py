"""The command line."""

from eventhook_conformance.cli._main import main

__all__ = ["main"]
