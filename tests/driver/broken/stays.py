"""Does not end when it is told to."""

import time

from skeleton import Driver, run

run(Driver)
time.sleep(60)
