"""Says hello on standard output."""

from skeleton import Driver, run

print("Listening on port 4222", flush=True)
run(Driver)
