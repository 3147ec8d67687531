"""JSON values that refuse to change and otherwise behave like plain ones."""

import copy
import json
import operator
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from eventhook_reference.frozen import FrozenDict, FrozenList, freeze

VALUE: dict[str, Any] = {"a": [1, {"b": None}], "": {}, "x.y": [[], "text", 1.5, True]}

DICT_CHANGES: dict[str, Callable[[Any], object]] = {
    "setitem": lambda d: operator.setitem(d, "a", 1),
    "delitem": lambda d: operator.delitem(d, "a"),
    "ior": lambda d: d.__ior__({"a": 1}),
    "update": lambda d: d.update(a=1),
    "clear": lambda d: d.clear(),
    "pop": lambda d: d.pop("a"),
    "popitem": lambda d: d.popitem(),
    "setdefault": lambda d: d.setdefault("new", 1),
}
LIST_CHANGES: dict[str, Callable[[Any], object]] = {
    "setitem": lambda x: operator.setitem(x, 0, 1),
    "setslice": lambda x: operator.setitem(x, slice(0, 1), []),
    "delitem": lambda x: operator.delitem(x, 0),
    "iadd": lambda x: x.__iadd__([1]),
    "imul": lambda x: x.__imul__(2),
    "append": lambda x: x.append(1),
    "extend": lambda x: x.extend([1]),
    "insert": lambda x: x.insert(0, 1),
    "remove": lambda x: x.remove(1),
    "pop": lambda x: x.pop(),
    "clear": lambda x: x.clear(),
    "sort": lambda x: x.sort(),
    "reverse": lambda x: x.reverse(),
}


@pytest.mark.parametrize("change", DICT_CHANGES.values(), ids=DICT_CHANGES)
def test_object_refuses_every_change(change: Callable[[Any], object]) -> None:
    frozen = freeze(VALUE)
    with pytest.raises(TypeError, match="deepcopy"):
        change(frozen)
    assert frozen == VALUE


@pytest.mark.parametrize("change", LIST_CHANGES.values(), ids=LIST_CHANGES)
def test_array_refuses_every_change(change: Callable[[Any], object]) -> None:
    frozen = freeze(VALUE["a"])
    with pytest.raises(TypeError, match="deepcopy"):
        change(frozen)
    assert frozen == VALUE["a"]


def test_what_is_nested_is_frozen_too() -> None:
    with pytest.raises(TypeError):
        freeze(VALUE)["a"][1]["b"] = 1


def test_no_method_of_dict_or_list_is_forgotten() -> None:
    known = {"__init__", "__init_subclass__", "__class_getitem__", "__new__", "__reversed__"}
    for frozen, plain in ((FrozenDict, dict), (FrozenList, list)):
        inherited = {name for name in vars(plain) if name not in vars(frozen)} - known
        reading = {"get", "keys", "values", "items", "copy", "fromkeys", "index", "count"}
        assert {name for name in inherited if not name.startswith("__")} <= reading


def test_changing_the_original_changes_nothing_frozen() -> None:
    original = {"a": [1, {"b": 2}]}
    frozen = freeze(original)
    original["a"].append(3)
    original["a"][1]["b"] = 3  # type: ignore[index]
    assert frozen == {"a": [1, {"b": 2}]}


def test_reads_as_plain_json() -> None:
    frozen = freeze(VALUE)
    assert isinstance(frozen, dict)
    assert isinstance(frozen["a"], list)
    assert frozen == VALUE
    assert json.loads(json.dumps(frozen)) == VALUE
    assert msgspec.json.decode(msgspec.json.encode(frozen)) == VALUE


@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],  # because: our own
    ids=["deepcopy", "pickle"],
)
def test_copies_are_plain_all_the_way(copied: Callable[[Any], Any]) -> None:
    plain = copied(freeze(VALUE))
    assert plain == VALUE
    assert [type(plain), type(plain["a"]), type(plain["a"][1])] == [dict, list, dict]


def test_shallow_copy_is_plain_outside() -> None:
    assert type(copy.copy(freeze(VALUE))) is dict
    assert type(copy.copy(freeze([1]))) is list


def test_frozen_and_scalar_values_come_back_themselves() -> None:
    frozen = freeze(VALUE)
    assert freeze(frozen) is frozen
    for scalar in (None, True, 0, 1.5, ""):
        assert freeze(scalar) is scalar
