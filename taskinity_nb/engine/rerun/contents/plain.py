"""A short text of a plain value, the same in each process; nothing of the user's is called."""

from __future__ import annotations

import itertools
from typing import Any

__all__ = ["LONGEST", "shown"]

LONGEST = 60
"""Characters of a text."""

_ATOMS = frozenset(map(id, (bool, bytes, complex, float, int, str, type(None), type(...))))
_BRACKETS = {
    id(list): "[{}]", id(tuple): "({})",
    **dict.fromkeys(map(id, (dict, set, frozenset)), "{{{}}}"),
}  # fmt: skip
_DEEPEST, _MOST = 2, 12


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
    if id(kind) in _ATOMS:
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
