"""How the exceptions in a record are pickled: whatever their class takes, with what they come from.

One that cannot be pickled, or whose class is missing where it is read, is told in words instead.
"""

from __future__ import annotations

import io
import pickle
from functools import partial
from typing import Any

from ...engine.remote.pickling.exceptions import DEEPEST, reduced
from ...errors import FlowError
from ...strangers import described, is_error, is_interrupt, lineage, text_of, type_name

__all__ = ["Pickler", "SavedError", "save_error"]


class Pickler(pickle.Pickler):
    """Pickles by names, and exceptions without their ``__init__``."""

    def __init__(self, file: Any, depth: int = 0, *, is_whole: bool = True, level: int = 0) -> None:
        super().__init__(file, protocol=5)
        self._depth = depth
        self._is_whole = is_whole
        self._keep = _as_it_is if is_whole else partial(_kept, level=level + 1)

    def reducer_override(self, thing: Any) -> Any:
        """Say how an exception is pickled; the rest is as ever."""
        if not is_error(thing):
            return NotImplemented
        pack = partial(_pack, depth=self._depth + 1) if self._depth < DEEPEST else None
        return reduced(thing, pack, self._keep, self._is_whole)


class SavedError:
    """An exception as it was pickled; what is made of it when it is read is the exception."""

    def __init__(self, kind: str, payload: Any) -> None:
        self._kind = kind
        self._payload = payload

    def __reduce__(self) -> tuple[Any, ...]:
        return _read, (self._kind, self._payload)


def save_error(error: BaseException | None) -> SavedError | None:
    """Return what is pickled for an exception.

    Examples
    --------
    >>> pickle.loads(pickle.dumps(save_error(ValueError("no"))))
    ValueError('no')
    """
    return None if error is None else SavedError(*_pack(error, 0))


def _pack(error: BaseException, depth: int) -> tuple[str, Any]:
    """Return kind and payload of an exception, as `remote.pickling.exceptions` has them."""
    told = type_name(error), text_of(error), lineage(type(error))
    for is_whole in (True, False):  # at first in its own way, then without what cannot be pickled
        try:
            with io.BytesIO() as file:
                Pickler(file, depth, is_whole=is_whole).dump(error)
                packed = file.getvalue()
            if is_error(pickle.loads(packed)):  # one may be written and yet not be readable
                return "error", (packed, *told)
        except BaseException as why:  # its class is the user's
            if is_interrupt(why):
                raise
    return "lost error", told


def _read(kind: str, payload: Any) -> BaseException:
    """Return an exception, or one of ours that tells what it was."""
    if kind == "error":
        packed, *payload = payload
        try:
            error = pickle.loads(packed)
        except BaseException as why:  # its class is missing here, or another one
            if is_interrupt(why):
                raise
            error = None
        if is_error(error):
            raised: BaseException = error
            return raised
    name, text, bases = payload
    made = FlowError(f"{name}: {text}", remedy="(the exception itself could not be read here)")
    made.stands_for = tuple(bases)
    return made


def _as_it_is(part: Any) -> Any:
    return part


MOST_LEVELS = 4
"""Exceptions in each other, as in groups of groups, of which each is kept without some part."""


def _kept(part: Any, level: int) -> Any:
    """Return a part of an exception, or what tells of it if it cannot be pickled.

    A part that holds exceptions, as that of a group does, is kept if they can be pickled without
    what cannot.
    """
    why_not = ""
    for is_whole in (True, False) if level < MOST_LEVELS else (True,):
        try:
            with io.BytesIO() as file:
                Pickler(file, DEEPEST, is_whole=is_whole, level=level).dump(part)
                pickle.loads(file.getvalue())
        except BaseException as why:  # it is the user's
            if is_interrupt(why):
                raise
            why_not = why_not or described(why)
        else:
            return part
    return f"({type_name(part)}, which could not be pickled: {why_not})"
