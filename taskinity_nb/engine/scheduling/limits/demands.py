"""What the tasks of a plan ask for, of what there is."""

from __future__ import annotations

from ....errors import ExecutorError
from ....model.limits.capacities import Capacities, Rate
from ....model.plan import Plan
from ..history import peaks_of
from .admission import Limits
from .pool import SLACK

__all__ = ["MEMORY", "limits_of"]

MEMORY = "memory"
"""A resource of which a task asks for what it took in its last run, unless it says how much."""

LEAST = 1_000_000
"""Bytes from which on it does."""


def limits_of(plan: Plan, capacities: Capacities) -> Limits | None:
    """Return what each task asks for; None if no task does.

    Of memory, a task that does not say asks for what it took in its last run, as far as that is
    known; if that is more than there is, it asks for all.

    Raises
    ------
    ExecutorError
        If a task asks for more than there is.
    """
    if not capacities:
        return None
    demands = {}
    peaks = peaks_of(plan.flow) if MEMORY in capacities else {}
    for slot, (name, binding) in enumerate(zip(plan.flow.tasks, plan.bindings, strict=True)):
        asked = binding.task.resources
        known = {word: amount for word, amount in asked.items() if word in capacities}
        for word, amount in known.items():
            _check(name, word, amount, capacities)
        there_is = capacities.get(MEMORY)
        if peaks.get(slot, 0) >= LEAST and isinstance(there_is, float):
            known.setdefault(MEMORY, min(_two_digits(peaks[slot]), there_is))
        if known:
            demands[slot] = tuple(sorted(known.items()))
    return Limits(capacities, demands) if demands else None


def _two_digits(number: int) -> float:
    """Round up to two digits, so that many tasks ask for the same.

    Examples
    --------
    >>> _two_digits(301_234_567), _two_digits(300_000_000), _two_digits(9_990_001)
    (310000000.0, 300000000.0, 10000000.0)
    """
    unit = 10 ** max(len(str(number)) - 2, 0)
    return float(-(-number // unit) * unit)


def _check(name: str, word: str, amount: float, capacities: Capacities) -> None:
    capacity = capacities[word]
    most = capacity.amount if isinstance(capacity, Rate) else capacity
    if amount > most * (1.0 + SLACK):
        there_is = str(capacity) if isinstance(capacity, Rate) else f"{capacity:.12g}"
        raise ExecutorError(
            f"task '{name}' asks for {amount:.12g} of '{word}', and there is {there_is}",
            remedy=f"it would wait for ever: give the run more of '{word}', or let it ask for less",
        )
