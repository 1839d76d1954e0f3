"""Inputs of a flow that can be read only once: by one task, and in one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from ...errors import BindingError, FlowError, listed
from ...model.plan import Plan
from ...model.run import Run
from ...values import OnceError, collected, is_once, kind_of

__all__ = ["check_takers", "check_unread", "collected_inputs", "repeatable_inputs", "takers"]


def collected_inputs(inputs: Any) -> Any:
    """Return inputs with lists in place of iterators, so that each task and each run has them.

    Raises
    ------
    BindingError
        If one of them never ends. What an iterator raises comes through.

    Examples
    --------
    >>> collected_inputs({"numbers": map(abs, [-1, 2]), "depth": 3})
    {'numbers': [1, 2], 'depth': 3}
    """
    name = ""
    try:
        if not isinstance(inputs, Mapping):
            return collected(inputs)
        changed = {}
        for name, value in inputs.items():
            list_of_it = collected(value)
            if list_of_it is not value:
                changed[name] = list_of_it
        return {**inputs, **changed} if changed else inputs
    except OnceError as error:
        raise _error(f"{_called(name)}: {error}") from None


def repeatable_inputs(inputs: Any) -> Any:
    """Return inputs for several runs.

    Raises
    ------
    FlowError
        If the first of the runs would leave nothing of one of them to the others.
    """
    inputs = collected_inputs(inputs)
    pairs = inputs.items() if isinstance(inputs, Mapping) else [("", inputs)]
    for name, value in pairs:
        if is_once(value):
            raise FlowError(
                f"{_called(name)}, {kind_of(value)}, can be read only once, and the flow is run "
                "more than once",
                remedy="pass what is in it, such as list(it) or it.read(), or the path of a file",
            )
    return inputs


def check_takers(plan: Plan) -> None:
    """Raise if an input that can be read only once goes to more than one task, or to each item."""
    found: dict[int, list[str]] = {}
    for slot, name in takers(plan):
        found.setdefault(slot, []).append(name)
        edges = plan.maps.get(plan.index[name], ())
        if edges and all(plan.inputs.get(edge.source) != slot for edge in edges):
            found[slot].append(f"each item of {name}")
    for slot, names in found.items():
        if len(names) > 1:
            raise _error(
                f"the input {_described(plan, slot)} can be read only once, and goes to "
                f"{listed(names[1:] if names[1].startswith('each item') else names)}",
                "pass what is in it, such as list(it) or it.read(), or let one task read it and "
                "the others take its result",
            )


def check_unread(plan: Plan, kept: Mapping[int, Any], earlier: Run) -> None:
    """Raise if a task that runs again takes an input which the earlier run has read already."""
    before = earlier.plan.constants
    for slot, name in takers(plan):
        value = plan.constants[slot - len(plan.bindings)]
        record = earlier.tasks.get(name)
        was_begun = record is not None and record.started is not None
        if plan.index[name] not in kept and was_begun and any(value is one for one in before):
            raise FlowError(
                f"task '{name}' runs again, but the input {_described(plan, slot)} can be read "
                "only once, and the earlier run has begun to read it",
                remedy="pass it anew: run.resume(inputs=...)",
            )


def takers(plan: Plan) -> Iterator[tuple[int, str]]:
    """Yield the slot of each input that can be read only once, and each task that takes it."""
    first = len(plan.bindings)
    once = {first + place for place, value in enumerate(plan.constants) if is_once(value)}
    for call in plan.calls if once else ():
        edges = plan.flow.incoming[call.name]
        taken = [plan.inputs[edge.source] for edge in edges if edge.source in plan.inputs]
        taken += [
            origin.slot
            for _, origin in (*call.positional, *call.keywords)
            if origin.kind in ("input", "inputs")
        ]
        for slot in dict.fromkeys(taken):
            if slot in once:
                yield slot, call.name


def _described(plan: Plan, slot: int) -> str:
    origins = (o for call in plan.calls for _, o in (*call.positional, *call.keywords))
    sources = ((place, name) for name, place in plan.inputs.items())
    named = chain(sources, ((origin.slot, origin.name) for origin in origins))
    name = next(name for place, name in named if place == slot)
    kind = kind_of(plan.constants[slot - len(plan.bindings)])
    return f"{listed([name])}, {kind}," if name else f"of the flow, {kind},"


def _called(name: Any) -> str:
    return f"the input {listed([name])}" if name else "the input of the flow"


def _error(message: str, remedy: str = "") -> BindingError:
    return BindingError(message, remedy=remedy)
