"""JSON values that refuse to change, so that one copy serves every subscriber (EVT-04).

They are a `dict` and a `list` to all who read: `isinstance`, `==`, `json.dumps` and msgspec see no
difference, slices and `copy()` are plain. A copied or pickled value comes out plain and mutable.
"""

from __future__ import annotations

import copy
from typing import Any, Final, NoReturn

CONTAINERS: Final = (dict, list)


def _refuse(self: object, *args: object, **named: object) -> NoReturn:
    raise TypeError(
        "the data of a delivered event cannot be changed; copy.deepcopy(data) gives one that can"
    )


class FrozenDict(dict[str, Any]):
    """A JSON object that cannot be changed."""

    __slots__ = ()

    __setitem__ = __delitem__ = _refuse
    __ior__ = _refuse
    update = clear = pop = popitem = setdefault = _refuse

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: copy.deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class FrozenList(list[Any]):
    """A JSON array that cannot be changed."""

    __slots__ = ()

    __setitem__ = __delitem__ = _refuse
    __iadd__ = __imul__ = _refuse
    append = extend = insert = remove = pop = clear = sort = reverse = _refuse

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [copy.deepcopy(value, memo) for value in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


def freeze(value: Any) -> Any:
    """Returns a copy that cannot change and shares nothing that can; a frozen value comes back itself."""
    kind = type(value)
    if kind is FrozenDict or kind is FrozenList:
        return value
    if isinstance(value, dict):
        frozen = FrozenDict(value)
        for key, item in value.items():
            if isinstance(item, CONTAINERS):
                dict.__setitem__(frozen, key, freeze(item))
        return frozen
    if isinstance(value, list):
        return FrozenList(
            [freeze(item) if isinstance(item, CONTAINERS) else item for item in value]
        )
    return value
