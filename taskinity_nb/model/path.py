"""The longest way through a run: the chain of dependent tasks whose efforts add up to the most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .plan import Plan

__all__ = ["longest_path"]


def longest_path(
    plan: Plan, seconds: Mapping[str, float], items: Mapping[str, Sequence[float]]
) -> tuple[float, tuple[str, ...]]:
    """Return the seconds of the longest path, and its tasks.

    Parameters
    ----------
    plan : Plan
        Who waits for whom.
    seconds : mapping of str to float
        The effort of each task.
    items : mapping of str to sequence of float
        For a mapped task, the effort of each of its items, which run beside each other. If its
        items come from a mapped task too, each waits only for its own.
    """
    length: dict[str, float] = {}
    before: dict[str, str | None] = {}
    of_items: dict[str, list[float]] = {}
    for name in plan.order:
        source = plan.stream_of(name)
        if source is not None and len(of_items.get(source, ())) != len(items.get(name, ())):
            source = None
        others = [edge.source for edge in plan.flow.upstream[name] if edge.source != source]
        before[name] = max(others, key=length.__getitem__, default=None)
        start = length[before[name] or ""] if others else 0.0
        if name not in items:
            length[name] = start + seconds[name]
            continue
        starts = [start] * len(items[name])
        if source is not None:
            starts = [max(start, own) for own in of_items[source]]
            if max(starts, default=0.0) > start:
                before[name] = source
        of_items[name] = [a + b for a, b in zip(starts, items[name], strict=True)]
        length[name] = max(of_items[name], default=start)
    end = max(length, key=length.__getitem__, default=None)
    total = length[end] if end else 0.0
    path = []
    while end is not None:
        path.append(end)
        end = before[end]
    return total, tuple(reversed(path))
