"""The checks of a driver's protocol, in the order in which a driver is written."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.driver import delivery_checks, request_checks
from eventhook_conformance.driver.check_list import Check

CHECKS: Final[tuple[Check, ...]] = (*delivery_checks.CHECKS, *request_checks.CHECKS)
