"""Never answers anything."""

import time

time.sleep(60)
