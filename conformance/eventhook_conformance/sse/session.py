"""Gives an SSE case executions, readers and fences, and judges its streams at the end.

    async with sse_session(probe, implicates={"lost"}) as sse:
        workflow = await sse.workflow()
        stream = await sse.stream("workflow", workflow)
        token = sse.token(workflow, " world")
        await sse.publish(token)
        await stream.receive(token)

On leaving, every stream is compared with all that was published, also where the case did not look.

Over 300 lines: one object is all that an SSE case needs to know.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID

from eventhook_conformance.contract import FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe, Undecided, Via
from eventhook_conformance.sse.checks import Breach, Wanted
from eventhook_conformance.sse.client import Answer, HttpClient
from eventhook_conformance.sse.executions import Executions
from eventhook_conformance.sse.judging import judge_stream
from eventhook_conformance.sse.paths import PATHS, StreamKind
from eventhook_conformance.sse.provisioning import Provisioner
from eventhook_conformance.sse.published import Published, as_delivered
from eventhook_conformance.sse.stream import Stream
from eventhook_conformance.target import HttpTarget, Tenant

FENCE: Final = "suite.fence"


class Sse:
    """Does what a case asks for; made by `sse_session`."""

    def __init__(self, probe: Probe, target: HttpTarget, http: HttpClient) -> None:
        self.probe = probe
        self.target = target
        self.http = http
        self.streams: list[Stream] = []
        self._executions = Executions(Provisioner(probe, target), target.tenants)
        # Sequences are unique within a case, so that a stream's `id` says which event it was.
        self._sequences = itertools.count(probe.random.randrange(1_000, 1_000_000))
        self._known: Published | None = None
        self._vias: list[Via] = ["same"]
        self._payloads: set[str] = set()

    # Things to look at

    @property
    def tenants(self) -> Sequence[Tenant]:
        """The two tenants of the target."""
        return self.target.tenants

    async def workflow(self, tenant: int = 0) -> UUID:
        """Makes a fresh workflow."""
        return await self._executions.make(tenant, "workflow")

    async def child(self, parent: UUID, tenant: int = 0) -> UUID:
        """Makes a fresh child of a workflow; the event that tells of it is the case's to publish."""
        return await self._executions.make(tenant, "child", parent)

    async def task(self, tenant: int = 0, workflow: UUID | None = None) -> UUID:
        """Makes a fresh task, standalone unless a workflow is given."""
        return await self._executions.make(tenant, "task", workflow)

    # Events

    def token(
        self,
        key: UUID,
        payload: str = "token",
        event_type: StreamEventType = StreamEventType.TOKEN,
        *,
        task: UUID | None = None,
    ) -> StreamEvent:
        """Makes a stream event with a sequence of its own.

        Where its `id` on the wire is opaque, an equal payload is told apart by its number.
        """
        sequence = next(self._sequences)
        if self.target.replay is not None and as_delivered(payload) in self._payloads:
            payload = f"{payload} ({sequence})"
        self._payloads.add(as_delivered(payload))
        return self.probe.make.stream_event(
            str(key),
            payload,
            event_type,
            task="" if task is None else str(task),
            sequence=sequence,
        )

    def event(
        self,
        workflow: UUID | None,
        event_type: str = "task.created",
        *,
        task: UUID | None = None,
        data: Any = None,
        tenant: int | None = None,
    ) -> FlovynEvent:
        """Makes a lifecycle event of that workflow's (or task's) tenant."""
        known = self._executions.tenant_of(workflow or task)
        tenant_id = self.tenants[tenant or 0].id if tenant is not None or known is None else known
        return self.probe.make.event(
            tenant_id, event_type, source="system", workflow=workflow, task=task, data=data
        )

    async def publish(self, *events: Event, via: Via = None) -> None:
        """Publishes one after the other on the bus, as one publisher."""
        if via is not None and via not in self._vias:
            self._vias.append(via)
        await self.probe.publish(*events, via=via)

    def published(self) -> Published:
        """Returns all publishes so far."""
        if self._known is None:
            self._known = Published((), opaque=self.target.replay is not None)
        self._known.add(self.probe.history.publishes[len(self._known.all) :])
        return self._known

    # Requests

    def path(self, kind: StreamKind, id: object = "", tenant: int = 0) -> str:
        """Returns the path of an endpoint, with the given id."""
        text = quote(str(id), safe="")
        return self.tenants[tenant].base_path + PATHS[kind].replace("{id}", text)

    def query(self, types: str | Sequence[str] | None) -> str:
        """Returns `types` as a query; a sequence gives the parameter several times."""
        if types is None:
            return ""
        values = [types] if isinstance(types, str) else types
        return "?" + urlencode([("types", value) for value in values], quote_via=quote, safe=",*")

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str | bytes] | None = None
    ) -> Answer:
        """Returns an answer as a whole; of a stream, its headers.

        Raises:
            CaseAborted: it did not come in time.
        """
        remark = self.probe.history.remark("http", f"{method} {path}")
        answer = await self.probe.returns(
            self.http.ask(method, path, headers or {}), f"the answer to {method} {path}"
        )
        remark.returned, remark.result = self.probe.history.clock.now(), str(answer.status)
        return answer

    async def stream(
        self,
        kind: StreamKind,
        id: UUID | None = None,
        *,
        types: str | Sequence[str] | None = None,
        selects: Callable[[Event], bool] = lambda event: True,
        fence_type: str = FENCE,
        tenant: int = 0,
        headers: Mapping[str, str] | None = None,
        id_text: str | None = None,
        query: str | None = None,
        base_url: str | None = None,
        resumes: Collection[int] | None = None,
        shared: bool = False,
    ) -> Stream:
        """Opens a stream; its headers have arrived when this returns.

        Args:
            kind: of endpoint.
            id: of the workflow or task; None for the tenant's own stream.
            types: the parameter; several values give it several times.
            id_text: the id as the path has it, if not in lower case.
            query: the query as it is sent, in place of `types`.
            base_url: of a replica, if not the target's own.
            resumes: the numbers of the publishes that its reader has, where the request says so.
            shared: over HTTP/2, on one connection with the others that are.
            selects: which events that asks for.
            fence_type: of lifecycle events that it asks for.
            tenant: whose path and credentials.
            headers: beside the tenant's.

        Raises:
            CaseAborted: the answer is no 200, or did not come in time.
        """
        probe, number = self.probe, len(self.streams) + 1
        asked = self.query(types) if query is None else query
        path = self.path(kind, id_text or ("" if id is None else id), tenant) + asked
        every = {**self.tenants[tenant].headers, **(headers or {})}
        requested = probe.history.remark(f"r{number}", f"GET {path}")
        closing = AsyncExitStack()
        reading = await probe.returns(
            closing.enter_async_context(
                self.http.stream((base_url or "").rstrip("/") + path, every, shared=shared)
            ),
            f"the answer to GET {path}",
        )
        requested.returned, requested.result = reading.opened, str(reading.status)
        wanted = Wanted(
            self._executions.carrier(kind, id, self.tenants[tenant].id),
            selects,
            self.tenants[tenant].id,
            kind == "consolidated",
            self.target.replay,
            resumes is not None,
            frozenset(resumes or ()),
        )
        stream = Stream(
            probe,
            self.published,
            wanted,
            reading,
            f"r{number}{asked}",
            requested,
            lambda: self._fences_for(kind, id, tenant, fence_type),
            closing,
        )
        self.streams.append(stream)
        if reading.status != 200:
            raise probe.aborted("the stream to open with 200", f"{reading.status}", requested)
        return stream

    # Fences

    async def fence(self, *streams: Stream) -> None:
        """Proves that nothing earlier can come on these streams: the next event of each side has (SSE-10).

        Raises:
            CaseAborted: a fence did not arrive.
        """
        for via in self._vias:
            fences = [(stream, self.due(stream)) for stream in streams]
            every = [fence for _, due in fences for fence in due]
            first = len(self.probe.history.publishes)
            await self.publish(*every, via=via)
            for publish in self.probe.history.publishes[first:]:
                publish.purpose = "fence"
            for stream, due in fences:
                await stream.receive(*due)

    def due(self, stream: Stream) -> list[Event]:
        """Returns fresh events of which the stream should show each: one for each side and workflow."""
        due: dict[tuple[type[Event], object], Event] = {}
        for fence in stream.fences():
            if stream.wanted.takes(fence):
                due.setdefault((type(fence), fence.workflow_execution_id), fence)
        return list(due.values())

    def _fences_for(
        self, kind: StreamKind, id: UUID | None, tenant: int, event_type: str
    ) -> list[Event]:
        """Makes an event for each side of each workflow that the stream carries."""
        if kind == "tenant" or id is None:
            return [self.event(None, event_type, tenant=tenant)]
        if kind == "task":
            workflow = self._executions.workflow_of(id)
            return [
                self.event(workflow, event_type, task=id),
                *self._streamed(workflow or id, task=id),
            ]
        family = self._executions.family(id) if kind == "consolidated" else [id]
        events: list[Event] = []
        for member in family:
            events += [self.event(member, event_type), *self._streamed(member)]
        return events

    def _streamed(self, key: UUID, task: UUID | None = None) -> list[Event]:
        """Makes one of each type: which of them a stream takes, its `types` says."""
        return [self.token(key, "fence", kind, task=task) for kind in StreamEventType]

    # Judging

    def judge(self, implicates: Collection[Breach]) -> None:
        """Compares every stream with all that was published."""
        for stream in self.streams:
            judge_stream(self.probe, stream, self.published(), implicates)


@asynccontextmanager
async def sse_session(
    probe: Probe, *, implicates: Collection[Breach] = (), via: Via = None
) -> AsyncIterator[Sse]:
    """Opens a session for one case; on leaving, closes its streams and judges them.

    Args:
        probe: the case's.
        implicates: breaches that, seen in this case, break its own requirements too.
        via: over whose bus the server stands.

    Raises:
        CaseAborted: the target's HTTP side cannot be entered.
        Undecided: what reads streams is not installed.
    """
    need("httpx")
    target = await probe.http(via)
    if target.http2:
        need("h2")
    http = HttpClient(target.base_url, probe.history.clock, http2=target.http2)
    session = Sse(probe, target, http)
    async with AsyncExitStack() as leaving:
        leaving.push_async_callback(http.aclose)
        try:
            yield session
        finally:
            session.judge(implicates)
            # Every stream is closed, also where closing one of them raises.
            for stream in session.streams:
                leaving.push_async_callback(stream.leave)


def need(module: str, extra: str = "sse") -> None:
    """Says which extra is missing.

    Raises:
        Undecided: the module is not installed.
    """
    if importlib.util.find_spec(module) is None:
        raise Undecided(
            f"this case needs {module}: pip install 'eventhook-conformance[{extra}]'", "suite"
        )
