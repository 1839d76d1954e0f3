"""A flow as a picture in characters: a line for each task, and rails that lead to the next ones.

A rail begins under a task and ends at the last task that depends on it. What turns off to the right
meets the arrow of the task that takes the result; a rail that passes a line is not touched by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...formatting import counted, elided, one_line, visible
from .dot import LONGEST_LABEL, flow_text

if TYPE_CHECKING:
    from ...model.flow import Flow

__all__ = ["flow_picture"]

MOST_TASKS = 40
"""Tasks of a picture; of more, the arrows are listed."""

MOST_RAILS = 20
"""Rails beside each other; among more, nobody finds one again."""

BEGIN, DOWN, RIGHT = "●", "▼", "▶"


def flow_picture(flow: Flow, labels: Mapping[str, str] | None = None) -> str:
    """Return a flow as a picture in characters; one that is too large, as the list of its arrows.

    Below a heading there is a line for each task, each below those that it depends on; what people
    call a task stands behind its name.

    Examples
    --------
    >>> from taskinity_nb.model.flow import Flow
    >>> print(flow_picture(Flow("Example", [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])))
    Example: 4 tasks
      ● a
      ├─▶ b
      └─│─▶ c
        └─▼ d
    """
    lines = _rails(flow) if len(flow.tasks) <= MOST_TASKS else None
    if lines is None:
        return flow_text(flow)
    told = [f"{visible(flow.name)}: {counted(len(flow.tasks), 'task')}"]
    if flow.description:
        told.append("  " + one_line(flow.description, 2 * LONGEST_LABEL))
    for task, rails in lines.items():
        told.append(f"  {rails} {elided(visible(task), LONGEST_LABEL)}{_notes(flow, task, labels)}")
    return "\n".join(told)


def _notes(flow: Flow, task: str, labels: Mapping[str, str] | None) -> str:
    """Tell what the rails do not: another name, and what is no plain handing over of a result."""
    function = flow.function_of(task)
    notes = [] if function == task else [f"calls {function}"]
    if labels and task in labels:
        notes.append(one_line(labels[task], LONGEST_LABEL))
    for edge in flow.upstream[task]:
        part = f".{edge.key} of {edge.source}" if edge.key else edge.source
        if edge.kind == "map":
            notes.append(f"for each item of {part}")
        elif edge.kind == "wait":
            notes.append(f"only waits for {part}")
        elif edge.key:
            notes.append(f"takes {part}")
    return f"  ({visible(elided('; '.join(notes), 2 * LONGEST_LABEL))})" if notes else ""


def _rails(flow: Flow) -> dict[str, str] | None:
    """Return what stands before each task, from top to bottom; None if it were too wide."""
    columns: list[str | None] = []  # the task whose rail runs in each
    left = {task: len({edge.target for edge in flow.downstream[task]}) for task in flow.tasks}
    lines = {}
    for task in _order(flow):
        sources = {edge.source for edge in flow.upstream[task]}
        for source in sources:
            left[source] -= 1
        taps = [place for place, source in enumerate(columns) if source in sources]
        goes_on = {place for place in taps if left[columns[place] or ""]}
        last = taps[-1] if taps else -1
        only = len(taps) == 1 and len(flow.downstream[columns[last] or ""]) > 1
        if taps and last not in goes_on and not only:  # the last of several turns off as they do
            place, sign = last, DOWN
        else:
            free = (i for i in range(last + 1, len(columns)) if columns[i] is None)
            place, sign = next(free, len(columns)), RIGHT if taps else BEGIN
        if place == len(columns):
            columns.append(None)
        if place >= MOST_RAILS:
            return None
        lines[task] = _line(columns, taps, goes_on, place, sign)
        for tap in taps:
            if tap not in goes_on:
                columns[tap] = None
        columns[place] = task if left[task] else None
        while columns and columns[-1] is None:
            columns.pop()
    return lines


def _line(
    columns: list[str | None], taps: list[int], goes_on: set[int], place: int, sign: str
) -> str:
    first = taps[0] if taps else place
    parts = []
    for i, source in enumerate(columns):
        crossed = first < i < place
        if i == place:
            parts.append(sign)
        elif i in taps:
            parts.append(("├" if i in goes_on else "└") if i == first else
                         ("┼" if i in goes_on else "┴"))  # fmt: skip
        elif source is not None:
            parts.append("│")
        else:
            parts.append("─" if crossed else " ")
        parts.append("─" if first <= i < place else " ")
    return "".join(parts).rstrip()


def _order(flow: Flow) -> list[str]:
    """Return the tasks, each below those before it, and as near to the last of them as can be."""
    waiting = {task: len({edge.source for edge in flow.upstream[task]}) for task in flow.tasks}
    ready = [task for task in reversed(flow.tasks) if not waiting[task]]
    order = []
    while ready:
        order.append(ready.pop())
        freed = []
        for target in dict.fromkeys(edge.target for edge in flow.downstream[order[-1]]):
            waiting[target] -= 1
            if not waiting[target]:
                freed.append(target)
        ready += reversed(freed)
    return order
