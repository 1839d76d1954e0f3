"""Plain values: what stands for them, and a short text of them, the same in each process.

Nothing of the user's is called.
"""

from __future__ import annotations

import itertools
import marshal
import sys
from typing import Any

from ..buffers import bulk
from .budget import Budget
from .code import flat

__all__ = ["ATOMS", "LONGEST", "plain", "plain_container", "plain_row", "shown"]

LONGEST = 60
"""Characters of a text."""

TINY = 500
"""Bytes of a plain value that is not worth a thought."""

SHORT = 100
"""Parts of a list that is looked at in passing."""

ATOMS = frozenset(map(id, (bool, bytes, complex, float, int, str, type(None), type(...))))
"""By their ids, as a metaclass of the user's may have a hash of its own."""

CONTAINERS = frozenset(map(id, (list, tuple, dict, set, frozenset)))

PLAIN = ATOMS | CONTAINERS

EACH = 4
"""What it costs to look at the kind of a part, as `Budget` counts."""

SMALL = sys.getsizeof("a")

LEVELS, MOST_INSIDE = 12, 2 << 20
"""How deep containers lie in one of which not each is looked at on its own, and how many."""

_BRACKETS = {
    id(list): "[{}]", id(tuple): "({})",
    **dict.fromkeys(map(id, (dict, set, frozenset)), "{{{}}}"),
}  # fmt: skip
_DEEPEST, _MOST = 2, 12


def plain(value: Any) -> bytes | None:
    """Return what stands for a small value without parts, None if it is no such.

    Examples
    --------
    >>> plain(1) == marshal.dumps(1, 2), plain([1])
    (True, None)
    """
    if id(type(value)) in ATOMS and sys.getsizeof(value) < TINY:
        return marshal.dumps(value, 2)
    return None


def plain_row(value: Any) -> bytes | None:
    """Return what stands for a short list, tuple or dict of plain values, None if it is no such.

    Examples
    --------
    >>> plain_row([1, "a"]) == marshal.dumps([1, "a"], 2), plain_row([[1]]), plain_row(1)
    (True, None, None)
    """
    kind = type(value)
    if not (kind is list or kind is tuple or kind is dict) or len(value) > SHORT:
        return None
    whole = (*value, *value.values()) if kind is dict else value
    if not all(id(type(each)) in ATOMS for each in whole):
        return None
    return summed_if_long(marshal.dumps(value, 2))


def plain_container(value: Any, budget: Budget) -> bytes | None:
    """Return what stands for a container of plain values and of such containers, None for others.

    The same few may stand in it many times over, or it may lead back to itself: so it is no deep
    one either, and none of very many.

    Examples
    --------
    >>> rows, budget = [{"a": 1}, {"a": 2.5}], Budget(is_bounded=False)
    >>> plain_container(rows, budget) == marshal.dumps(rows, 2), plain_container([object()], budget)
    (True, None)
    """
    level, kinds, most = [value], {id(type(value))}, MOST_INSIDE
    for depth in range(LEVELS):
        most -= len(level)
        if most < 0:
            return None
        budget.spend(EACH * sum(map(len, level)), value)
        parts = _inside(level, is_dicts=kinds == {id(dict)})
        kinds = set(map(id, map(type, parts)))
        if not kinds <= PLAIN:
            return None
        if budget.is_bounded:
            budget.spend(max(32, sum(map(sys.getsizeof, parts)) - SMALL * len(parts)), value)
        if kinds <= ATOMS:
            return _dumped(value, is_flat=not depth, is_alike=kinds in ({id(int)}, {id(str)}))
        level = [each for each in parts if id(type(each)) in CONTAINERS] if kinds & ATOMS else parts
    return None


def _inside(level: list[Any], *, is_dicts: bool) -> list[Any]:
    """Return what lies in containers: of dicts the keys and the values."""
    dicts = level if is_dicts else [each for each in level if type(each) is dict]
    values = itertools.chain.from_iterable(map(dict.values, dicts))
    return [*itertools.chain.from_iterable(level), *values]


def _dumped(value: Any, *, is_flat: bool, is_alike: bool) -> bytes:
    if is_flat and is_alike and type(value) in (set, frozenset):
        found = flat(type(value).__name__, sorted(value))  # ten times faster than marshal's way
    else:
        found = marshal.dumps(value, 2)  # it sorts sets
    return summed_if_long(found)


def summed_if_long(found: bytes) -> bytes:
    """Return what stands for bytes: they themselves, or a digest of them."""
    return found if len(found) < 64 else bulk(found)


def shown(value: Any) -> str:
    """Return a text of a value that is plain, or has plain ones in it; an empty one of others.

    Examples
    --------
    >>> shown(2.5), shown({"a": [1, None]}), shown("x" * 1000)[-5:], shown({"b", "a"})
    ('2.5', "{'a': [1, None]}", 'xxxx…', "{'a', 'b'}")
    >>> shown(object()), shown([object()])
    ('', '[…]')
    """
    text = _text(value, 0)
    if text == "…":
        return ""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _text(value: Any, depth: int) -> str:
    kind = type(value)
    if id(kind) in ATOMS:
        if kind is int and value.bit_length() > 200:
            return f"{hex(value >> value.bit_length() - 200)}…"
        return repr(value[:LONGEST] if kind is str or kind is bytes else value)
    if id(kind) not in _BRACKETS or depth > _DEEPEST:
        return "…"
    parts = _parts(value, depth)
    more = (", …" if parts else "…") if len(value) > _MOST else ""
    if kind is tuple and len(value) == 1:
        more = ","
    if not value and kind in (set, frozenset):
        return f"{kind.__name__}()"
    return _BRACKETS[id(kind)].format(", ".join(parts) + more)


def _parts(value: Any, depth: int) -> list[str]:
    if type(value) is dict:
        pairs = itertools.islice(list(value.items()), _MOST)
        return [f"{_text(key, depth + 1)}: {_text(held, depth + 1)}" for key, held in pairs]
    if type(value) is list or type(value) is tuple:
        return [_text(each, depth + 1) for each in value[:_MOST]]
    if len(value) > 1000:
        return []
    return sorted(_text(each, depth + 1) for each in value)[:_MOST]  # whatever the hash seed
