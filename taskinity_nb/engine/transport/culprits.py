"""The way from a function to what keeps it from travelling: ``work → slow → lock``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

from ...model.task import Task
from ...strangers import is_interrupt, text_of, type_name

__all__ = ["way_to"]

LONGEST = 12
"""Steps of a way, at most."""

MOST = 1000
"""Parts of one thing that are looked at."""


def way_to(thing: Any, dumps: Callable[[Any], bytes]) -> str:
    """Return how what cannot be pickled is reached from a function or value, with its type.

    Examples
    --------
    >>> import pickle, threading
    >>> lock = threading.Lock()
    >>> def slow(): return lock
    >>> def work(): return slow()
    >>> from taskinity_nb.engine.remote.pickling.pickler import dumps
    >>> way_to(work, dumps)
    'work → slow → lock, a lock'
    """
    names = [_name_of(thing)]
    known = {id(thing)}
    while len(names) < LONGEST:
        parts = (pair for pair in _parts(thing) if id(pair[1]) not in known)
        culprit = next((pair for pair in parts if not _travels(pair[1], dumps)), None)
        if culprit is None:
            break
        name, thing = culprit
        known.add(id(thing))
        names.append(name)
    is_named = isinstance(thing, FunctionType | type | Task)
    return " → ".join(names) + ("" if is_named else f", a {type_name(thing)}")


def _travels(part: Any, dumps: Callable[[Any], bytes]) -> bool:
    try:
        dumps(part)
    except BaseException as error:
        if is_interrupt(error):
            raise
        return False
    return True


def _name_of(thing: Any) -> str:
    name = getattr(thing, "__name__", None)
    return name if isinstance(name, str) else type_name(thing)


def _parts(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield what something is made of, as far as it travels with it, each with its name."""
    thing = thing.function if isinstance(thing, Task) else inspect.unwrap(thing, stop=_is_plain)
    if isinstance(thing, FunctionType):
        yield from _parts_of_function(thing)
    elif isinstance(thing, MethodType):
        yield _name_of(thing.__func__), thing.__func__
        yield type_name(thing.__self__), thing.__self__
    elif isinstance(thing, partial):
        yield _name_of(thing.func), thing.func
        yield from ((f"argument {number}", each) for number, each in enumerate(thing.args))
        yield from thing.keywords.items()
    elif issubclass(type(thing), dict):
        for key, value in list(dict.items(thing))[:MOST]:
            yield f"[{text_of(key, repr)}]", value
    elif issubclass(type(thing), list | tuple | set | frozenset):
        yield from ((f"[{number}]", each) for number, each in enumerate(list(thing)[:MOST]))
    elif issubclass(type(thing), type):
        yield from ((name, each) for name, each in vars(thing).items() if name != "__dict__")
    else:
        attributes = getattr(thing, "__dict__", None)
        if isinstance(attributes, dict):
            yield from ((f".{name}", value) for name, value in list(attributes.items()))


def _is_plain(function: Any) -> bool:
    """Tell whether what a function wraps is found through its own parts."""
    return isinstance(function, FunctionType | type)


def _parts_of_function(function: FunctionType) -> Iterator[tuple[str, Any]]:
    namespace, names = function.__globals__, dict.fromkeys(_names(function.__code__))
    yield from ((name, namespace[name]) for name in names if name in namespace)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # it is empty as yet
            continue
    parameters = inspect.signature(function, follow_wrapped=False).parameters
    for parameter in parameters.values():
        if parameter.default is not parameter.empty:
            yield f"the default of '{parameter.name}'", parameter.default
    yield from function.__dict__.items()


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
