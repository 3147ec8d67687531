"""The driver protocol: implementations in any language, behind a process that reads and writes lines.

`target` makes a target of a command line, `server` serves a Python target, `check_runner` checks a
driver's protocol alone. A driver that dies is noticed in `process`, and started again in `target`.
"""
