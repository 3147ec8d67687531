"""Makes cases of events run on streams as well, so that each is written once."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from eventhook_conformance.specification import Body, Case, case, requirements


def on_streams(original: Body, module: str, *identifiers: str) -> Body:
    """Returns the same case on the stream side, of these requirements (`STR-06` if none is named).

    It needs what the original and its requirements need.

    Args:
        original: a case whose body takes `side`.
        module: the caller's `__name__`. It has to bind the twin to the original's name with
            `_on_streams`.
        *identifiers: the requirements of the twin.

    Raises:
        ValueError: the original's body does not take `side`.
    """
    function: Any = original
    about: Case = function.__case__
    written: Any = function.__wrapped__
    signature = inspect.signature(written)
    if "side" not in signature.parameters:
        raise ValueError(f"{about.name}: expected a parameter `side`")

    @functools.wraps(written)
    async def body(probe: Any, **parameters: Any) -> None:
        await written(probe, side="streams", **parameters)

    twin: Any = body
    twin.__module__, twin.__name__ = module, f"{written.__name__}_on_streams"
    twin.__qualname__ = twin.__name__
    # pytest finds the names of the parameters here.
    without_side = [one for one in signature.parameters.values() if one.name != "side"]
    twin.__signature__ = signature.replace(parameters=without_side)
    needs = dict(about.needs)
    for identifier in about.requirements:
        needs |= requirements()[identifier].needs
    marked: Any = case(
        *(identifiers or ("STR-06",)),
        implicates=about.implicates,
        needs=needs,
        exclusive=about.exclusive,
        clients=about.clients,
        subscriptions=about.subscriptions,
        deep_subscriptions=about.deep_subscriptions,
        self_contained=about.self_contained,
        since=about.since,
        # Some requirements speak of events, but hold for streams too, if the target has any.
        profile="streams",
    )(twin)
    marked.pytestmark = list(getattr(marked, "pytestmark", []))
    marked.pytestmark += [
        mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"
    ]
    result: Body = marked
    return result
