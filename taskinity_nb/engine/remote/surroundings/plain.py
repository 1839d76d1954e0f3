"""Plain data: built of Python's own types alone, so that nothing of the user's is called."""

from __future__ import annotations

from typing import Any

__all__ = ["MOST", "equal", "is_plain"]

MOST = 2_000
"""Values that plain data may hold in all; more is not looked at."""

_ATOMS = frozenset({bool, bytes, complex, float, int, str, type(None), type(...)})
LONGEST = 100_000
"""Characters or bytes that a text of plain data may have."""


def is_plain(value: Any) -> bool:
    """Tell whether a value is plain data, and not too much of it.

    Examples
    --------
    >>> is_plain({"rates": [1, 2.5], (1,): None}), is_plain([print]), is_plain(range(3))
    (True, False, False)
    """
    kind = type(value)
    if kind in _ATOMS:
        return kind not in (str, bytes) or len(value) <= LONGEST
    left, stack = MOST, [value]
    while stack:
        held = stack.pop()
        kind = type(held)
        if kind in _ATOMS:
            if kind in (str, bytes) and len(held) > LONGEST:
                return False
            continue
        if kind not in (dict, list, tuple, set, frozenset):
            return False
        left -= 1 + len(held)
        if left < 0:
            return False
        stack += held
        if kind is dict:
            stack += held.values()
    return True


def equal(one: Any, other: Any) -> bool:
    """Tell whether plain values are the same: 1 is not True, and 1.0 is not 1.

    Examples
    --------
    >>> equal([1, {"a": 2}], [1, {"a": 2}]), equal(1, True), equal(float("nan"), float("nan"))
    (True, False, True)
    """
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in (list, tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if kind is dict:
        return len(one) == len(other) and all(map(equal, one.items(), other.items()))
    if kind is float and one != one:
        return bool(other != other)
    return bool(one == other)
