"""Makes mutants of a module by small changes to its code: operators, constants, statements.

Each mutant differs from the module in one place. Docstrings, annotations, messages of exceptions and of
logging stay as they are: no observer of a bus can tell their mutants apart.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_LOGGING: Final = frozenset({"debug", "info", "warning", "error", "exception", "log"})


@dataclass(frozen=True)
class Mutation:
    """One change to one place of a module."""

    line: int
    function: str
    """The function or class it is in, dotted; empty at the top of the module."""
    before: str
    after: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.function or 'module'}: {self.before!r} -> {self.after!r}"


@dataclass(frozen=True)
class _Place:
    """A node to replace, by its position in a walk that visits a tree in one fixed order."""

    position: int
    replacement: ast.AST
    function: str


def mutations(source: str) -> list[Mutation]:
    """Returns every mutation of a module, in the order of its lines.

    Raises:
        SyntaxError: the source is no Python.
    """
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    found = []
    for place in _places(tree):
        node = nodes[place.position]
        found.append(
            Mutation(
                getattr(node, "lineno", 0),
                place.function,
                _shown(ast.unparse(node)),
                _shown(ast.unparse(place.replacement)),
            )
        )
    return found


def mutated(source: str, number: int) -> ast.Module:
    """Returns the tree of a module with one mutation.

    Args:
        source: the module.
        number: the place of the mutation in `mutations(source)`.

    Raises:
        IndexError: there is no such mutation.
    """
    tree = ast.parse(source)
    place = list(_places(tree))[number]
    target = list(ast.walk(tree))[place.position]
    replacement = ast.copy_location(place.replacement, target)
    _Replace(target, replacement).visit(tree)
    return ast.fix_missing_locations(tree)


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, replacement: ast.AST) -> None:
        self._target = target
        self._replacement = replacement

    def visit(self, node: ast.AST) -> ast.AST:
        return self._replacement if node is self._target else super().generic_visit(node)


def _shown(code: str) -> str:
    return " ".join(code.split())[:80]


def _places(tree: ast.Module) -> Iterator[_Place]:
    positions = {id(node): position for position, node in enumerate(ast.walk(tree))}
    skipped = set(map(id, _unseen(tree)))
    found = [
        _Place(positions[id(node)], replacement, function)
        for node, function in _in_functions(tree, "")
        if id(node) not in skipped
        for replacement in _replacements(node)
    ]
    nodes = list(ast.walk(tree))
    yield from sorted(
        found, key=lambda one: (getattr(nodes[one.position], "lineno", 0), one.position)
    )


def _in_functions(node: ast.AST, function: str) -> Iterator[tuple[ast.AST, str]]:
    for child in ast.iter_child_nodes(node):
        inside = function
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = f"{function}.{child.name}" if function else child.name
        yield child, function
        yield from _in_functions(child, inside)


def _unseen(tree: ast.Module) -> Iterator[ast.AST]:
    """Yields the nodes that no observer of a bus can see."""
    for node in ast.walk(tree):
        for one in (*_unseen_parts(node), *([node] if _is_unseen(node) else [])):
            yield from ast.walk(one)


def _unseen_parts(node: ast.AST) -> list[ast.expr | ast.keyword]:
    """Returns annotations, decorators, bases, and the arguments of exceptions."""
    match node:
        case ast.arg(annotation=annotation) | ast.AnnAssign(annotation=annotation):
            return [annotation] if annotation is not None else []
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [*node.decorator_list, *([node.returns] if node.returns else [])]
        case ast.ClassDef():
            return [*node.bases, *node.keywords, *node.decorator_list]
        case ast.Raise(exc=ast.Call(args=arguments, keywords=keywords)):
            return [*arguments, *keywords]
    return []


def _is_unseen(node: ast.AST) -> bool:
    """Returns whether a node is a docstring, a log message, an import, a text for people, or `__all__`."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.JoinedStr():
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name))):
            return name in _LOGGING
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar"))):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
    return False


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    yield from _other_operators(node)
    yield from _other_constants(node)
    yield from _other_statements(node)


def _other_operators(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[compared]) if type(compared) in _COMPARISONS:
            yield _with(node, ops=[_COMPARISONS[type(compared)]()])
        case ast.BoolOp(op=joined):
            yield _with(node, op=ast.Or() if isinstance(joined, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(op=combined) | ast.AugAssign(op=combined) if type(combined) in _ARITHMETIC:
            yield _with(node, op=_ARITHMETIC[type(combined)]())


def _other_constants(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str() as text):
            yield ast.Constant("X" + text)


def _other_statements(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If() | ast.IfExp() | ast.While():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield ast.Return(ast.Constant(None))
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case ast.Raise() | ast.Delete() | ast.Assign() | ast.AugAssign():
            yield ast.Pass()
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield ast.Pass()


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _with(node: ast.AST, **members: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in members.items():
        setattr(changed, name, value)
    return changed
