"""What a function takes, read once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any

__all__ = ["Signature", "is_async"]


class Signature:
    """The parameters of a function, sorted by what binding asks of them.

    A function without a signature, as some builtins are, counts as ``*args``.

    Attributes
    ----------
    named : list of Parameter
        Those that have a name for one value.
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


def _called(function: Callable[..., Any]) -> list[Any]:
    """Return what may be an ``async def``: the function, or how an object is called."""
    if isinstance(function, type):
        return []  # calling a class makes an object
    return [function, getattr(function, "__call__", None)]  # noqa: B004  # not whether, but how


def _default(value: Any) -> str:
    plain = value is None or type(value) in (bool, int, float)
    short = type(value) is str and len(value) <= 20
    return repr(value) if plain or short else "…"
