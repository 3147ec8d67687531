"""The target `nats-server`: the workflow engine and the SSE server over NATS."""

from __future__ import annotations

from typing import Final

from eventhook_reference import nats
from eventhook_reference.servers import with_servers

nats_server: Final = with_servers(nats.target, "nats-server")
