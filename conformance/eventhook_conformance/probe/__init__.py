"""Acts on a bus and observes it for a case: records everything, and bounds every wait."""

from eventhook_conformance.probe.access import Via
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import CaseAborted, NotOffered, Undecided
from eventhook_conformance.probe.listener import Listener
from eventhook_conformance.probe.probe import Probe, Trials
from eventhook_conformance.probe.run_context import RunContext

__all__ = [
    "CaseAborted",
    "Client",
    "Deadline",
    "Listener",
    "NotOffered",
    "Probe",
    "RunContext",
    "Trials",
    "Undecided",
    "Via",
]
