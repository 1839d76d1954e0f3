"""What the tasks of a plan ask for, of what there is."""

from __future__ import annotations

from ....errors import ExecutorError
from ....model.limits.capacities import Capacities, Rate
from ....model.plan import Plan
from .admission import Limits
from .pool import SLACK

__all__ = ["limits_of"]


def limits_of(plan: Plan, capacities: Capacities) -> Limits | None:
    """Return what each task asks for; None if no task does.

    Raises
    ------
    ExecutorError
        If a task asks for more than there is.
    """
    demands = {}
    for slot, (name, binding) in enumerate(zip(plan.flow.tasks, plan.bindings, strict=True)):
        asked = binding.task.resources
        known = tuple(sorted((word, asked[word]) for word in asked if word in capacities))
        for word, amount in known:
            _check(name, word, amount, capacities)
        if known:
            demands[slot] = known
    return Limits(capacities, demands) if demands else None


def _check(name: str, word: str, amount: float, capacities: Capacities) -> None:
    capacity = capacities[word]
    most = capacity.amount if isinstance(capacity, Rate) else capacity
    if amount > most * (1.0 + SLACK):
        there_is = str(capacity) if isinstance(capacity, Rate) else f"{capacity:.12g}"
        raise ExecutorError(
            f"task '{name}' asks for {amount:.12g} of '{word}', and there is {there_is}",
            remedy=f"it would wait for ever: give the run more of '{word}', or let it ask for less",
        )
