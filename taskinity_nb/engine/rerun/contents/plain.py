"""Plain values: what stands for them, and a short text of them, the same in each process.

Nothing of the user's is called.
"""

from __future__ import annotations

import itertools
import marshal
import sys
from typing import Any

from ..buffers import bulk

__all__ = ["ATOMS", "LONGEST", "plain", "plain_row", "shown", "summed_if_long"]

LONGEST = 60
"""Characters of a text."""

TINY = 500
"""Bytes of a plain value that is not worth a thought."""

SHORT = 100
"""Parts of a list that is looked at in passing."""

ATOMS = frozenset(map(id, (bool, bytes, complex, float, int, str, type(None), type(...))))
"""By their ids, as a metaclass of the user's may have a hash of its own."""

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
