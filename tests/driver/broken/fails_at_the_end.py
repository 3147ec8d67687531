"""Ends with an exit code of its own."""

import sys

from skeleton import Driver, run

run(Driver)
sys.stderr.write("could not flush the log\n")
sys.exit(3)
