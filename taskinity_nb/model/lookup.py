"""Finds the function of each task of a flow, or says what stands there instead."""

from __future__ import annotations

import builtins
import sys
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from ..engine.remote.notebook import notebook_here
from ..errors import BindingError, UnknownTaskError, described, listed, suggestion
from ..strangers import is_interrupt, type_name
from .flow import Flow
from .forms.extent import WHOLE, Extent
from .task import Task, is_task, registered_tasks

__all__ = ["find_tasks", "functions_of", "not_looked_at", "notebook"]

NOT_TASKS = {"IPython", __name__.partition(".")[0]}
"""Packages whose functions lie about in a notebook and are no tasks."""


class Notebook(NamedTuple):
    """Where functions are looked for by default.

    Attributes
    ----------
    places : list of mapping of str to object
        By name, the first place first.
    lost : mapping of str to str, or None
        In a task elsewhere, what could not be sent to it, and why.
    """

    places: list[Mapping[str, Any]]
    lost: Mapping[str, str] | None = None


def notebook() -> Notebook:
    """Return the notebook, or what a task elsewhere has of it; then the registered tasks."""
    away, main = notebook_here(), vars(sys.modules["__main__"])
    if away is None:
        return Notebook([main, registered_tasks()])
    # A process that was forked has the notebook of that moment in its own ``__main__``.
    others = {n: t for n, t in registered_tasks().items() if main.get(n) is not t}
    return Notebook([away.names, others], away.lost)


def find_tasks(
    flow: Flow,
    namespace: Mapping[str, Any] | ModuleType | None,
    inputs: Collection[Any] = (),
    extent: Extent = WHOLE,
) -> dict[str, Task]:
    """Return the function of each task that runs; where they are looked for, `resolve` says.

    A name that has none may be that of one of the `inputs` of the run: then the error says so.

    Raises
    ------
    UnknownTaskError
        If a name has no function.

    Examples
    --------
    >>> find_tasks(Flow("Example", tasks=["absolute"]), {"absolute": abs})
    {'absolute': <Task 'abs'>}
    """
    places, lost = _places(namespace)
    tasks: dict[str, Task] = {}
    found: dict[str, Task] = {}  # by the name of the function
    wrapped: dict[int, Task] = {}
    functions, homes = dict(flow.functions), dict(flow.homes)
    for name in flow.tasks if extent is WHOLE else filter(extent.runs, flow.tasks):
        function = functions.get(name, name)
        task = None if homes else found.get(function)
        if task is None:
            own = homes.get(name)
            looked_at = places if own is None else [own]
            value = _found(function, looked_at)
            if value is None:
                if is_input := _no_input(flow, name, inputs):
                    raise is_input
                if lost is not None and not any(function in place for place in looked_at):
                    raise _not_here(flow, name, function, lost)
                raise _unknown(flow, name, function, looked_at)
            if not is_task(value):
                value = wrapped.get(id(value)) or wrapped.setdefault(id(value), _made(name, value))
            task = found[function] = value
        tasks[name] = task
    return tasks


def functions_of(
    flow: Flow, namespace: Mapping[str, Any] | ModuleType | None, names: Iterable[str]
) -> dict[str, Any]:
    """Return the functions of some tasks, as far as they are there; None for the others."""
    places = _places(namespace).places
    return {
        name: _found(flow.function_of(name), [flow.homes[name]] if name in flow.homes else places)
        for name in names
    }


def _places(namespace: Mapping[str, Any] | ModuleType | None) -> Notebook:
    """Return where functions are looked for."""
    if namespace is None:
        return notebook()
    if isinstance(namespace, ModuleType):
        return Notebook([vars(namespace)])
    return Notebook(list(namespace.maps) if isinstance(namespace, ChainMap) else [namespace])


def _found(path: str, places: Sequence[Mapping[str, Any]]) -> Any:
    """Return what is called by a name; behind dots, by names in a module or an object."""
    name, _, rest = path.partition(".")
    if not rest:
        return next((v for v in (place.get(name) for place in places) if callable(v)), None)
    for place in places:
        value = place.get(name)
        for part in rest.split(".") if value is not None else ():
            try:
                value = getattr(value, part, None)
            except BaseException as error:  # what is behind a dot may be code of the user's
                if is_interrupt(error):
                    raise
                raise not_looked_at(path, error) from error
        if callable(value):
            return value
    return None


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


def _no_input(flow: Flow, name: str, inputs: Collection[Any]) -> UnknownTaskError | None:
    """Return the error of a name that is an input of the run, but not of the flow."""
    if name not in inputs or flow.incoming[name]:
        return None
    return UnknownTaskError(
        f"'{name}' is no task: it is an input of this run, which the flow does not declare",
        remedy=f"write 'input {name}' in a line above this one",
        **flow.at(name),
    )


def _not_here(flow: Flow, name: str, function: str, lost: Mapping[str, str]) -> UnknownTaskError:
    """Return the error of a run in a task elsewhere, where a function of the notebook is not."""
    alias = "" if name == function else f" calls '{function}', which"
    if function in lost:
        return UnknownTaskError(
            f"task '{name}'{alias} could not be sent to this process: {lost[function]}",
            remedy='create what it uses inside the function, or run with executor="threads"',
            **flow.at(name),
        )
    given = ", ".join(f'"{f}": {f}' for f in dict.fromkeys(map(flow.function_of, flow.tasks)))
    return UnknownTaskError(
        f"task '{name}'{alias} has no function in this process, to which a task brings along of "
        "the notebook only what its code and the texts in it name",
        remedy=f"define it, or pass it to the run inside the task: namespace={{{given}}}",
        **flow.at(name),
    )


def _unknown(
    flow: Flow, name: str, function: str, places: list[Mapping[str, Any]]
) -> UnknownTaskError:
    values = [place[function] for place in places if function in place]
    alias = "" if name == function else f" calls '{function}', which"
    keys = (edge.key for edge in flow.edges if edge.source == name)
    key = next((key for key in keys if isinstance(key, str)), None)
    if values:
        is_module = issubclass(type(values[0]), ModuleType)
        kind = "a module" if is_module else type_name(values[0])
        message = f"task '{name}'{alias} is no function: it is {kind}"
        remedy = f"define it with 'def {function}(...):', above this cell"
        if key is not None:
            remedy = _way_to_name(function, key)
        elif is_module:
            remedy = f"name the function that you mean, and its node: '{function}.work as work'"
    elif callable(vars(builtins).get(function)):
        message = f"task '{name}'{alias} is Python's own, and no task by that name"
        other = f"{function.lower()}_of"
        remedy = (
            f"write a function around it above this cell, 'def {other}(...): ...', "
            f"and '{other}' here"
        )
    else:
        message = f"task '{name}'{alias}{' is not defined' if alias else ' has no function'}"
        remedy = _what_else(function, places)
        if key is not None:
            remedy = f"if '{function}' is a module, {_way_to_name(function, key)}; if not, {remedy}"
    return UnknownTaskError(message, remedy=remedy, **flow.at(name))


def _way_to_name(module: str, function: str) -> str:
    """Return how to give a function that lies in a module a name that a text can say."""
    return f"write '{module}.{function} as {function}' here: the node needs a name of its own"


def _what_else(function: str, places: list[Mapping[str, Any]]) -> str:
    """Return what to do about a name that stands for nothing: what is near, or what there is."""
    known = {n: v for p in places for n, v in p.items() if callable(v) and str(n)[:1] != "_"}
    tasks = {n: value for n, value in known.items() if is_task(value)}
    label = next((n for n, value in tasks.items() if value.name == function), None)
    if label is not None:
        return f"'{function}' is only a label; in the text this task is called '{label}'"
    if near := suggestion(function, map(str, tasks)) or suggestion(function, map(str, known)):
        return near
    remedy = f"define it with '@task' above 'def {function}(...):', and run that cell"
    offer = [*tasks, *(n for n, value in known.items() if n not in tasks and _is_plain(value))]
    return f"{remedy}; the tasks on offer are {listed(offer)}" if offer else remedy


def _is_plain(value: object) -> bool:
    """Tell whether something is a function that a user has written, or imported by its name."""
    if not issubclass(type(value), FunctionType):
        return False
    module = vars(FunctionType)["__globals__"].__get__(value).get("__name__")
    return not isinstance(module, str) or module.partition(".")[0] not in NOT_TASKS
