"""The zoo: believable bugs, each a few lines over a correct implementation."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants.filtering import FILTERING
from eventhook_reference.mutants.payload import PAYLOAD
from eventhook_reference.mutants.publishing import PUBLISHING
from eventhook_reference.mutants.tenants import TENANTS

ZOO: Final[tuple[Mutant, ...]] = (
    *PUBLISHING,
    *PAYLOAD,
    *FILTERING,
    *TENANTS,
)
