"""The inputs that a command line gives."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ..errors import FlowError

__all__ = ["inputs_of"]


def inputs_of(given: Sequence[str]) -> dict[str, Any]:
    """Return inputs by their names; nothing of what is given is evaluated.

    Parameters
    ----------
    given : sequence of str
        Each ``NAME=VALUE``, where the value is a literal of Python, or else a text as it stands.

    Raises
    ------
    FlowError
        If one has no name, or the name of another one.

    Examples
    --------
    >>> inputs_of(["n=3", "path=data/day.csv", "names=['a', 'b']", "code=1+1"])
    {'n': 3, 'path': 'data/day.csv', 'names': ['a', 'b'], 'code': '1+1'}
    """
    found: dict[str, Any] = {}
    for each in given:
        name, is_given, text = each.partition("=")
        if not is_given or not name.strip():
            raise FlowError(f"'{each}' is no input", remedy="write --input NAME=VALUE")
        if name in found:
            raise FlowError(f"the input '{name}' is given twice")
        found[name] = _value(text)
    return found


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
