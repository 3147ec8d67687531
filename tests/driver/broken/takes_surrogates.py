"""Takes lone surrogates for text."""

from skeleton import Driver, driver, run

driver.is_text = lambda value: isinstance(value, str)
run(Driver)
