"""Tells whether a target changed the suite that judges it: both share a process.

A seal is made before the target's module is imported. It holds the names of the suite's modules and classes
and the code of its functions, by identity: nothing of the suite changes any of them while it judges.

A change that is undone between two looks is not seen.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from operator import attrgetter, is_
from types import FunctionType
from typing import Any, Final

from eventhook_conformance.specification import Instance

_SUITE: Final = "eventhook_conformance"
_CODE: Final = attrgetter("__code__", "__defaults__", "__kwdefaults__")
_MADE_ANEW: Final = frozenset({"__annotations__", "__annotations_cache__", "__warningregistry__"})
"""Names that the interpreter itself enters when it needs them."""
_NOTHING: Final = object()
_WRAPPERS: Final = frozenset({staticmethod, classmethod, type(cache(is_))})


def _hides_nothing(_: str) -> bool:
    return False


class _Names:
    """The names of a namespace, and what each stood for.

    Args:
        path: of the namespace.
        names: the namespace.
        hides: whether a new name would hide another thing: others are entered by importing a module of a
            package, or by a library that keeps something there.
    """

    def __init__(
        self, path: str, names: Mapping[str, Any], hides: Callable[[str], bool] = _hides_nothing
    ) -> None:
        self._path = path
        self._names = names
        self._hides = hides
        self._before = dict(names)

    def changed(self) -> str | None:
        """Returns a name that stands for another thing than before; None if there is none."""
        before, names = self._before, self._names
        if len(names) == len(before) and all(map(is_, map(names.get, before), before.values())):
            return None
        return next((f"{self._path}.{key}" for key in self._differing()), None)

    def _differing(self) -> Iterator[str]:
        for key, value in self._before.items():
            if self._names.get(key, _NOTHING) is not value and key not in _MADE_ANEW:
                yield key
        for key in self._names.keys() - self._before.keys() - _MADE_ANEW:
            if self._hides(key):
                yield key


class _Code:
    """The code of functions."""

    def __init__(self, functions: Iterable[FunctionType]) -> None:
        self._functions = tuple({one for one in functions if isinstance(one, FunctionType)})
        self._code = tuple(map(_CODE, self._functions))

    def changed(self) -> str | None:
        """Returns a function whose code is another one than before; None if there is none."""
        for function, before in zip(self._functions, self._code, strict=True):
            if not all(map(is_, _CODE(function), before)):
                return f"{function.__module__}.{function.__qualname__}"
        return None


class Seal:
    """Remembers the suite as it is.

    Args:
        cases: all that may run; importing them imports the rest of the suite.
    """

    def __init__(self, cases: Iterable[Instance]) -> None:
        modules = {
            name: vars(module)
            for name, module in sys.modules.items()
            if name == _SUITE or name.startswith(f"{_SUITE}.")
        }
        classes = _classes(modules.values())
        namespaces: list[Mapping[str, Any]] = [*modules.values(), *map(vars, classes)]
        looks: list[Callable[[], str | None]] = [
            _Names(name, names, vars(builtins).__contains__).changed
            for name, names in modules.items()
        ]
        looks += [
            _Names(
                f"{one.__module__}.{one.__qualname__}", vars(one), partial(_inherits, one)
            ).changed
            for one in classes
        ]
        looks += [
            _Names(f"{name}.{key}", table).changed
            for name, names in modules.items()
            for key, table in names.items()
            if type(table) is dict and not key.startswith("__")
        ]
        looks += [_Names(one.id, vars(one), partial(hasattr, type(one))).changed for one in cases]
        looks.append(_Code(_functions(namespaces)).changed)
        self._changed = partial(_first, tuple(looks))

    def broken(self) -> str | None:
        """Returns what of the suite was changed, by its path; None if nothing was."""
        return self._changed()


def _first(looks: Iterable[Callable[[], str | None]]) -> str | None:
    return next((found for look in looks if (found := look()) is not None), None)


def _inherits(kind: type, name: str) -> bool:
    return any(name in vars(base) for base in kind.__mro__[1:])


def _classes(modules: Iterable[Mapping[str, Any]]) -> list[type]:
    """Returns the classes that the suite defines, those within others too."""
    found: dict[type, None] = {}
    left = [value for names in modules for value in names.values()]
    while left:
        value = left.pop()
        if isinstance(value, type) and value.__module__.startswith(_SUITE) and value not in found:
            found[value] = None
            left.extend(vars(value).values())
    return list(found)


def _functions(namespaces: Iterable[Mapping[str, Any]]) -> Iterator[FunctionType]:
    """Returns the functions that namespaces have, those within the usual wrappers too."""
    for names in namespaces:
        for value in names.values():
            kind = type(value)
            if kind is FunctionType:
                yield value
                if (inner := value.__dict__.get("__wrapped__")) is not None:
                    yield inner
            elif kind is property:
                yield from (one for one in (value.fget, value.fset) if one is not None)
            elif kind in _WRAPPERS:
                yield value.__wrapped__
