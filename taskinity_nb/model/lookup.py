"""Finds the function of each task of a flow, or says what stands there instead."""

from __future__ import annotations

import builtins
import sys
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from ..engine.remote.notebook import notebook_here
from ..errors import BindingError, FlowError, UnknownTaskError, described, listed, suggestion
from ..strangers import is_interrupt, type_name
from .extents.extent import WHOLE, Extent
from .flow import Flow
from .forms.home import ModuleHome, Snapshot
from .task import Task, is_task, registered_tasks

__all__ = ["find_tasks", "functions_of", "has_flows", "not_looked_at", "notebook", "of_module"]

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
    flows: dict[str, Flow] | None = None,
    extent: Extent | None = WHOLE,
) -> dict[str, Task]:
    """Return the function of each task that runs; where they are looked for, `resolve` says.

    A name that has none may be that of one of the `inputs` of the run: then the error says so. Or
    it may be that of a flow, which is put into `flows`. Of a task that is not to run in `extent` no
    function is looked for; where that is not known yet, it is None, and none has to be there.

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
    functions, homes, others = dict(flow.functions), dict(flow.homes), flow.flows
    runs = flow.tasks if extent is WHOLE or extent is None else filter(extent.runs, flow.tasks)
    for name in runs:
        function = functions.get(name, name)
        task = None if homes else found.get(function)
        if task is None:
            looked_at = [homes[name]] if name in homes else places
            value = looked_at[0].get(function)  # where nearly all are
            if not callable(value):
                value = next((v for p in looked_at[1:] if callable(v := p.get(function))), None)
            if value is None or function in others:
                value = None if function in others else _found(function, looked_at)
            if value is None:
                if flows is not None and (other := _flow_of(flow, function, looked_at)) is not None:
                    flows[name] = other
                    continue
                if extent is None:
                    continue
                if is_input := _no_input(flow, name, inputs):
                    raise is_input
                if (
                    lost is not None
                    and name not in homes
                    and not any(function in p for p in places)
                ):
                    raise _not_here(flow, name, function, lost)
                is_own = name in homes or isinstance(namespace, ModuleType)
                where = _told(looked_at[0], name in homes) if is_own else ""
                raise _unknown(flow, name, function, looked_at, where)
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
    if not isinstance(namespace, Mapping):
        raise FlowError(
            "namespace is a module or a mapping of names to functions, "
            f"not an object of class {type_name(namespace)}",
            remedy="give the module itself, namespace=module, or {'load': load, …}",
        )
    return Notebook(list(namespace.maps) if isinstance(namespace, ChainMap) else [namespace])


def _found(path: str, places: Sequence[Mapping[str, Any]]) -> Any:
    """Return the function that is called by a name."""
    return next(filter(callable, _called(path, places)), None)


def _called(path: str, places: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    """Yield what each place has by a name; behind dots, by names in a module or an object."""
    name, *parts = path.split(".")
    for place in places:
        value = place.get(name)
        for part in parts if value is not None else ():
            value = _inner(value, part, path)
        yield value


def _flow_of(flow: Flow, path: str, places: Sequence[Mapping[str, Any]]) -> Flow | None:
    """Return the flow that is called by a name: in the same text, or among the functions."""
    if path == flow.name or path in flow.flows:
        return flow.flows.get(path, flow)
    values = (value for value in _called(path, places) if issubclass(type(value), Flow))
    found, module = next(values, None), path.rpartition(".")[0]
    if found is None or found.homes or not module:
        return found
    modules = (value for value in _called(module, places) if _is_module(value))
    return next((of_module(found, value) for value in modules), found)


def of_module(flow: Flow, module: ModuleType) -> Flow:
    """Return a flow with the functions of its module; what is not there is the notebook's."""
    names = vars(module)
    roots = {task: flow.function_of(task).partition(".")[0] for task in flow.tasks}
    return flow.bound_to({task: names for task, root in roots.items() if root in names})


def has_flows(flow: Flow, namespace: Mapping[str, Any] | ModuleType | None) -> bool:
    """Tell whether tasks of a flow may stand for flows, without looking at anything twice."""
    if flow.flows or any("." in path for path in flow.functions.values()):
        return True
    places = _places(namespace)[0]
    paths = {flow.function_of(task) for task in flow.tasks if task not in flow.homes}
    looked_at = [(path, places) for path in paths]
    looked_at += [(flow.function_of(task), [home]) for task, home in flow.homes.items()]
    return any(_flow_of(flow, path, homes) is not None for path, homes in looked_at)


def _inner(value: Any, part: str, path: str) -> Any:
    """Return what is behind one dot of a path; None if nothing is."""
    try:
        return getattr(value, part, None)
    except BaseException as error:  # what is behind a dot may be code of the user's
        if is_interrupt(error):
            raise
        raise not_looked_at(path, error) from error


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
    flow: Flow, name: str, function: str, places: list[Mapping[str, Any]], where: str = ""
) -> UnknownTaskError:
    if "." in function:
        return _unknown_path(flow, name, function, places)
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
    elif where:
        message = f"task '{name}'{alias}{' is not' if alias else ' has no function'} {where}"
        known = [n for n, v in places[0].items() if callable(v) and str(n)[:1] != "_"]
        remedy = suggestion(function, map(str, known)) or "define it there, or bind the flow anew"
    else:
        message = f"task '{name}'{alias}{' is not defined' if alias else ' has no function'}"
        remedy = _what_else(function, places)
        if key is not None:
            remedy = f"if '{function}' is a module, {_way_to_name(function, key)}; if not, {remedy}"
    return UnknownTaskError(message, remedy=remedy, **flow.at(name))


def _unknown_path(
    flow: Flow, name: str, path: str, places: list[Mapping[str, Any]]
) -> UnknownTaskError:
    """Return the error of a function of a module that is not there."""
    head, *words = path.split(".")
    found = next((place[head] for place in places if head in place), None)
    if found is None:
        known = [str(n) for place in places for n, v in place.items() if _is_module(v)]
        message = f"'{head}' is not defined"
        is_known = head in sys.modules or head in sys.stdlib_module_names
        remedy = suggestion(head, known) or (
            f"import it in a cell above: 'import {'' if is_known else '… as '}{head}'"
        )
    elif is_task(found) or issubclass(type(found), FunctionType):
        message = f"'{head}' is a function, and '{path}' is none"
        remedy = (
            f"write '{name} = {path}' to name this part of its result, or "
            f"'{head} as {name}', and '{name}.{words[0]} -> next_task' in a line of its own"
        )
    else:
        owner = head
        while words and (inner := _inner(found, words[0], path)) is not None:
            owner, found = f"{owner}.{words.pop(0)}", inner
        kind = "the module" if _is_module(found) else f"{type_name(found)}"
        owners = [found] if _is_module(found) else type.mro(type(found))
        known = [str(word) for one in owners for word in vars(one)]
        if not words:
            message, remedy = f"'{path}' is no function: it is {type_name(found)}", ""
        else:
            message = f"{kind} '{owner}' has no '{words[0]}'"
            remedy = suggestion(words[0], [word for word in known if word[:1] != "_"])
        remedy = remedy or f"write the name of a function in '{head}'"
    return UnknownTaskError(f"task '{name}': {message}", remedy=remedy, **flow.at(name))


def _is_module(value: object) -> bool:
    return issubclass(type(value), ModuleType)


def _told(place: Mapping[str, Any], is_bound: bool) -> str:
    """Return what to call the place where the functions of a flow were looked for."""
    module = place.name if isinstance(place, ModuleHome) else place.get("__name__")
    is_module = type(module) is str and not isinstance(place, Snapshot)
    if not is_bound:
        return f"in the module '{module}'" if is_module else "in the module"
    return f"in the module '{module}', to which the flow is bound" if is_module else (
        "among those that the flow is bound to"
    )  # fmt: skip


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
