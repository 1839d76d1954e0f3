"""What a function takes, read once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from inspect import Parameter
from types import MethodType
from typing import Any

__all__ = ["Signature", "is_async", "is_put_off", "layers"]


class Signature:
    """The parameters of a function, sorted by what binding asks of them.

    A function without a signature, as some builtins are, counts as ``*args``.

    Attributes
    ----------
    named : list of Parameter
        Those that have a name for one value.
    names : dict of str to None
        The names of these, in order.
    required : list of str
        The names of those without a default.
    ordered : list of str
        Of these, the ones that results may fill by their order: none behind ``*args``.
    positional_only : set of str
        The names of those that cannot be passed by name.
    star, double_star : str or None
        The names of ``*args`` and ``**kwargs``.
    is_async : bool
        Whether it is an ``async def``.
    is_async_generator : bool
        Whether it is an ``async def`` with ``yield``.

    Examples
    --------
    >>> def merge(left, right, *rest, how="outer", **options): ...
    >>> signature = Signature(merge)
    >>> signature.required, signature.star, signature.double_star
    (['left', 'right'], 'rest', 'options')
    >>> signature.text("merge")
    "merge(left, right, *rest, how='outer', **options)"
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (ValueError, TypeError):
            parameters = [Parameter("args", Parameter.VAR_POSITIONAL)]
        self.function_name: str = getattr(function, "__name__", "<lambda>")
        self.parameters = parameters
        self.is_async = is_async(function)
        self.is_async_generator = any(map(inspect.isasyncgenfunction, _called(function)))
        self.named: list[Parameter] = []
        self.star: str | None = None
        self.double_star: str | None = None
        for parameter in parameters:
            if parameter.kind is Parameter.VAR_POSITIONAL:
                self.star = parameter.name
            elif parameter.kind is Parameter.VAR_KEYWORD:
                self.double_star = parameter.name
            else:
                self.named.append(parameter)
        self.names = {p.name: None for p in self.named}
        self.required = [p.name for p in self.named if p.default is Parameter.empty]
        behind = {p.name for p in self.named if self.star and p.kind is Parameter.KEYWORD_ONLY}
        self.ordered = [name for name in self.required if name not in behind]
        self.positional_only = {p.name for p in self.named if p.kind is Parameter.POSITIONAL_ONLY}

    def text(self, task: str) -> str:
        """Write the function's name and parameters, without annotations and long defaults.

        A lambda or a callable without a name goes by the name of its task.
        """
        shown = []
        starred = False
        for i, parameter in enumerate(self.parameters):
            kind, text = parameter.kind, parameter.name
            if kind is Parameter.VAR_POSITIONAL:
                text, starred = f"*{text}", True
            elif kind is Parameter.VAR_KEYWORD:
                text = f"**{text}"
            elif kind is Parameter.KEYWORD_ONLY and not starred:
                shown.append("*")
                starred = True
            if parameter.default is not Parameter.empty:
                text += f"={_default(parameter.default)}"
            shown.append(text)
            following = self.parameters[i + 1].kind if i + 1 < len(self.parameters) else None
            if kind is Parameter.POSITIONAL_ONLY and following is not kind:
                shown.append("/")
        name = task if self.function_name == "<lambda>" else self.function_name
        return f"{name}({', '.join(shown)})"


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether calling a function gives something to be awaited.

    Examples
    --------
    >>> async def fetch(): ...
    >>> is_async(fetch), is_async(print)
    (True, False)
    """
    return any(map(inspect.iscoroutinefunction, _called(function)))


def is_put_off(function: Callable[..., Any]) -> bool:
    """Tell whether calling a function does nothing yet: an ``async def``, or one with ``yield``.

    Examples
    --------
    >>> def numbers(): yield 1
    >>> is_put_off(numbers), is_put_off(print)
    (True, False)
    """
    kinds = inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction
    called = _called(function)
    return any(kind(each) for kind in kinds for each in called)


def layers(function: Callable[..., Any], *, wrapped: bool = True) -> Iterator[Any]:
    """Yield a callable and what it is made of: of a partial, a bound method, a decorated function.

    What ``functools.wraps`` tells of is a layer only if `wrapped` is true: a decorator may do
    anything with what it decorates, while the others only call it.

    Examples
    --------
    >>> [layer.__class__.__name__ for layer in layers(functools.partial(abs, 1))]
    ['partial', 'builtin_function_or_method']
    """
    seen: list[Any] = []
    layer: Any = function
    while layer is not None and not any(layer is one for one in seen) and len(seen) < DEEPEST:
        yield layer
        seen.append(layer)
        if isinstance(layer, functools.partial):
            layer = layer.func
        elif isinstance(layer, MethodType) and _is_task(layer.__self__):
            layer = layer.__self__  # its ``__call__``
        elif isinstance(layer, (MethodType, staticmethod)):
            layer = layer.__func__
        else:
            layer = inspect.getattr_static(layer, "__wrapped__", None) if wrapped else None


DEEPEST = 100
"""Layers that are looked at; each decorator is one."""


def _is_task(layer: Any) -> bool:
    """Tell a `Task`, whose module is above this one."""
    return any("is_task" in vars(base) for base in type(layer).__mro__)


def _called(function: Callable[..., Any]) -> list[Any]:
    """Return what may be an ``async def``: the function, or how an object is called."""
    if isinstance(function, type):
        return []  # calling a class makes an object
    task = next(filter(_is_task, layers(function, wrapped=False)), None)
    if task is not None:
        function = task.function
    return [function, getattr(function, "__call__", None)]  # noqa: B004  # not whether, but how


def _default(value: Any) -> str:
    plain = value is None or type(value) in (bool, int, float)
    short = type(value) is str and len(value) <= 20
    return repr(value) if plain or short else "…"
