"""Takes the items of a `MapError` from process to process: each of them as far as it can travel.

A flow may run inside a task, and then its error is the task's. One item that cannot be pickled, or
cannot be read at the other end, leaves its text; the others arrive.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from ...errors import MapError
from ...strangers import described, is_interrupt, type_name
from ..remote.pickling.pickler import dumps, pack_error
from .codec import read_error

__all__ = ["pack_items", "reduced", "with_items"]

Packed = tuple[int, bytes, str, Any]
"""Which item it was, the item, and the kind and payload of its error (see `CallResult`)."""


def pack_items(items: Sequence[tuple[int, Any, BaseException]]) -> list[Packed]:
    """Return the failed items of a map as plain data.

    Examples
    --------
    >>> packed = pack_items([(2, {0}, ValueError("no")), (5, open, KeyError())])
    >>> with_items(MapError, ("two failed",), packed).items
    [(2, {0}, ValueError('no')), (5, <built-in function open>, KeyError())]
    """
    return [(number, _packed(item), *pack_error(why)) for number, item, why in items]


def _packed(item: Any) -> bytes:
    try:
        return dumps(item)
    except BaseException as why:
        if is_interrupt(why):
            raise
        return dumps(_lost(type_name(item), why))


def _lost(what: str, why: BaseException) -> str:
    return f"({what}, which could not be sent from another process: {described(why)})"


def reduced(error: MapError) -> tuple[Any, ...]:
    """Return how a `MapError` is pickled where both ends have this package."""
    kind, args, state = error.reduced()
    return with_items, (kind, args, pack_items(error.items)), state


def with_items(kind: type[MapError], args: tuple[Any, ...], packed: list[Packed]) -> MapError:
    """Return a `MapError` again; it is pickled as a call of this."""
    error = kind(*args)
    error.items = [(number, _read(item), read_error(*why)) for number, item, *why in packed]
    return error


def _read(packed: bytes) -> Any:
    try:
        return pickle.loads(packed)
    except BaseException as why:
        if is_interrupt(why):
            raise
        return _lost("an item", why)
