"""Speaks a later protocol."""

from skeleton import Driver, driver, run

driver.ABOUT["protocol"] = 2
run(Driver)
