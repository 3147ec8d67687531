"""Says hello on standard output."""

import sys

from skeleton import Driver, run

sys.stdout.write("Listening on port 4222\n")
run(Driver)
