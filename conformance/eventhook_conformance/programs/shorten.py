"""Makes shorter programs to try in place of one that breaks a bus.

Hypothesis cannot shorten these: weights are drawn first, and other weights turn the same choices into
other steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from eventhook_conformance.programs.steps import Program, Step


def shorter_programs(program: Program) -> Iterator[Program]:
    """Yields programs that are shorter or plainer, those that leave out most first."""
    size = len(program)
    while size:
        for start in range(0, len(program), size):
            yield program[:start] + program[start + size :]
        size //= 2
    for place, step in enumerate(program):
        for plainer in _plainer_steps(step):
            yield (*program[:place], plainer, *program[place + 1 :])


def _plainer_steps(step: Step) -> Iterator[Step]:
    name, *numbers = step
    if name == "together":
        yields, first, second = numbers
        yield from (first, second)
        if yields:
            yield (name, 0, first, second)
        yield from ((name, yields, plainer, second) for plainer in _plainer_steps(first))
        yield from ((name, yields, first, plainer) for plainer in _plainer_steps(second))
        return
    for place, number in enumerate(numbers):
        if number:
            yield (name, *numbers[:place], 0, *numbers[place + 1 :])
            if number > 1:
                yield (name, *numbers[:place], number - 1, *numbers[place + 1 :])
