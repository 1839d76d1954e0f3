"""Finds out whether a result holds something of a class that was defined again since.

Such a thing is no instance of the class that now has the name: a member of an enum is not itself
any more, a dataclass does not equal its like, `isinstance` and `except` fail. Nothing of the user's
is called to find it: what an object refers to is asked of the interpreter, as the garbage collector
does.
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from ...model.refs import is_ref
from ...strangers import described, is_interrupt
from .contents.origins import full_name, is_class, is_replaced, is_users_class, line_of_bases

__all__ = ["Outdated"]

MOST = 10_000_000
"""Objects of a result that are looked at; a larger one is rather made again."""


class Outdated:
    """Looks for what was defined again, in one result after the other.

    Parameters
    ----------
    functions : iterable of callable
        What is called now; where they are defined, classes may be too, besides in their module.
    is_like_before : bool
        Whether all classes that tasks reach are the very ones that they reached before. Then a
        result that lies on a cluster is left there.

    Examples
    --------
    >>> class Row: pass
    >>> Outdated([]).reason([1, {"a": Row()}])
    ''
    """

    def __init__(self, functions: Iterable[Any] = (), *, is_like_before: bool = False) -> None:
        self._is_like_before = is_like_before
        self._reasons: dict[int, str] = {}
        self._spaces = {
            id(space): space
            for function in functions
            if type(function) is types.FunctionType
            for space in [function.__globals__]
        }
        self._known: dict[int, tuple[type, bool]] = {}

    def reason(self, value: Any) -> str:
        """Return why a result cannot be kept, or an empty string."""
        if id(value) not in self._reasons:
            self._reasons[id(value)] = self._reason(value)
        return self._reasons[id(value)]

    def _reason(self, value: Any) -> str:
        found: Any = None
        if is_ref(value):
            if value.place and self._is_like_before:
                return ""
            try:
                found = self._first_in(value.fetch())
            except BaseException as error:  # of its classes too, which are the user's
                if is_interrupt(error):
                    raise
                return f"its result cannot be read: {described(error)}"
        elif self._is_any:
            found = self._first_in(value)
        if found is None:
            return ""
        if not is_class(found):
            return "its result is too large to be looked through for what was defined again"
        name = full_name(found)[1]
        return f"its result holds a '{name}' from before '{name}' was defined again"

    @cached_property
    def _is_any(self) -> bool:
        """Whether a class that was replaced is still there at all."""
        seen, ahead = set[int](), [object]
        while ahead:
            for made in type.__subclasses__(ahead.pop()):
                if id(made) not in seen:
                    seen.add(id(made))
                    ahead.append(made)
                    if self._is_replaced(made):
                        return True
        return False

    def _first_in(self, value: Any) -> Any:
        """Return the first replaced class in a value, None if there is none, or all if too many."""
        seen, ahead = {id(value)}, [value]
        known = self._known
        while ahead:
            refers = ahead.pop()
            kind = type(refers)
            entry = known.get(id(kind))
            if entry is None:
                entry = known[id(kind)] = kind, self._is_replaced(kind)
            if entry[1]:
                return kind
            if id(kind) in _LEAVES:
                continue
            if is_class(refers):
                if self._is_replaced(refers):
                    return refers
                continue
            for other in _parts(refers, kind):
                if id(type(other)) not in _LEAVES and id(other) not in seen:
                    seen.add(id(other))
                    ahead.append(other)
            if len(seen) > MOST:
                return seen
        return None

    def _is_replaced(self, made: type) -> bool:
        return is_users_class(made) and is_replaced(made, self._spaces.values())


def _parts(value: Any, kind: type) -> Iterable[Any]:
    """Return what an object refers to, without its class."""
    if kind is types.FunctionType:
        return [value.__defaults__, value.__kwdefaults__, value.__closure__, value.__dict__]
    numpy = sys.modules.get("numpy")
    if numpy is not None and numpy.ndarray in line_of_bases(kind):
        return _cells(value, numpy) + gc.get_referents(value)
    return [each for each in gc.get_referents(value) if each is not kind]


def _cells(array: Any, numpy: Any) -> list[Any]:
    """Return what lies in an array of objects, which the garbage collector does not know."""
    plain = numpy.ndarray.view(array, numpy.ndarray)
    cells: list[Any] = plain.reshape(-1).tolist() if plain.dtype.hasobject else []
    return cells


_LEAVES = frozenset(
    map(
        id,
        (
            bool, bytes, bytearray, complex, float, int, str, type(None), type(...), range,
            types.ModuleType, types.CodeType, types.FrameType, types.TracebackType,
            types.BuiltinFunctionType, types.GeneratorType, types.CoroutineType,
            types.AsyncGeneratorType,
        ),
    )
)  # fmt: skip
"""Kinds, by their ids, that hold nothing of the user's or lead out of the result."""
