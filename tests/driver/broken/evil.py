"""A driver that misbehaves when an event of a type `evil.*` is published; how is its argument.

It loses events of the types `lost.*`.
"""

import asyncio
import os
import select
import signal
import sys

from skeleton import Driver, run

HOW = sys.argv[1]


def raw(line):
    sys.stdout.write(line)
    sys.stdout.flush()


def note(text):
    sys.stderr.write(text + "\n")


class Evil(Driver):
    last = 0
    changed = False

    async def answer(self, request):
        self.last = request["id"]
        await super().answer(request)

    async def publish(self, client, event):
        if str(event.get("event_type")).startswith("evil."):
            note("evil comes")
            await getattr(self, HOW)()
        if str(event.get("event_type")).startswith("lost."):
            return {}
        return await super().publish(client, event)

    async def exits(self):
        note("panicked at line 7")
        os._exit(101)

    async def is_killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    async def hangs(self):
        select.select([], [], [], 60)

    async def prints(self):
        raw("debug: publishing\n")

    async def floods(self):
        block = "x" * 65536
        while True:
            raw(block)

    async def floods_lines(self):
        while True:
            raw("debug\n" * 1000)

    async def floods_stderr(self):
        for _ in range(20_000):
            note("warning: " + "y" * 100)
        os._exit(1)

    async def long_line(self):
        raw('{"jsonrpc":"2.0","id":1,"result":{"pad":"' + "x" * 4_200_000 + '"}}\n')

    async def twice(self):
        self.write({"jsonrpc": "2.0", "id": self.last, "result": {}})

    async def never(self):
        await asyncio.get_running_loop().create_future()

    async def strange_id(self):
        self.write({"jsonrpc": "2.0", "id": 999_999, "result": {}})

    async def batch(self):
        self.write([])

    async def notifies(self):
        self.write({"jsonrpc": "2.0", "method": "log", "params": {}})

    async def both(self):
        error = {"code": -1, "message": "no"}
        self.write({"jsonrpc": "2.0", "id": self.last, "result": {}, "error": error})

    async def bad_utf8(self):
        sys.stdout.buffer.write(b"\xff\xfe\n")
        sys.stdout.flush()

    async def closes_output(self):
        os.close(1)
        await asyncio.sleep(60)

    async def half_a_line(self):
        raw('{"jsonrpc":')
        os._exit(0)

    async def too_many(self):
        self.changed = True

    async def wrong_event(self):
        self.changed = True

    async def wrong_result(self):
        self.changed = True

    async def fault(self):
        raise RuntimeError("index out of range")

    async def next(self, subscription, max, timeout_ms):
        answer = await super().next(subscription, max, timeout_ms)
        if self.changed and answer["events"]:
            if HOW == "too_many":
                answer["events"] *= max + 1
            elif HOW == "wrong_event":
                answer["events"] = [{"id": 1}]
            elif HOW == "wrong_result":
                answer["ended"] = "no"
        return answer


run(Evil)
