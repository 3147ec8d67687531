"""The skeleton of a driver, in Python and with nothing but its standard library.

    eventhook-conformance driver-check python my_bus_driver.py
    eventhook-conformance run "driver:python my_bus_driver.py"

`Bus` is what you replace: four functions over your own client library. Here it is a dict of
callbacks. The rest is the protocol, and what a bare client library does not do: validation, filters,
a bounded buffer for each subscription.

Over 300 lines: one file, to be copied as it is.
"""

import asyncio
import json
import math
import re
import sys
import traceback
from collections import defaultdict, deque
from contextlib import contextmanager, suppress
from uuid import UUID

CAPACITY = {"event": 1024, "stream": 256}
ABOUT = {
    "protocol": 1,
    "name": "my-bus",
    "version": "1.0",
    "language": "Python",
    "capabilities": {"total_order": True, "causal_order": True},
}


class Bus:
    """One client of the bus; all clients share `sinks`."""

    def __init__(self, sinks):
        self.sinks = sinks

    async def send(self, kind, key, body):
        for sink in list(self.sinks[kind, key]):
            sink(body)

    async def attach(self, kind, key, sink):
        self.sinks[kind, key].append(sink)

    async def detach(self, kind, key, sink):
        self.sinks[kind, key].remove(sink)

    async def disconnect(self):
        pass

    def channels(self):
        active = [kind for (kind, _), sinks in self.sinks.items() if sinks]
        return {"events": active.count("event"), "streams": active.count("stream")}


class Refusal(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


@contextmanager
def asked(code):
    """Gives an error of your library the code of what was asked; standard error tells where it arose."""
    try:
        yield
    except Refusal:
        raise
    except Exception as error:  # because: a library raises whatever it likes
        traceback.print_exc()
        raise Refusal(code, f"{type(error).__name__}: {error}") from error


class Subscription:
    """A bounded buffer that drops the oldest."""

    def __init__(self, client, kind, key, admits):
        self.client, self.kind, self.key, self.admits = client, kind, key, admits
        self.events, self.dropped, self.ended = deque(), 0, False
        self.changed = asyncio.Event()

    def sink(self, body):
        event = json.loads(body)
        if self.ended or not self.admits(event):
            return
        if len(self.events) == CAPACITY[self.kind]:
            self.events.popleft()
            self.dropped += 1
        self.events.append(event)
        self.changed.set()

    def end(self, *, discard=False):
        if discard:
            self.events.clear()
        self.ended = True
        self.changed.set()

    async def next(self, most, timeout_ms):
        self.changed.clear()
        if not self.events and not self.ended:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), timeout_ms / 1000)
        events = [self.events.popleft() for _ in range(min(most, len(self.events)))]
        return {"events": events, "ended": self.ended and not events, "dropped": self.dropped}


class Driver:
    def __init__(self):
        self.clients, self.subscriptions, self.closed = {}, {}, set()
        self.names = defaultdict(int)
        self.sinks = defaultdict(list)
        self.down = asyncio.Event()

    async def initialize(self, protocol):
        return ABOUT

    async def open(self, address=None):
        name = self.name("c")
        self.clients[name] = Bus(self.sinks)
        return {"client": name}

    async def close(self, client):
        bus = self.find(self.clients, client)
        if client not in self.closed:
            self.closed.add(client)
            for subscription in self.subscriptions.values():
                if subscription.client == client:
                    subscription.end()
                    await bus.detach(subscription.kind, subscription.key, subscription.sink)
            await bus.disconnect()
        return {}

    async def publish(self, client, event):
        bus = self.bus(client)
        event = checked_event(event)
        with asked(-32003):
            await bus.send("event", event["tenant_id"], json.dumps(event))
        return {}

    async def publish_stream(self, client, event):
        bus = self.bus(client)
        event = checked_stream_event(event)
        with asked(-32003):
            await bus.send("stream", event["workflowExecutionId"], json.dumps(event))
        return {}

    async def subscribe(self, client, pattern):
        bus = self.bus(client)
        pattern = checked_pattern(pattern)
        return await self.attach(
            bus, client, "event", pattern["tenant_id"], lambda event: matches(pattern, event)
        )

    async def subscribe_stream(self, client, workflow_execution_id):
        bus = self.bus(client)
        if not is_name(workflow_execution_id, TOKEN):
            raise Refusal(-32002, f"{workflow_execution_id!r} is no stream's key")
        return await self.attach(bus, client, "stream", workflow_execution_id, lambda _: True)

    async def attach(self, bus, client, kind, key, admits):
        name, subscription = self.name("s"), Subscription(client, kind, key, admits)
        with asked(-32005):
            await bus.attach(kind, key, subscription.sink)
        self.subscriptions[name] = subscription
        return {"subscription": name}

    async def next(self, subscription, max, timeout_ms):
        return await self.find(self.subscriptions, subscription).next(max, timeout_ms)

    async def unsubscribe(self, subscription):
        held = self.find(self.subscriptions, subscription)
        del self.subscriptions[subscription]
        held.end(discard=True)
        if held.client not in self.closed:
            await self.clients[held.client].detach(held.kind, held.key, held.sink)
        return {}

    async def cleanup(self, client):
        self.counting_bus(client)
        return {"removed": 0}

    async def channels(self, client):
        return self.counting_bus(client).channels()

    async def shutdown(self):
        return {}

    def name(self, letter):
        self.names[letter] += 1
        return f"{letter}{self.names[letter]}"

    def find(self, held, name):
        if name not in held:
            raise Refusal(-32602, f"there is no {name!r}")
        return held[name]

    def bus(self, client):
        bus = self.find(self.clients, client)
        if client in self.closed:
            raise Refusal(-32004, f"{client} was closed")
        return bus

    def counting_bus(self, client):
        bus = self.bus(client)
        if not ABOUT["capabilities"].get("introspection", True):
            raise Refusal(-32601, "not supported: introspection is not claimed")
        return bus

    # The protocol

    METHODS = (
        *("initialize", "open", "close", "publish", "publish_stream", "subscribe"),
        *("subscribe_stream", "next", "unsubscribe", "cleanup", "channels", "shutdown"),
    )

    async def answer(self, request):
        try:
            if request["method"] not in self.METHODS:
                raise Refusal(-32601, f"there is no method {request['method']!r}")
            result = await getattr(self, request["method"])(**request["params"])
            self.write({"jsonrpc": "2.0", "id": request["id"], "result": result})
        except Refusal as error:
            self.write_error(request, error.code, str(error))
        except Exception as error:  # because: one request that fails must not end the driver
            traceback.print_exc()
            self.write_error(request, -32603, f"{type(error).__name__}: {error}")
        if request["method"] == "shutdown":
            self.down.set()

    def write_error(self, request, code, message):
        error = {"code": code, "message": message}
        self.write({"jsonrpc": "2.0", "id": request["id"], "error": error})

    def write(self, message):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    async def run(self):
        reader = asyncio.StreamReader(limit=4 * 1024 * 1024)
        protocol = asyncio.StreamReaderProtocol(reader)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
        tasks, down = set(), asyncio.create_task(self.down.wait())
        while True:
            line = asyncio.create_task(reader.readline())
            await asyncio.wait({line, down}, return_when=asyncio.FIRST_COMPLETED)
            if down.done() or not line.result():
                return
            # Requests begin in the order in which they come, and finish in any.
            task = asyncio.create_task(self.answer(json.loads(line.result())))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


# Checks of events and patterns, by the contract

TOKEN = r"[A-Za-z0-9_-]+"
OPTIONAL = ("workflow_execution_id", "task_execution_id")


def is_name(value, form):
    return isinstance(value, str) and re.fullmatch(form, value) and len(value) <= 255


def is_text(value):
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def is_integer(value):
    return type(value) is int and abs(value) < 2**53


def is_json(value):
    if isinstance(value, dict):
        return all(is_text(key) and is_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(is_json, value))
    if isinstance(value, str):
        return is_text(value)
    if type(value) is int:
        return is_integer(value)
    return math.isfinite(value) if isinstance(value, float) else value in (None, True, False)


def uuid(members, name, code, optional=False):
    value = members.get(name)
    if value is None and optional:
        return None
    try:
        return str(UUID(value))
    except (ValueError, TypeError, AttributeError):
        raise Refusal(code, f"{name} is {value!r}, which is no UUID") from None


def demand(code, members, **right):
    for name, holds in right.items():
        if not holds(members.get(name)):
            raise Refusal(code, f"{name} is {members.get(name)!r:.200}, which is not valid")


def checked_event(event):
    demand(
        -32001,
        event,
        event_type=lambda its: is_name(its, rf"{TOKEN}(\.{TOKEN})+"),
        source=is_text,
        timestamp_ms=is_integer,
        correlation_id=lambda its: its is None or is_text(its),
        data=is_json,
    )
    checked = {name: event.get(name) for name in ("event_type", "source", "data")}
    checked |= {name: event.get(name) for name in ("timestamp_ms", "correlation_id")}
    checked |= {name: uuid(event, name, -32001) for name in ("id", "tenant_id")}
    return checked | {name: uuid(event, name, -32001, optional=True) for name in OPTIONAL}


def checked_stream_event(event):
    right = {
        "workflowExecutionId": lambda its: is_name(its, TOKEN),
        "taskExecutionId": is_text,
        "payload": is_text,
        "sequence": is_integer,
        "timestampMs": is_integer,
        "type": lambda its: its in ("TOKEN", "PROGRESS", "DATA", "ERROR"),
    }
    demand(-32001, event, **right)
    return {name: event[name] for name in right}


def checked_pattern(pattern):
    demand(
        -32002,
        pattern,
        event_type_prefix=lambda its: its is None or is_name(its, rf"{TOKEN}(\.{TOKEN})*"),
        source=lambda its: its is None or is_text(its),
    )
    checked = {name: pattern.get(name) for name in ("event_type_prefix", "source")}
    checked |= {name: uuid(pattern, name, -32002, optional=True) for name in OPTIONAL}
    return checked | {"tenant_id": uuid(pattern, "tenant_id", -32002)}


def matches(pattern, event):
    prefix = pattern["event_type_prefix"]
    if prefix is not None and not (event["event_type"] + ".").startswith(prefix + "."):
        return False
    names = ("tenant_id", "source", *OPTIONAL)
    return all(pattern[name] in (None, event[name]) for name in names)


if __name__ == "__main__":
    asyncio.run(Driver().run())
