"""A bus with a famous bug: a subscription becomes active at its first read, after the work has begun.

eventhook-conformance run lazy_bus_target:target -k first_event_is_never_lost
"""

from eventhook_conformance.selftest.examine import registered_mutants

target = registered_mutants()["subscribes-at-the-first-read"].target()
