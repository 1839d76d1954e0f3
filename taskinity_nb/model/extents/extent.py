"""The extent of a run: which tasks of a flow run, which are given, and which are left out.

A run may have *targets*: only these run, and what they need. It may be *given* results: their tasks
do not run, and neither does what only they need. All other tasks are left out: they need neither a
function nor arguments.

A name may also be that of a flow that stands in the flow, whose tasks are ``Prep.load``,
``Prep.clean``: as a target it stands for its last tasks, and what is given for it is its result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from types import FunctionType
from typing import Any, NamedTuple
from unicodedata import normalize

from ...errors import FlowError, UnknownTaskError, listed, suggestion
from ...strangers import type_name
from ..flow import Flow
from ..task import is_task

__all__ = ["WHOLE", "Choose", "Extent", "extent_of", "given_results", "names_in", "tasks_called"]

LEFT_OUT = "left out:"
"""How the reason begins for which a task does not run."""


class Extent(NamedTuple):
    """Which tasks of a flow run.

    Attributes
    ----------
    targets : tuple of str
        The tasks whose results the run is for; none are the last tasks of the flow.
    left_out : mapping of str to str
        The tasks that do not run, and why.
    given : frozenset of str
        The tasks whose results are given.
    """

    targets: tuple[str, ...] = ()
    left_out: Mapping[str, str] = {}
    given: frozenset[str] = frozenset()

    def runs(self, task: str) -> bool:
        """Tell whether a task is to run."""
        return task not in self.left_out and task not in self.given


Choose = Callable[[Flow], Extent]
"""Returns which tasks of a flow run."""

WHOLE = Extent()
"""All tasks run."""


def extent_of(flow: Flow, targets: Any = None, given: Collection[str] = ()) -> Extent:
    """Return which tasks of a flow run.

    Parameters
    ----------
    flow : Flow
        The flow.
    targets : str or iterable of str, optional
        The tasks, or flows in the flow, that are to be run, with all that they need.
    given : collection of str
        The tasks whose results are given.

    Raises
    ------
    FlowError
        If a name is none of the flow's tasks.

    Examples
    --------
    >>> flow = Flow("Example", [("load", "fit"), ("load", "plot"), ("fit", "report")])
    >>> extent_of(flow, "fit").left_out
    {'plot': "left out: not needed for 'fit'", 'report': "left out: not needed for 'fit'"}
    >>> extent_of(flow, "fit", ["load"]).left_out["plot"]
    "left out: not needed for 'fit'"
    """
    if targets is None and not given:
        return WHOLE
    names = names_in(targets, "targets")
    if targets is not None and not names:
        raise FlowError("targets names no task", remedy="leave it out to run all tasks")
    chosen = tuple(dict.fromkeys(task for name in names for task in _last(flow, name)))
    ends = chosen or flow.last_tasks
    needed = _needed(flow, ends, given)
    wanted = _needed(flow, ends) if given else needed
    before = {name: flow.ancestors(name) for name in given if name in wanted}
    left_out = {}
    for task in flow.tasks:
        if task not in needed and task not in given:
            blocking = [name for name, ancestors in before.items() if task in ancestors]
            if task in wanted and blocking:
                were = "were" if len(blocking) > 1 else "was"
                left_out[task] = f"{LEFT_OUT} {listed(blocking)} {were} given"
            else:
                left_out[task] = f"{LEFT_OUT} not needed for {listed(list(names))}"
    return Extent(chosen, left_out, frozenset(given))


def tasks_called(flow: Flow, name: Any, option: str) -> tuple[str, ...]:
    """Return the tasks that a name stands for in an option of a run: one, or those of a flow in it.

    Raises
    ------
    UnknownTaskError
        If it stands for none.

    Examples
    --------
    >>> tasks_called(Flow("Example", [("load", "fit")]), "fti", "targets")
    Traceback (most recent call last):
        ...
    taskinity_nb.errors.UnknownTaskError: targets names 'fti', which is no task of flow 'Example'
    did you mean 'fit'?
    """
    if not isinstance(name, str):
        raise _no_name(name, option)
    name = normalize("NFKC", name)
    inner = f"{name}."
    found = tuple(task for task in flow.tasks if task == name or task.startswith(inner))
    if found:
        return found
    if name in flow.inputs:
        raise UnknownTaskError(
            f"{option} names '{name}', which is an input of flow '{flow.name}' and no task",
            remedy=f"give it a value among the inputs: inputs={{'{name}': value}}",
        )
    part = flow.parts.get(name)
    if part is not None:
        raise UnknownTaskError(
            f"{option} names '{name}', which is a part of the result of '{part.task}' and no task",
            remedy=f"name the task, '{part.task}'",
        )
    known = dict.fromkeys([*flow.tasks, *_groups(flow)])
    raise UnknownTaskError(
        f"{option} names {listed([name])}, which is no task of flow '{flow.name}'",
        remedy=suggestion(name, known) or f"the tasks are: {listed(list(known))}",
    )


def given_results(flow: Flow, overrides: Any) -> dict[str, Any]:
    """Return the results that are given, by task.

    Raises
    ------
    FlowError
        If a name is no task, or what is given for a flow in the flow is not its result.

    Examples
    --------
    >>> given_results(Flow("Example", [("load", "fit")]), {"load": [1, 2]})
    {'load': [1, 2]}
    """
    if overrides is None:
        return {}
    if not isinstance(overrides, Mapping):
        raise FlowError(
            f"overrides maps tasks to their results, and is no {type_name(overrides)}",
            remedy="give overrides={'task': result, ...}",
        )
    given: dict[str, Any] = {}
    for name, value in overrides.items():
        tasks = tasks_called(flow, name, "overrides")
        last = _last_of(flow, tasks)
        found = {last[0]: value} if len(last) == 1 else _by_task(name, last, value)
        twice = next((task for task in found if task in given), None)
        if twice is not None:
            raise FlowError(f"overrides gives the result of '{twice}' twice")
        given |= found
    return given


def _by_task(group: str, last: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return the results of the last tasks of a flow in the flow: they are given by their names."""
    own = [task.removeprefix(f"{group}.") for task in last]
    for keys in (own, last):
        if isinstance(value, Mapping) and set(keys) == value.keys():
            return {task: value[key] for task, key in zip(last, keys, strict=True)}
    raise FlowError(
        f"overrides gives the result of '{group}', which has several last tasks, as "
        f"{type_name(value)}",
        remedy=f"give a mapping with the results of {listed(own)}",
    )


def names_in(value: Any, option: str) -> tuple[Any, ...]:
    """Return the names that an option of a run gives: one or several."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Iterable):
        raise _no_name(value, option)
    return tuple(value)


def _no_name(thing: Any, option: str) -> FlowError:
    is_function = type(thing) is FunctionType or is_task(thing)
    return FlowError(
        f"{option} takes names of tasks, not an object of class {type_name(thing)}",
        remedy=f"write '{thing.__name__}'" if is_function else "",
    )


def _last(flow: Flow, name: Any) -> tuple[str, ...]:
    return _last_of(flow, tasks_called(flow, name, "targets"))


def _last_of(flow: Flow, tasks: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of some tasks that none of them follows."""
    if len(tasks) == 1:
        return tasks
    among = set(tasks)
    return tuple(t for t in tasks if among.isdisjoint(e.target for e in flow.downstream[t]))


def _needed(flow: Flow, ends: Collection[str], given: Collection[str] = ()) -> set[str]:
    """Return what has to run for some tasks, where the results of others are given."""
    stack = [task for task in ends if task not in given]
    needed = set(stack)
    while stack:
        for edge in flow.upstream[stack.pop()]:
            if edge.source not in needed and edge.source not in given:
                needed.add(edge.source)
                stack.append(edge.source)
    return needed


def _groups(flow: Flow) -> list[str]:
    """Return the names of the flows that stand in a flow."""
    found: dict[str, None] = {}
    for task in flow.tasks:
        group = task.rpartition(".")[0]
        while group:
            found[group] = None
            group = group.rpartition(".")[0]
    return list(found)
