"""Answers -32603 to everything from its fortieth request on, and whenever it is started again."""

import os
from pathlib import Path

from skeleton import Driver, run

GAVE_IN = Path(os.environ["GAVE_IN"])


class GivesIn(Driver):
    requests = 0

    def gave_in(self):
        self.requests += 1
        if self.requests > 40:
            GAVE_IN.touch()
        return GAVE_IN.exists()

    async def answer(self, request):
        if self.gave_in() and request["method"] not in ("initialize", "shutdown"):
            self.write_error(request, -32603, "out of memory")
        else:
            await super().answer(request)


run(GivesIn)
