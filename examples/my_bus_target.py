"""The smallest target: a bus that is at hand already, and what it claims.

    eventhook-conformance run my_bus_target:target

Here the bus is the in-memory reference; put your own `open_my_bus` in its place: an async context
manager that gives one more client (a `StreamingBackend`) of the same bus each time.
"""

from eventhook_conformance import Capabilities, Target
from eventhook_reference.memory import target as reference

open_my_bus = reference.open

target = Target(name="my-bus", open=open_my_bus, capabilities=Capabilities(total_order=True))
