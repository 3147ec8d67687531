"""The driver protocol: implementations in any language, behind a process that reads and writes lines.

`client` makes a target of a command line, `server` serves a Python target, `checking` looks at a
driver's protocol alone.
"""
