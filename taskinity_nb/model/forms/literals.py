"""Constants of a flow: literals as Python writes them, which are read and never evaluated."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...errors import FlowError

__all__ = [
    "LONGEST", "Constant", "InputName", "canonical", "constant", "default_of", "is_literal",
    "literal", "written",
]  # fmt: skip

LONGEST = 100_000
"""Characters of a literal; Python's own reader of it takes some hundred bytes for each."""

DEEPEST = 50
"""Lists in lists of a literal."""


class Constant(NamedTuple):
    """A value that stands in a flow, as its canonical text, so that flows can be compared."""

    text: str

    @property
    def value(self) -> Any:
        """The value, made anew each time: who gets a list may change it.

        Examples
        --------
        >>> Constant("[1, 2]").value
        [1, 2]
        """
        return ast.literal_eval(self.text)

    def __str__(self) -> str:
        return self.text


class InputName(NamedTuple):
    """The name of an input of the flow, which stands for its value."""

    name: str

    def __str__(self) -> str:
        return self.name


def constant(value: Any) -> Constant | InputName:
    """Return what stands for a value in a flow.

    Raises
    ------
    FlowError
        If it is no literal.

    Examples
    --------
    >>> constant({"depth": 3}), constant(InputName("depth"))
    (Constant(text='{"depth": 3}'), InputName(name='depth'))
    """
    if type(value) in (Constant, InputName):
        given: Constant | InputName = value
        return given
    return Constant(written(value))


def default_of(name: str, value: Any) -> Constant:
    """Return the default of an input, which is a literal."""
    made = constant(value)
    if isinstance(made, Constant):
        return made
    raise FlowError(f"the default of the input '{name}' is a literal, not the name '{made.name}'")


def written(value: Any, deep: int = 0) -> str:
    """Write a literal in the one way in which equal ones look the same.

    Raises
    ------
    FlowError
        If it is none: numbers, texts, bytes, truth values, None, and lists, tuples, sets and dicts
        of these are.

    Examples
    --------
    >>> written([1.0, 'a "b"', ("x",), {2, 1}, None])
    '[1.0, \\'a "b"\\', ("x",), {1, 2}, None]'
    """
    kind, text = type(value), ""
    if deep > DEEPEST:
        raise FlowError("this literal has more lists in lists than a flow can hold")
    if value is None or kind in (bool, int, bytes):
        text = repr(value)
    elif kind is float and not math.isnan(value):
        text = repr(value) if math.isfinite(value) else repr(value).replace("inf", "1e999")
    elif kind is str:
        text = repr(value)
        if text[0] == "'" and '"' not in text:
            text = f'"{text[1:-1]}"'
    elif kind in (list, tuple, set):
        parts = [written(part, deep + 1) for part in value]
        if kind is list:
            text = f"[{', '.join(parts)}]"
        elif kind is tuple:
            text = f"({', '.join(parts)}{',' * (len(parts) == 1)})"
        else:
            text = f"{{{', '.join(sorted(parts))}}}" if parts else "set()"
    elif kind is dict:
        pairs = (f"{written(k, deep + 1)}: {written(v, deep + 1)}" for k, v in value.items())
        text = f"{{{', '.join(pairs)}}}"
    if not text:
        raise FlowError(
            f"a constant in a flow is a literal, and not {kind.__name__}",
            remedy="make it an input of the flow: run(flow, {'name': value})",
        )
    return text


def literal(node: ast.expr, names: Mapping[str, Any] | None = None) -> Constant | InputName:
    """Return what a piece of Python's syntax stands for: a literal, or a bare name, an input.

    Raises
    ------
    ValueError
        If it is anything else; its argument is the part that is.

    Examples
    --------
    >>> literal(ast.parse("[-1, 2]", mode="eval").body)
    Constant(text='[-1, 2]')
    """
    if isinstance(node, ast.Name):
        return InputName(node.id)
    try:
        return Constant(written(ast.literal_eval(node)))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, FlowError):
        raise ValueError(_culprit(node)) from None


def canonical(text: str) -> str:
    """Return the text of a literal as `written` writes it; what is none, as it is.

    Examples
    --------
    >>> canonical("'big'"), canonical("big")
    ('"big"', 'big')
    """
    return _again(text) or text


def is_literal(text: str) -> bool:
    """Tell whether a text is a literal as `written` writes it.

    Examples
    --------
    >>> is_literal("[1, 2]"), is_literal("[1,2]"), is_literal("big")
    (True, False, False)
    """
    return _again(text) == text


def _again(text: str) -> str | None:
    """Read a literal and write it; None if it is none."""
    try:
        return written(ast.literal_eval(text)) if len(text) <= LONGEST else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, FlowError):
        return None


def _culprit(node: ast.expr) -> ast.expr:
    """Return the part of an expression that keeps it from being a literal."""
    for part in ast.walk(node):
        if isinstance(part, ast.expr) and not isinstance(
            part, (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp)
        ):
            return part
    return node
