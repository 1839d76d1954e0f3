"""A flow as a picture in characters: a line for each task, and rails that lead to the next ones.

A rail begins under a task and ends at the last task that depends on it. What turns off to the right
meets the arrow of the task that takes the result; a rail that passes a line is not touched by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...formatting import counted, elided, one_line, visible
from ...model.forms.edges import CONDITIONS, MAPPED, condition
from .dot import LONGEST_LABEL, flow_text
from .forms import call_of, drawn_edges, gathered_in, input_line, key_of

if TYPE_CHECKING:
    from ...model.flow import Edge, Flow

__all__ = ["flow_picture"]

MOST_TASKS = 40
"""Tasks of a picture; of more, the arrows are listed."""

MOST_RAILS = 20
"""Rails beside each other; among more, nobody finds one again."""

BEGIN, DOWN, RIGHT, INPUT = "●", "▼", "▶", "◇"


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
    nodes = len(flow.tasks) + len(flow.inputs)
    lines = _rails(flow) if nodes <= MOST_TASKS else None
    if lines is None:
        return flow_text(flow)
    told = [f"{visible(flow.name)}: {counted(len(flow.tasks), 'task')}"]
    if flow.description:
        told.append("  " + one_line(flow.description, 2 * LONGEST_LABEL))
    for task, rails in lines.items():
        is_input = task in flow.inputs
        name = elided(
            visible(input_line(flow, task, whole=True) if is_input else task), LONGEST_LABEL
        )
        told.append(f"  {rails} {name}{'' if is_input else _notes(flow, task, labels)}")
    return "\n".join(told)


def _notes(flow: Flow, task: str, labels: Mapping[str, str] | None) -> str:
    """Tell what the rails do not: another name, and what is no plain handing over of a result."""
    call = call_of(flow, task)
    notes = [f"calls {call.removesuffix('()')}"] if call else []
    if gathered_in(flow, task):
        notes = [f"its result, {call}"]
    if labels and task in labels:
        notes.append(one_line(labels[task], LONGEST_LABEL))
    for edge in drawn_edges(flow) if flow.inputs else flow.upstream[task]:
        if edge.target == task and (note := _note(flow, edge)):
            notes.append(note)
    return f"  ({visible(elided('; '.join(notes), 2 * LONGEST_LABEL))})" if notes else ""


def _note(flow: Flow, edge: Edge) -> str:
    if edge.kind in CONDITIONS:
        return condition(edge._replace(optional=False))
    if edge.parameter is not None and edge.key is None:
        key = key_of(flow, edge)
        return f"{key}{edge.source}" if key else ""
    part = edge.source if edge.key is None else f"{key_of(flow, edge)} of {edge.source}"
    there = ", if it is there" if edge.optional else ""
    if edge.kind in ("zip", "product"):
        how = "side by side" if edge.kind == "zip" else "in every combination"
        return f"for each item of {part}{there}, {how}"
    if edge.kind in MAPPED:
        return f"for each item of {part}{there}" if edge.kind == "map" else ""
    if edge.kind == "wait":
        return f"only waits for {part}"
    return f"takes {part}{there}" if edge.key is not None or edge.optional else ""


def _rails(flow: Flow) -> dict[str, str] | None:
    """Return what stands before each task, from top to bottom; None if it were too wide."""
    columns: list[str | None] = []  # the task whose rail runs in each
    before, after = _sides(flow)
    left = {node: len(targets) for node, targets in after.items()}
    lines = {}
    for task in _order(flow):
        sources = before[task]
        for source in sources:
            left[source] -= 1
        taps = [place for place, source in enumerate(columns) if source in sources]
        goes_on = {place for place in taps if left[columns[place] or ""]}
        last = taps[-1] if taps else -1
        only = len(taps) == 1 and len(after[columns[last] or ""]) > 1
        if taps and last not in goes_on and not only:  # the last of several turns off as they do
            place, sign = last, DOWN
        else:
            free = (i for i in range(last + 1, len(columns)) if columns[i] is None)
            place, sign = next(free, len(columns)), RIGHT if taps else BEGIN
            sign = INPUT if task in flow.inputs else sign
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
    """Return inputs and tasks, each below those before it, and near to the last of them."""
    before, after = _sides(flow)
    waiting = {node: len(sources) for node, sources in before.items()}
    ready = [node for node in reversed(before) if not waiting[node]]
    order = []
    while ready:
        order.append(ready.pop())
        freed = []
        for target in after[order[-1]]:
            waiting[target] -= 1
            if not waiting[target]:
                freed.append(target)
        ready += reversed(freed)
    return order


def _sides(flow: Flow) -> tuple[dict[str, dict[str, None]], dict[str, dict[str, None]]]:
    """Return what stands before each task and input, and what after it, in the text's order."""
    before: dict[str, dict[str, None]] = {node: {} for node in (*flow.inputs, *flow.tasks)}
    after: dict[str, dict[str, None]] = {node: {} for node in before}
    for edge in drawn_edges(flow):
        before[edge.target][edge.source] = None
        after[edge.source][edge.target] = None
    return before, after
