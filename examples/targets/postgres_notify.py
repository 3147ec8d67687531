"""PostgreSQL's LISTEN and NOTIFY as a target, by the kit and asyncpg.

    pip install asyncpg
    eventhook-conformance run postgres_notify:target

It uses the server at DATABASE_URL, or starts one of its own.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

import asyncpg
import servers

from eventhook_conformance import Capabilities, Target
from eventhook_conformance.kit import Adapter, Kind, Sink

# A payload must be shorter than 8000 bytes. Commits that notify queue up behind one lock, and each
# session reads them in that one order.
CLAIMS = Capabilities(
    total_order=True, causal_order=True, introspection=False, max_event_bytes=7999
)

Callback = Callable[[object, int, str, str], None]


def channel(kind: Kind, key: str) -> str:
    """Returns the name of a channel: at most 63 bytes, though a stream's key may be longer."""
    return f"{kind}_{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}"


class PostgresBus(Adapter):
    """One client: a connection to notify, and one to listen on."""

    def __init__(self, url: str) -> None:
        super().__init__(CLAIMS)
        self.url = url
        # A connection does one thing at a time, and refuses a second one.
        self.notifying_turn, self.listening_turn = asyncio.Lock(), asyncio.Lock()

    async def connect(self) -> None:
        self.notifying = await asyncpg.connect(self.url)
        self.listening = await asyncpg.connect(self.url)

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        async with self.notifying_turn:
            await self.notifying.execute(
                "SELECT pg_notify($1, $2)", channel(kind, key), body.decode()
            )

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        def take(connection: object, process: int, channel: str, payload: str) -> None:
            sink(payload.encode())

        def lose(connection: object) -> None:
            sink.lose("the connection to PostgreSQL broke")

        name = channel(kind, key)
        self.listening.add_termination_listener(lose)
        try:
            # Shielded, since asyncpg cancels at the server, which then loses what it was about to
            # notify the others on this connection of.
            await asyncio.shield(self.listen(name, take))
            yield
        finally:
            self.listening.remove_termination_listener(lose)
            await asyncio.shield(self.unlisten(name, take))

    async def listen(self, name: str, take: Callback) -> None:
        async with self.listening_turn:
            # Where the channel is listened to already, what was sent before is still on its way.
            await self.listening.execute("SELECT")
            await self.listening.add_listener(name, take)

    async def unlisten(self, name: str, take: Callback) -> None:
        async with self.listening_turn:
            await self.listening.remove_listener(name, take)

    async def disconnect(self) -> None:
        await self.notifying.close()
        await self.listening.close()


target = Target(
    "postgres-notify",
    server=servers.postgresql,
    connect=PostgresBus,
    capabilities=CLAIMS,
    about=f"asyncpg {version('asyncpg')}",
)
