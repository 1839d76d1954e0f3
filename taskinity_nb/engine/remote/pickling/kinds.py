"""Kinds of objects that functions of a notebook name, and that pickle and cloudpickle refuse.

Each travels as what it is made of. What cannot be had in another process, such as a lock that all
threads share, is not among them: it is refused, by name.

This module travels to the cluster, like all of `remote`.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
import typing
import weakref
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from types import CodeType, FunctionType
from typing import Any

from ..process.capture import STREAMS, beneath
from .identity import is_born_here, new_epoch
from .shell import WorkerShell

_NAMES = re.compile(r"[^\W\d]\w*")

_variables: dict[str, ContextVar[Any]] = {}
_tokens: dict[ContextVar[Any], str] = {}
"""Context variables that were sent or came, and what they are called on the way."""

_values: dict[ContextVar[Any], Any] = {}
"""What those that came are set to where they came from."""

__all__ = [
    "KINDS",
    "also_named",
    "is_shell",
    "is_shell_getter",
    "of_libraries",
    "reduced_member",
    "set_variables",
    "shell_getter",
    "stream",
    "streams",
]


def _is_importable(thing: Any) -> bool:
    """Tell whether an import finds this very thing by its name."""
    module = getattr(thing, "__module__", None)
    found = sys.modules.get(module) if isinstance(module, str) and module != "__main__" else None
    for part in getattr(thing, "__qualname__", getattr(thing, "__name__", "")).split("."):
        found = getattr(found, part, None)
    return found is thing


def reduced_member(member: Any) -> tuple[Any, ...] | None:
    """Return how the member of an enumeration is pickled: by its name, if it has one."""
    kind: Any = type(member)
    name = getattr(member, "_name_", None)
    known = kind.__members__.get(name) if isinstance(name, str) else None
    return (_member, (kind, name)) if known is member else None


def _member(kind: Any, name: str) -> Any:
    return kind[name]


def _reduce_cached(cached: Any) -> Any:
    if _is_importable(cached):
        return cached.__qualname__
    return _cached, (cached.__wrapped__, cached.cache_parameters())


def _cached(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def _reduce_cached_property(made: Any) -> tuple[Any, ...]:
    return _cached_property, (made.func, made.attrname)


def _cached_property(function: Callable[[Any], Any], name: str | None) -> Any:
    made = functools.cached_property(function)
    made.attrname = name
    return made


def _reduce_new_type(made: Any) -> Any:
    if _is_importable(made):
        return made.__qualname__
    return _new_type, (made.__name__, made.__supertype__, made.__module__)


def _new_type(name: str, supertype: Any, module: str) -> Any:
    make: Any = typing.NewType
    made = make(name, supertype)
    made.__module__ = module
    return made


def _reduce_parameters(made: Any) -> Any:
    """Of a ParamSpec or TypeVarTuple."""
    if _is_importable(made):
        return made.__name__
    options = {
        name: getattr(made, f"__{name}__")
        for name in ("bound", "covariant", "contravariant")
        if getattr(made, f"__{name}__", None)
    }
    return _parameters, (type(made), made.__name__, options)


def _parameters(kind: Callable[..., Any], name: str, options: dict[str, Any]) -> Any:
    return kind(name, **options)


def _reduce_alias(made: Any) -> Any:
    """Of a ``type X = ...``."""
    if _is_importable(made):
        return made.__name__
    return type(made), (made.__name__, made.__value__), None, None, None


def _reduce_weak(held: Any) -> tuple[Any, ...]:
    whole = set(held) if isinstance(held, weakref.WeakSet) else dict(held)
    return _weak, (type(held), whole)


def _weak(kind: Callable[[Any], Any], whole: Any) -> Any:
    """Return a weak container whose contents live as long as it, whoever holds them elsewhere."""
    made = kind(whole)
    made.taskinity_nb_holds = whole
    return made


_sentinels: dict[str, object] = {}
_names_of_sentinels: dict[int, str] = {}


def _reduce_sentinel(sentinel: object) -> tuple[Any, ...]:
    """Of an ``object()``, which is nothing but itself; it is kept, since it weighs nothing."""
    if _sentinels.get(name := _names_of_sentinels.get(id(sentinel), "")) is not sentinel:
        name = _names_of_sentinels[id(sentinel)] = new_epoch()
        _sentinels[name] = sentinel
    return _sentinel, (name,)


def _sentinel(name: str) -> object:
    if name not in _sentinels:
        _sentinels[name] = made = object()
        _names_of_sentinels[id(made)] = name
    return _sentinels[name]


def _reduce_variable(variable: ContextVar[Any]) -> tuple[Any, ...]:
    if variable not in _tokens:
        token = _tokens[variable] = new_epoch()
        _variables[token] = variable
    values: list[tuple[Any, ...]] = []
    for context in (Context(), copy_context()):  # by default, and as it is
        try:
            values.append((context.run(variable.get),))
        except LookupError:
            values.append(())
    return _variable, (_tokens[variable], variable.name, *values)


def _variable(token: str, name: str, default: tuple[Any, ...], value: tuple[Any, ...]) -> Any:
    """Return what stands for a context variable here, set as it was where it came from."""
    variable = _variables.get(token)
    if variable is None:
        variable = ContextVar(name, default=default[0]) if default else ContextVar(name)
        _variables[token], _tokens[variable] = variable, token
    if value and not is_born_here(token):
        _values[variable] = value[0]
    return variable


def set_variables() -> None:
    """Set the context variables in this context, which is that of one call, as they were sent."""
    for variable, value in _values.items():
        variable.set(value)


def _reduce_validated(call: Any) -> tuple[Any, ...]:
    """Of a function under pydantic's ``validate_call``."""
    config = call.config_wrapper.config_dict
    return type(call), (call.function, config, call.validate_return, None)


def of_libraries() -> dict[type, Callable[[Any], Any]]:
    """Return reducers of kinds whose libraries are loaded."""
    module: Any = sys.modules.get("pydantic._internal._validate_call")
    return {} if module is None else {module.ValidateCallWrapper: _reduce_validated}


def streams() -> dict[int, str]:
    """Return the names of the standard streams, by the id of whatever stands for one of them."""
    return {
        id(stream): name
        for name in STREAMS
        for stream in (getattr(sys, name, None), beneath(name), getattr(sys, f"__{name}__", None))
        if stream is not None
    }


def stream(name: str) -> Any:
    """Return a standard stream of this process."""
    return getattr(sys, name)


def is_shell(thing: Any) -> bool:
    """Tell whether something is IPython's shell, which only its own process has."""
    module: Any = sys.modules.get("IPython.core.interactiveshell")
    return module is not None and issubclass(type(thing), module.InteractiveShell)


def is_shell_getter(thing: Any) -> bool:
    """Tell whether something is IPython's function ``get_ipython``."""
    module: Any = sys.modules.get("IPython.core.getipython")
    return module is not None and thing is module.get_ipython


def also_named(function: FunctionType) -> dict[str, Any]:
    """Return the globals of a function that cloudpickle does not find.

    These are named in the body of a class that the function defines, or only in the text of a
    ``!command``.
    """
    names, namespace = set[str](), function.__globals__
    has_commands = "get_ipython" in function.__code__.co_names
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        if not code.co_flags & inspect.CO_OPTIMIZED:  # the body of a class
            names.update(code.co_names)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                codes.append(constant)
            elif has_commands and isinstance(constant, str):
                names.update(_NAMES.findall(constant))
    return {name: namespace[name] for name in names if name in namespace}


def shell_getter() -> Callable[[], Any]:
    """Return what stands for ``get_ipython`` in a worker."""
    return WorkerShell


KINDS: dict[type, Callable[[Any], Any]] = {
    functools._lru_cache_wrapper: _reduce_cached,
    functools.cached_property: _reduce_cached_property,
    typing.NewType: _reduce_new_type,
    typing.ParamSpec: _reduce_parameters,
    typing.TypeVarTuple: _reduce_parameters,
    object: _reduce_sentinel,
    weakref.WeakSet: _reduce_weak,
    weakref.WeakKeyDictionary: _reduce_weak,
    weakref.WeakValueDictionary: _reduce_weak,
    ContextVar: _reduce_variable,
}
if hasattr(typing, "TypeAliasType"):
    KINDS[typing.TypeAliasType] = _reduce_alias
