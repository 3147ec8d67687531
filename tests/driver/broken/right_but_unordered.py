"""Not broken: each second event passes the one before it; order is for the bus to promise."""

from skeleton import Driver, driver, run


class Unordered(driver.Subscription):
    def sink(self, body):
        super().sink(body)
        if len(self.events) % 2 == 0:
            self.events.rotate(1)


driver.Subscription = Unordered
run(Driver)
