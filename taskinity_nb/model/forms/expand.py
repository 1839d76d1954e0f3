"""Finds the flows that stand in a flow, and puts them in place of their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from ...errors import CycleError, FlowError, UnknownTaskError
from ..extents.absent import NOBODY
from ..extents.extent import WHOLE, Extent
from ..flow import Edge, Flow
from ..lookup import find_tasks
from .call import Call
from .edges import WAITS
from .inline import Taken, inline

__all__ = ["Bind", "drawable", "with_flows"]

Bind = Callable[[Flow, Mapping[str, Any]], Sequence[Call]]
"""Returns how the tasks of a flow are called, given values for its inputs."""


def with_flows(
    flow: Flow,
    flows: Mapping[str, Flow],
    namespace: Mapping[str, Any] | ModuleType | None,
    inputs: Mapping[str, Any],
    bind: Bind,
    around: tuple[Flow, ...],
    extent: Extent | None = WHOLE,
) -> Flow:
    """Return a flow with others in place of their names, which may have others in them.

    Parameters
    ----------
    flow : Flow
        The flow.
    flows : mapping of str to Flow
        Which flow stands for which task.
    namespace : mapping of str to object, or module, optional
        Where the functions are.
    inputs : mapping of str to object
        The inputs of the run.
    bind : callable
        Returns how the tasks of a flow are called, given values for its inputs.
    around : tuple of Flow
        The flow, and those in which it stands.
    extent : Extent, optional
        None if it is not known yet which tasks run: then a function need not be there.

    Raises
    ------
    CycleError
        If a flow contains itself.
    """
    whole: dict[str, Flow] = {}
    for task, one in flows.items():
        if any(one is each or one == each for each in around):
            raise CycleError(
                f"the flow '{one.name}' contains itself",
                remedy="a flow cannot be a task of its own; give one of the two another name",
                **flow.at(task),
            )
        if flow.homes.get(task) is not None and not one.homes:
            one = one.bind(flow.homes[task])
        others: dict[str, Flow] = {}
        try:
            find_tasks(one, namespace, inputs, others, extent)
        except UnknownTaskError as error:
            if flow.function_of(task) not in flow.flows and not one.homes:
                bound = f"{flow.function_of(task)}.bind(module)"
                error.remedy += f";\nif a module has the functions of this flow, write '{bound}'"
            raise
        if others:
            one = with_flows(one, others, namespace, inputs, bind, (*around, one), extent)
        whole[task] = one

    def takers(one: Flow) -> list[Taken]:
        """Bind a flow by itself, to see who takes its inputs."""
        if not one.inputs:
            return []
        calls = bind(one, {**inputs, **dict.fromkeys(one.inputs, None)})
        taken = [taken for call in calls for taken in _taken_inputs(one, call)]
        free = one.inputs.keys() - {each.edge.source for each in taken}
        unknown = [c.name for c in calls if c.task is NOBODY.task and not one.upstream[c.name]]
        return taken + [Taken(Edge(key, task), None) for task in unknown for key in sorted(free)]

    return inline(flow, whole, takers)


def drawable(flow: Flow) -> Flow:
    """Return a flow with those of its text in place of their names, as far as that can be.

    Who takes their inputs is not known without their functions, so it is the first tasks.
    """
    if not flow.flows:
        return flow
    flows = {task: flow.flows.get(flow.function_of(task)) for task in flow.tasks}
    known = {task: drawable(one) for task, one in flows.items() if one is not None}
    try:
        return inline(flow, known, lambda _: None)
    except FlowError:  # a run says it
        return flow


def _taken_inputs(flow: Flow, call: Call) -> Iterator[Taken]:
    """Yield the inputs of a flow that a task of it takes: along its edges, and by their names."""
    named = [*call.positional, *call.keywords]
    edges = [e for e in flow.incoming[call.name] if e.source in flow.inputs and e.kind not in WAITS]
    for edge in edges:
        label = "" if edge.key is None else str(edge.key)
        parameters = (p for p, o in named if (o.name, o.label) == (edge.source, label))
        parameter = next(parameters, None)
        if parameter is not None and parameter.startswith("*"):
            parameter = None
        yield Taken(edge, parameter)
    for parameter, origin in named:
        by_name = origin.kind == "input" and origin.name in flow.inputs
        is_constant = parameter in flow.constants.get(call.name, {})
        if by_name and not is_constant and all(edge.source != origin.name for edge in edges):
            yield Taken(Edge(origin.name, call.name), parameter)
