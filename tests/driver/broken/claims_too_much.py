"""Claims a profile that no driver can."""

from skeleton import Driver, driver, run

driver.ABOUT["capabilities"]["profiles"] = ["events", "nats-wire"]
run(Driver)
