"""A driver that misbehaves once, when a method is called for the n-th time: `hostile.py METHOD MISDEED`."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

from skeleton import Driver, Refusal, run

WHERE, WHAT = sys.argv[1:3]
WHEN = {"publish": 8, "subscribe": 3, "next": 6, "unsubscribe": 2}


def raw(line):
    sys.stdout.write(line)
    sys.stdout.flush()


def block():
    time.sleep(3600)


def start():
    subprocess.Popen(["sleep", "3600"])


class Hostile(Driver):
    def __init__(self):
        super().__init__()
        self.calls, self.request = Counter(), None

    async def answer(self, request):
        self.request = request
        await super().answer(request)

    async def act(self):
        await getattr(self, WHAT)()

    async def raises(self):
        raise ZeroDivisionError("no")

    async def refuses(self):
        raise Refusal(-32004, "no")

    async def exits_0(self):
        os._exit(0)

    async def exits_3(self):
        os.write(2, b"panicked at line 7\n")
        os._exit(3)

    async def is_killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    async def stops(self):
        os.kill(os.getpid(), signal.SIGSTOP)

    async def blocks(self):
        block()

    async def never_answers(self):
        await asyncio.get_running_loop().create_future()

    async def closes_output(self):
        os.close(1)

    async def prints(self):
        raw("debug: here\n")

    async def prints_half(self):
        raw('{"jsonrpc": "2.0", "id": ')
        os._exit(0)

    async def answers_twice(self):
        raw(json.dumps({"jsonrpc": "2.0", "id": self.request["id"], "result": {}}) + "\n")

    async def answers_a_stranger(self):
        raw('{"jsonrpc": "2.0", "id": 999999, "result": {}}\n')

    async def answers_null(self):
        raw("null\n")

    async def floods(self):
        while True:
            raw("x" * 65536)

    async def prints_what_is_no_text(self):
        os.write(1, b"\xff\xfe\x00\x80\n")

    async def answers_in_depth(self):
        raw("[" * 100_000 + "]" * 100_000 + "\n")

    async def answers_with_a_huge_number(self):
        raw('{"jsonrpc": "2.0", "id": ' + "9" * 10_000 + ', "result": {}}\n')

    async def answers_with_a_list(self):
        raw(json.dumps({"jsonrpc": "2.0", "id": self.request["id"], "result": [1]}) + "\n")

    async def answers_nobody(self):
        raw('{"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "what?"}}\n')

    async def fails_without_a_code(self):
        raw(json.dumps({"jsonrpc": "2.0", "id": self.request["id"], "error": "no"}) + "\n")

    async def closes_input(self):
        os.close(0)

    async def goes_deaf(self):
        os.close(0)
        await asyncio.get_running_loop().create_future()

    async def leaves_its_output_to_a_daemon(self):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                block()
        os._exit(0)

    async def closes_errors(self):
        os.close(2)

    async def drips(self):
        for _ in range(20):
            os.write(1, b" ")
            await asyncio.sleep(0.01)

    async def swells(self):
        self.kept = bytearray(b"x") * (1 << 28)

    async def floods_errors(self):
        for _ in range(20_000):
            os.write(2, b"x" * 99 + b"\n")

    async def leaves_a_child(self):
        start()

    async def forks(self):
        if os.fork() == 0:
            block()

    async def ignores_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        threading.Thread(target=time.sleep, args=(3600,)).start()


def _acting(name):
    async def method(self, **parameters):
        self.calls[name] += 1
        if name == WHERE and self.calls[name] == WHEN.get(name, 1):
            await self.act()
        return await getattr(Driver, name)(self, **parameters)

    return method


for one in ("initialize", "open", "publish", "subscribe", "next", "unsubscribe", "close"):
    setattr(Hostile, one, _acting(one))

run(Hostile)
