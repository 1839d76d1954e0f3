"""How much memory tasks take: each by itself, and those together that run at the same moment.

Of each, what was measured counts; where nothing was, what its task took in an earlier run, or else
the `memory` that it asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...engine.scheduling.history import peaks_of
from ...engine.scheduling.limits.demands import MEMORY
from ...model.events import Items
from ...model.plan import Plan
from ...model.record import TaskRun

__all__ = ["memory_of", "most_together"]


def memory_of(
    plan: Plan, records: Sequence[TaskRun] = (), items: Mapping[int, Items] | None = None
) -> dict[int, float]:
    """Return the bytes that each task and each item takes, by slot, as far as that is known.

    A task of which something was measured is not asked for more: of its other items it is known
    that they take next to nothing.
    """
    found: dict[int, float] = {}
    earlier = peaks_of(plan.flow)
    for slot, binding in enumerate(plan.bindings):
        first, number = (items or {}).get(slot, (slot, 1))
        slots = range(first, first + number)
        measured = {one: records[one].peak_memory for one in slots if one < len(records)}
        known = {one: float(peak) for one, peak in measured.items() if peak is not None}
        usual = earlier.get(slot, binding.task.resources.get(MEMORY))
        if not known and usual is not None:
            known = dict.fromkeys(slots, float(usual))
        found |= known
    return found


def most_together(
    spans: Iterable[tuple[int, float, float]], memory: Mapping[int, float]
) -> int | None:
    """Return the most bytes that tasks take at the same moment; None if of none it is known.

    `spans` are slots with when each begins and ends.

    Examples
    --------
    >>> most_together([(0, 0.0, 2.0), (1, 1.0, 3.0), (2, 2.0, 4.0)], {0: 10, 1: 20, 2: 5})
    30
    """
    changes = []
    for slot, start, end in spans:
        taken = memory.get(slot)
        if taken is not None:
            changes += [(start, taken), (end, -taken)]
    taken = most = 0.0
    for _, change in sorted(changes):  # at the same moment, what ends comes first
        taken += change
        most = max(most, taken)
    return round(most) if changes else None
