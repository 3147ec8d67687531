"""The option that chooses the version of the specification; one for all commands that have it."""

from __future__ import annotations

from typing import Final

import click

from eventhook_conformance.specification import specification_version, versions

specification_option: Final = click.option(
    "--specification",
    type=click.Choice(versions()),
    default=specification_version(),
    show_default=True,
    help="Version of the specification to ask.",
)
