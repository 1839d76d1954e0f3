"""Finds the function of each task of a flow, or says what stands there instead."""

from __future__ import annotations

import sys
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import BindingError, UnknownTaskError, described, listed, suggestion
from ..strangers import is_interrupt
from .flow import Flow
from .task import Task, registered_tasks

__all__ = ["find_tasks", "not_looked_at"]


def find_tasks(flow: Flow, namespace: Mapping[str, Any] | None) -> dict[str, Task]:
    """Return the function of each task; where they are looked for, `resolve` says.

    Raises
    ------
    UnknownTaskError
        If a name has no function.

    Examples
    --------
    >>> find_tasks(Flow("Example", tasks=["absolute"]), {"absolute": abs})
    {'absolute': <Task 'abs'>}
    """
    places: list[Mapping[str, Any]]
    if namespace is None:
        places = [vars(sys.modules["__main__"]), registered_tasks()]
    else:
        places = list(namespace.maps) if isinstance(namespace, ChainMap) else [namespace]
    tasks: dict[str, Task] = {}
    found: dict[str, Task] = {}  # by the name of the function
    wrapped: dict[int, Task] = {}
    functions = dict(flow.functions)
    for name in flow.tasks:
        function = functions.get(name, name)
        task = found.get(function)
        if task is None:
            value = next((v for v in (p.get(function) for p in places) if callable(v)), None)
            if value is None:
                raise _unknown(flow, name, function, places)
            if not isinstance(value, Task):
                value = wrapped.get(id(value)) or wrapped.setdefault(id(value), _made(name, value))
            task = found[function] = value
        tasks[name] = task
    return tasks


def _made(name: str, function: Callable[..., Any]) -> Task:
    try:
        return Task(function)
    except BaseException as error:  # its name and its docstring may be code of the user's
        if is_interrupt(error):
            raise
        raise not_looked_at(name, error) from error


def not_looked_at(name: str, error: BaseException) -> BindingError:
    """Return the error of a task whose function does not let itself be looked at."""
    return BindingError(
        f"task '{name}': its function cannot be looked at: {described(error)}",
        remedy="write a plain function around it: def work(*args): return it(*args)",
    )


def _unknown(
    flow: Flow, name: str, function: str, places: list[Mapping[str, Any]]
) -> UnknownTaskError:
    known = {n: v for p in places for n, v in p.items() if callable(v) and str(n)[:1] != "_"}
    tasks = {n: value for n, value in known.items() if isinstance(value, Task)}
    values = [place[function] for place in places if function in place]
    label = next((n for n, value in tasks.items() if value.name == function), None)
    alias = "" if name == function else f" calls '{function}', which"
    near = suggestion(function, map(str, tasks)) or suggestion(function, map(str, known))
    if values:
        message = f"task '{name}'{alias} is no function: it is {type(values[0]).__name__}"
        remedy = f"define it with 'def {function}(...):', above this cell"
    else:
        message = f"task '{name}'{alias}{' is not defined' if alias else ' has no function'}"
        remedy = near or f"define it with '@task' above 'def {function}(...):', and run that cell"
        if label is not None:
            remedy = f"'{function}' is only a label; in the text this task is called '{label}'"
        elif tasks and not near:
            remedy += f"; the tasks on offer are {listed(tasks)}"
    return UnknownTaskError(message, remedy=remedy, **flow.at(name))
