"""What a run may keep of an earlier one.

A task is kept if it has a result there, its function and validators are the very same objects, its
arguments have the same sources and the same inputs, and all tasks that it waits for are kept.
"""

from __future__ import annotations

import pickle
from typing import Any

from ..model.plan import Call, Plan
from ..model.run import MISSING, Run

__all__ = ["kept_results"]


def kept_results(plan: Plan, earlier: Run) -> dict[int, Any]:
    """Return the results of `earlier` that are still right under `plan`, by the task's number.

    Examples
    --------
    >>> from taskinity_nb import run
    >>> functions = {"load": lambda: 3, "double": lambda x: 2 * x}
    >>> first = run("load -> double", namespace=functions)
    >>> kept_results(first.plan, first)
    {0: 3, 1: 6}
    >>> functions["double"] = lambda x: x + x
    >>> kept_results(first.flow.explain(namespace=functions), first)
    {0: 3}
    """
    kept: dict[int, Any] = {}
    for name in plan.order:
        index, before = plan.index[name], earlier.plan.index.get(name)
        if before is None or earlier._values[before] is MISSING:
            continue
        edges = plan.flow.upstream[name]
        if edges != earlier.flow.upstream[name]:
            continue
        if not all(plan.index[edge.source] in kept for edge in edges):
            continue
        then = earlier.plan.calls[before]
        if _same_call(plan.calls[index], plan, then, earlier.plan):
            kept[index] = earlier._values[before]
    return kept


def _same_call(now: Call, plan: Plan, then: Call, earlier: Plan) -> bool:
    functions = [
        (c.task.function, c.task.validate_input, c.task.validate_output) for c in (now, then)
    ]
    if any(a is not b for a, b in zip(*functions, strict=True)):
        return False
    if (now.late, now.optional) != (then.late, then.optional):
        return False
    sources = [(*c.positional, *c.keywords) for c in (now, then)]
    if len(sources[0]) != len(sources[1]):
        return False
    for (name, origin), (other_name, other) in zip(*sources, strict=True):
        if (name, origin._replace(slot=0)) != (other_name, other._replace(slot=0)):
            return False
        if origin.kind != "result":
            constants = (
                plan.constants[origin.slot - len(plan.calls)],
                earlier.constants[other.slot - len(earlier.calls)],
            )
            if not _same_value(*constants):
                return False
    return True


def _same_value(a: Any, b: Any) -> bool:
    if a is b:
        return True
    try:
        return pickle.dumps(a) == pickle.dumps(b)
    except Exception:  # what cannot be pickled is the same only if it is the same object
        return False
