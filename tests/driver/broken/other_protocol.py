"""Speaks a later protocol."""

from skeleton import Driver, driver, run

driver.ABOUT["protocol"] = 3
run(Driver)
