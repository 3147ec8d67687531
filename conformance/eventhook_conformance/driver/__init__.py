"""The driver protocol: implementations in any language, behind a process that reads and writes lines.

`client` makes a target of a command line, `server` serves a Python target, `check_runner` checks a
driver's protocol alone.
"""
