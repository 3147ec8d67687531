"""`python -m eventhook_conformance`: the command line."""

from eventhook_conformance.cli import main

main()
