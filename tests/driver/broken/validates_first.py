"""A closed client still looks at the event first."""

from skeleton import Driver, driver, run


class ValidatesFirst(Driver):
    async def publish(self, client, event):
        driver.checked_event(event)
        return await super().publish(client, event)


run(ValidatesFirst)
