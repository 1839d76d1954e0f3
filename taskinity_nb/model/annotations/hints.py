"""What a function says that it takes and gives, as types and not as text.

Reading it runs code of the user's (annotations may be expressions in a text), which may raise
anything; then nothing is known of the function. What is not known is `typing.Any`.
"""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import FunctionType, MappingProxyType, MethodType
from typing import Any, NamedTuple

from ...strangers import is_interrupt, text_of
from ..signature import Signature, layers
from ..task import is_task

__all__ = ["NOTHING_SAID", "Annotations", "read", "shown"]

LONGEST_HINT = 60
"""Characters that are shown of an annotation."""

CHANGING = ("contextlib", "functools")
"""Modules whose decorators give something else than the function that they decorate says: what
`contextmanager` and `singledispatch` make is a function with the annotations of another one."""


class Annotations(NamedTuple):
    """What a function says of itself: `returns`, and `takes` by the names of its parameters."""

    returns: Any = Any
    takes: Mapping[str, Any] = MappingProxyType({})

    def parameter(self, name: str, signature: Signature) -> Any:
        """Return what the annotation of a parameter says that it takes, in the words of a call.

        Examples
        --------
        >>> def work(x: int, *rest: str, **options: float): ...
        >>> annotations, signature = read(work), Signature(work)
        >>> [annotations.parameter(name, signature) for name in ("x", "*rest", "other")]
        [<class 'int'>, <class 'str'>, <class 'float'>]
        """
        known = {parameter.name: parameter for parameter in signature.parameters}
        plain = name.removeprefix("*")
        if plain not in known or (plain == signature.double_star):
            plain = signature.double_star or ""
        hint = self.takes.get(plain, Any)
        if plain in known and known[plain].default is None:
            return typing.Optional[hint]  # noqa: UP045  # `|` is not for all that a hint may be
        return hint


NOTHING_SAID = Annotations()


def read(function: Callable[..., Any]) -> Annotations:
    """Return what a callable says of itself, through what it is made of.

    Examples
    --------
    >>> def load(path: "str") -> "list[int]": ...
    >>> read(functools.partial(load, path="x"))
    Annotations(returns=list[int], takes={'path': <class 'str'>})
    >>> def later(path: "Unknown") -> int: ...
    >>> read(later) is read(len) is NOTHING_SAID
    True
    """
    try:
        if type(function) is FunctionType and not function.__annotations__:
            return NOTHING_SAID
        return _read(function)
    except BaseException as error:
        if is_interrupt(error):
            raise
        return NOTHING_SAID


def _read(function: Callable[..., Any]) -> Annotations:
    speaker = _speaker(function)
    if isinstance(speaker, type):
        return _of_class(speaker)
    if not isinstance(speaker, FunctionType):
        return NOTHING_SAID
    if speaker.__globals__.get("__name__") in CHANGING:
        return NOTHING_SAID
    takes = typing.get_type_hints(speaker)
    returns = takes.pop("return", Any)
    if inspect.isgeneratorfunction(speaker) and not _is_gone_through(returns):
        returns = Any
    return Annotations(returns, takes) if takes or returns is not Any else NOTHING_SAID


def _speaker(function: Callable[..., Any]) -> Any:
    """Return the function or class whose annotations are those of a callable."""
    last: Any = function
    for layer in layers(function):
        if isinstance(layer, (FunctionType, type)):
            return layer
        last = layer
    if isinstance(last, (functools.partial, MethodType)) or is_task(last):
        return None
    return inspect.getattr_static(type(last), "__call__", None)


def _is_gone_through(hint: Any) -> bool:
    kind = typing.get_origin(hint) or hint
    return isinstance(kind, type) and issubclass(kind, Iterable)


def _of_class(kind: type) -> Annotations:
    """Return what calling a class takes and gives: an object of it, unless it says otherwise."""
    if inspect.getattr_static(type(kind), "__call__") is not vars(type)["__call__"]:
        return NOTHING_SAID
    new = inspect.getattr_static(kind, "__new__")
    is_plain = not isinstance(new, staticmethod) or hasattr(kind, "_fields")
    maker = inspect.getattr_static(kind, "__init__")
    if not isinstance(maker, FunctionType) and isinstance(new, staticmethod):
        maker = new.__func__
    takes = {}
    if isinstance(maker, FunctionType):  # a named tuple's own finds no names: its class does
        is_made = maker.__globals__.get("__name__", "").startswith("namedtuple_")
        takes = typing.get_type_hints(kind if is_made else maker)
    takes.pop("return", None)
    gives = kind if is_plain and not issubclass(kind, Awaitable) else Any
    return Annotations(gives, takes)


_PREFIX = re.compile(r"\b(?:typing|collections\.abc|types|builtins|__main__)\.|[\w.]*<locals>\.")


def shown(hint: Any) -> str:
    """Write an annotation as somebody would in a notebook.

    Examples
    --------
    >>> shown(typing.List[int]), shown(type(None)), shown(dict[str, int] | None)
    ('List[int]', 'None', 'dict[str, int] | None')
    """
    if hint is type(None):
        return "None"
    text = text_of(hint, _written) if isinstance(hint, type) else text_of(hint, repr)
    text = " ".join(_PREFIX.sub("", text.replace("NoneType", "None")).split())
    return text if len(text) <= LONGEST_HINT else f"{text[: LONGEST_HINT - 1]}…"


def _written(hint: Any) -> str:
    return str(hint.__qualname__ if typing.get_origin(hint) is None else repr(hint))
