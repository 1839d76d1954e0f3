"""How the results of a run are pickled: each by itself, so that each is read by itself.

A run whose results are of a class that is missing can be read all the same: whoever asks for such
a result is told what is missing. Results are pickled by `pickle`, which knows functions and classes
by their names; so nothing of a notebook travels along with them.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from typing import Any

from ...errors import UnpicklableError, described
from ...strangers import is_interrupt, type_name
from ..refs import ResultRef, is_missing, is_ref
from .errors import Pickler

__all__ = ["SavedItems", "SavedValue", "Saver", "UnsavedValue", "dumps"]

PLAIN = frozenset({bool, bytes, float, int, str, type(None)})
"""Types whose values are kept as they are."""

HOW = (
    "let it return what can be pickled, or let go of the results first with run.release(): "
    "the record is pickled without them"
)


def dumps(value: Any) -> bytes:
    """Pickle a value; functions and classes by their names, exceptions whatever their class takes.

    Examples
    --------
    >>> pickle.loads(dumps({"a": 1}))
    {'a': 1}
    """
    with io.BytesIO() as file:
        Pickler(file).dump(value)
        return file.getvalue()


class SavedValue(ResultRef):
    """A result or an input as it was pickled; it is read when somebody asks.

    Examples
    --------
    >>> saved = SavedValue(dumps([1, 2]), "task 'load': its result, a list,")
    >>> saved.fetch(), saved.fetch() is saved.fetch()
    ([1, 2], True)
    """

    def __init__(self, packed: bytes, what: str) -> None:
        self._packed = packed
        self._what = what
        self._read: dict[str, Any] = {}

    def fetch(self) -> Any:
        if "value" not in self._read:
            try:
                value = pickle.loads(self._packed)
            except BaseException as error:  # it runs code of the user's
                if is_interrupt(error):
                    raise
                raise self._unread(error) from error
            self._read.setdefault("value", value)  # whoever was first: one object for all
        return self._read["value"]

    def _unread(self, error: BaseException) -> UnpicklableError:
        remedy = "the rest of the run can be read without it"
        if issubclass(type(error), AttributeError | ImportError):
            remedy = f"define or import here what is missing, and ask again; {remedy}"
        return UnpicklableError(
            f"{self._what} cannot be read here: {described(error)}", remedy=remedy
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return SavedValue, (self._packed, self._what)


class SavedItems(ResultRef):
    """The list of the results of a mapped task's items, which are saved by themselves."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts = parts
        self._read: dict[str, list[Any]] = {}

    def fetch(self) -> list[Any]:
        if "value" not in self._read:
            whole = [part.fetch() if is_ref(part) else part for part in self._parts]
            self._read.setdefault("value", whole)
        return self._read["value"]

    def __reduce__(self) -> tuple[Any, ...]:
        return SavedItems, (self._parts,)


class UnsavedValue(ResultRef):
    """What stands for a value that could not be pickled; the error says why."""

    def __init__(self, message: str) -> None:
        self._message = message

    def fetch(self) -> Any:
        raise UnpicklableError(self._message)

    def __reduce__(self) -> tuple[Any, ...]:
        return UnsavedValue, (self._message,)


class Saver:
    """Saves the values of one run: what several slots hold is saved once.

    What cannot be pickled is an error if `is_strict`, otherwise something stands for it. What
    travels to a worker process is not written by names alone: then `dumps` is another.

    Examples
    --------
    >>> saver, shared = Saver(), [1]
    >>> saver.save(shared, "it") is saver.save(shared, "it"), saver.save(5, "it")
    (True, 5)
    """

    def __init__(self, *, is_strict: bool = True, dumps: Callable[[Any], bytes] = dumps) -> None:
        self._is_strict = is_strict
        self._dumps = dumps
        self._saved: dict[int, tuple[Any, Any]] = {}  # with the value, so that it lives as long

    def save(self, value: Any, what: str) -> Any:
        """Return what is pickled for a value; `what` names it, such as "task 'a': its result"."""
        if type(value) in PLAIN or is_missing(value) or _is_saved(value):
            return value
        known = self._saved.get(id(value))
        if known is None:
            known = self._saved[id(value)] = value, self._pack(value, what)
        return known[1]

    def leniently(self, value: Any, what: str) -> Any:
        """Likewise, whatever becomes of it: an input or a default is not what a run is kept for."""
        strict, self._is_strict = self._is_strict, False
        try:
            return self.save(value, what)
        finally:
            self._is_strict = strict

    def gather(self, whole: Any, parts: Sequence[Any], saved: Sequence[Any]) -> SavedItems | None:
        """Return what is pickled for a list of all `parts`, `saved` already; None for another."""
        if type(whole) is not list or len(whole) != len(parts):
            return None
        is_of_parts = all(one is part for one, part in zip(whole, parts, strict=True))
        return SavedItems(tuple(saved)) if is_of_parts else None

    def _pack(self, value: Any, what: str) -> Any:
        verb = "fetched"
        try:
            if is_ref(value):
                value = value.fetch()
            if type(value) in PLAIN:
                return value
            what, verb = f"{what}, a {type_name(value)},", "pickled"
            return SavedValue(self._dumps(value), what)
        except BaseException as error:  # it runs code of the user's
            if is_interrupt(error):
                raise
            message = f"{what} cannot be {verb}: {described(error)}"
            if self._is_strict:
                raise UnpicklableError(message, remedy=HOW) from error
            return UnsavedValue(message)


def _is_saved(value: Any) -> bool:
    return issubclass(type(value), SavedValue | SavedItems | UnsavedValue)
