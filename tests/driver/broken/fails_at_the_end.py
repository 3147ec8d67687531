"""Ends with an exit code of its own."""

import sys

from skeleton import Driver, run

run(Driver)
print("could not flush the log", file=sys.stderr)
sys.exit(3)
