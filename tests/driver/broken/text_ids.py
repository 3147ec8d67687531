"""Answers with ids as text."""

from skeleton import Driver, run


class TextIds(Driver):
    def write(self, message):
        super().write({**message, "id": str(message["id"])})


run(TextIds)
