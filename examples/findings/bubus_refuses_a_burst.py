"""bubus takes 50 events at once and refuses the next (PUB-18): a burst fails, however fast its readers."""

import asyncio
import os
import sys

os.environ.setdefault("BUBUS_LOGGING_LEVEL", "CRITICAL")

from bubus import BaseEvent, EventBus


class News(BaseEvent[None]):
    number: int


async def main() -> int:
    bus, refused = EventBus(), ""
    bus.on(News, lambda news: None)
    for number in range(200):
        try:
            bus.dispatch(News(number=number))
        except RuntimeError as error:
            refused = f"{number} taken, then {error}"
            break
    await bus.stop(clear=True, timeout=1)
    print(f"expected 200 events at once to be taken; seen: {refused or 'all taken'}")
    return 0 if refused else 1


sys.exit(asyncio.run(main()))
